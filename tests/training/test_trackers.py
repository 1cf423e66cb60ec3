"""What trackers are told of a training."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from accelerate import tracking as known

from unnoise import DenoisingMarkovModel, InputError
from unnoise.networks import MLP
from unnoise.training import Looks, Step, measured, tracking
from unnoise.training.trackers import EVERY


class Book(known.GeneralTracker):
    """Writes down what it is told."""

    name = "book"
    requires_logging_directory = False
    told: list[Any]

    def __init__(self, run: str) -> None:
        super().__init__(_blank=True)
        type(self).told = [("run", run)]

    @property
    def tracker(self) -> None:
        return None

    def store_init_configuration(self, values: dict[str, Any]) -> None:
        self.told.append(("about", values))

    def log(self, values: dict[str, float], step: int | None = None, **_: Any) -> None:
        self.told.append((step, values))

    def finish(self) -> None:
        self.told.append(("end", None))


@pytest.fixture
def book(monkeypatch: pytest.MonkeyPatch) -> Iterator[type[Book]]:
    monkeypatch.setitem(known.LOGGER_TYPE_TO_CLASS, "book", Book)
    monkeypatch.delenv("RANK", raising=False)
    return Book


def test_every_tenth_step_each_look_and_the_last_step_are_told(book: type[Book]) -> None:
    with tracking("book", "model", {"steps": 25, "kinds": {"a": "real"}}) as tell:
        for step in range(1, 26):
            tell(step, {"loss": 1 / step} | ({"validation_loss": 0.5} if step == 17 else {}))
    (_, run), (_, about), *told, end = book.told
    assert (run, about) == ("model", {"steps": 25, "kinds": "{'a': 'real'}"})
    assert [step for step, _ in told] == [1, 1 + EVERY, 17, 1 + 2 * EVERY, 25]
    assert told[2][1]["validation_loss"] == 0.5
    assert end == ("end", None)


def test_a_run_that_fails_is_ended_too(book: type[Book]) -> None:
    def interrupted() -> None:
        with tracking("book", "model", {}) as tell:
            tell(1, {"loss": 1.0})
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert book.told[-1] == ("end", None)


def test_one_of_several_processes_tells(book: type[Book], monkeypatch: pytest.MonkeyPatch) -> None:
    book.told = []
    monkeypatch.setenv("RANK", "1")
    with tracking("book", "model", {}) as tell:
        tell(1, {"loss": 1.0})
    assert book.told == []


def test_unknown_and_missing_trackers_are_told_in_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(known, "get_available_trackers", list)
    with (
        pytest.raises(InputError, match=r"'comet_ml', which is not installed; .*: pip install comet-ml"),
        tracking("comet_ml", "m", {}),
    ):
        pass
    with (
        pytest.raises(InputError, match=r"got the tracker 'pen'; expected one of aim, .*tensorboard"),
        tracking("pen", "m", {}),
    ):
        pass


def test_a_step_tells_the_loss_of_its_own_look_alone() -> None:
    step, looks = Step(4, 2.0, 1e-3, 0.7, 0.5, {}), Looks([0, 5], [9.0, 1.5])
    own = {"loss": 2.0, "learning_rate": 1e-3, "gradient_norm": 0.7}
    assert measured(step, looks) == own | {"validation_loss": 1.5}
    assert measured(Step(5, 2.0, 1e-3, 0.7, 0.5, {}), looks) == own


def test_fit_calls_after_every_step() -> None:
    seen = []
    x = np.random.default_rng(0).normal(size=(60, 2))
    model = DenoisingMarkovModel(steps=6, batch_size=16, network=MLP)
    model.fit(x, on_step=lambda step, numbers: seen.append((step, numbers)))
    assert [step for step, _ in seen] == [1, 2, 3, 4, 5, 6]
    assert [numbers["loss"] for _, numbers in seen] == list(model.losses_)
    looked = {step: numbers["validation_loss"] for step, numbers in seen if "validation_loss" in numbers}
    assert looked == {int(step): loss for step, loss in model.validation_losses_ if step}
    with pytest.raises(InputError, match="on_step"):
        model.fit(x, on_step=3)  # type: ignore[arg-type]


def test_tensorboard_gets_a_file(tmp_path: Path) -> None:
    pytest.importorskip("tensorboard", reason="tensorboard is not installed")
    with tracking("tensorboard", "model", {"steps": 1}, folder=tmp_path) as tell:
        tell(1, {"loss": 1.0})
    assert list((tmp_path / "model").glob("events.out.tfevents.*"))
