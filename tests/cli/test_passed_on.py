"""Options that decide what a command calls: what is called is recorded, and ends there."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from typer.testing import Result

from unnoise import DenoisingMarkovModel as Unfitted
from unnoise._errors import InputError

Run = Callable[..., Result]
MINE = "def log_prob(x):\n    return -(x**2).sum(-1)\n"


class Recorded:
    """Keeps what it is called with."""

    def __init__(self) -> None:
        self.args: tuple[Any, ...] = ()
        self.options: dict[str, Any] = {}

    def __call__(self, *args: Any, **options: Any) -> None:
        self.args, self.options = args, options
        raise InputError("that was enough")


@pytest.fixture
def told(run: Run, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Recorded]:
    """What a command calls in this place."""

    def call(owner: Any, name: str, *words: object) -> Recorded:
        recorded = Recorded()
        monkeypatch.setattr(owner, name, lambda *args, **options: recorded(*args, **options))
        assert "that was enough" in run(*words).stderr
        return recorded

    return call


def test_fit_passes_on_what_is_said_of_columns_and_rows(told: Callable[..., Recorded], tmp_path: Path) -> None:
    rows = pl.DataFrame({"a": [1.5, 2.5], "b": [2.0, 3.0], "c": ["u", "v"], "w": [1.0, 0.5]})
    rows.write_csv(tmp_path / "rows.csv")
    others = rows.with_columns(a=pl.col("a") - 1)
    others.write_csv(tmp_path / "others.csv")
    words = ("--constraint", "a <= b", "--constraint", "b > 0", "--condition", "c", "--column", "a=real")
    files = ("--weight", "w", "--validation", tmp_path / "others.csv", "--checkpoint-every", "7s")
    found = told(Unfitted, "fit", "fit", tmp_path / "rows.csv", "-o", tmp_path / "model", *words, *files)
    model, data, y = found.args
    plain = Unfitted().get_params()
    assert {name: value for name, value in model.get_params().items() if value != plain[name]} == {
        "constraints": ["a <= b", "b > 0"],
        "condition": ["c"],
        "kinds": {"a": "real"},
        "checkpoint_every": 7.0,
    }
    assert data.data.equals(rows.drop("w"))
    assert y is None
    np.testing.assert_array_equal(found.options["sample_weight"], rows["w"])
    assert found.options["validation_data"].equals(others.drop("w"))
    assert (found.options["folder"], found.options["resume"], found.options["overwrite"]) == (
        tmp_path / "model",
        False,
        False,
    )


def test_fit_holds_out_the_share_that_it_is_told(told: Callable[..., Recorded], data: Path, tmp_path: Path) -> None:
    found = told(Unfitted, "fit", "fit", data / "rows.csv", "-o", tmp_path / "model", "--validation", 0.25)
    assert found.args[0].validation == 0.25
    assert found.options["validation_data"] is None


def test_walk_passes_on_all_that_is_said(
    told: Callable[..., Recorded], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.py").write_text(MINE)
    np.save(tmp_path / "start.npy", np.array([[3.0, 4.0]]))
    words = ("--dimension", 2, "-n", 7, "--seed", 5, "--processes", 3, "--start", "start.npy")
    found = told(importlib.import_module("unnoise.walking"), "walk", "walk", "mine.py", "-o", "points.csv", *words)
    assert [found.options[name] for name in ("n", "seed", "processes", "learn")] == [7, 5, 3, False]
    assert found.options["start"].tolist() == [[3.0, 4.0]]
    assert found.args[0].space.event_shape == (2,)
    checkpoint = found.options["checkpoint"]
    assert (checkpoint.path.name, checkpoint.resume) == ("points.csv.checkpoint", False)
    (tmp_path / "points.csv.checkpoint").write_bytes(b"")
    again = told(
        importlib.import_module("unnoise.walking"),
        "walk",
        "walk",
        "mine.py",
        "-o",
        "points.csv",
        *words[:2],
        "--learn",
        "--resume",
    )
    assert again.options["checkpoint"].resume
    assert again.options["learn"]


def test_sample_passes_on_guidance_and_the_conditions_of_every_row(
    told: Callable[..., Recorded], model: Path, tmp_path: Path
) -> None:
    pl.DataFrame({"digit": [0, 1, 2]}).write_csv(tmp_path / "labels.csv")
    words = ("--guidance", 2.5, "--labels", tmp_path / "labels.csv", "--seed", 5)
    found = told(Unfitted, "sample", "sample", model, "-o", tmp_path / "new.csv", *words)
    assert found.args[1] == 3
    assert found.options["guidance"] == 2.5
    assert found.options["y"]["digit"].to_list() == [0, 1, 2]


def test_fit_passes_on_that_it_is_to_be_quick(told: Callable[..., Recorded], data: Path, tmp_path: Path) -> None:
    assert told(Unfitted, "fit", "fit", data / "rows.csv", "-o", tmp_path / "model", "--quick").args[0].quick is True


def test_impute_passes_on_the_conditions_of_every_row_and_the_steps(
    told: Callable[..., Recorded], model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importlib.import_module("unnoise.cli.reading"), "idle_labels", lambda *of: (False, ""))
    pl.DataFrame({"a": [0.5, None, 1.5, 0.0], "b": [9.0, 10.0, 11.0, 12.5]}).write_csv(tmp_path / "rows.csv")
    pl.DataFrame({"digit": [0, 1, 2, 3]}).write_csv(tmp_path / "labels.csv")
    words = ("--labels", tmp_path / "labels.csv", "--sampling-steps", 9, "--sampler", "multistep", "--draws", 2)
    found = told(Unfitted, "impute", "impute", model, tmp_path / "rows.csv", "-o", tmp_path / "new.csv", *words)
    assert found.args[2]["digit"].to_list() == [0, 1, 2, 3]
    assert (found.options["draws"], found.args[0].sampler.keywords) == (2, {"steps": 9})
