"""Models go to the Hugging Face hub and come back: a stand-in of it runs on this machine."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from unnoise import DenoisingMarkovModel, InputError, load, storage
from unnoise.networks import MLP
from unnoise.storage import CONFIG, WEIGHTS, fetched, is_name

NAME = "someone/points"
X = np.random.default_rng(0).normal(3.0, 2.0, (40, 2))
hub = pytest.importorskip("huggingface_hub", reason="huggingface_hub is not installed")

from hub_stand_in import Hub, served, sha  # noqa: E402


def tiny(steps: int) -> DenoisingMarkovModel:
    return DenoisingMarkovModel(steps=steps, batch_size=16, network=partial(MLP, width=16, depth=1)).fit(X)


@pytest.fixture(scope="module")
def model() -> DenoisingMarkovModel:
    return tiny(3)


@pytest.fixture
def shelf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    """An empty hub, an empty cache, no account, and a folder of work."""
    from huggingface_hub import constants

    monkeypatch.chdir(tmp_path)
    with served() as (found, address):
        monkeypatch.setenv("HF_ENDPOINT", address)
        for name, value in {"HF_HUB_CACHE": str(tmp_path / "cache"), "HF_HUB_OFFLINE": False}.items():
            monkeypatch.setattr(constants, name, value)
        monkeypatch.setenv("HF_TOKEN", "hf_a_token_of_nobody")
        monkeypatch.setenv("HF_HUB_DISABLE_PROGRESS_BARS", "1")
        yield found


def test_a_model_is_the_same_after_the_hub(model: DenoisingMarkovModel, shelf: Hub) -> None:
    address = model.push_to_hub(NAME, license="cc-by-4.0")
    assert address.endswith(sha(NAME, 0))
    (files,) = shelf.models[NAME]
    assert set(files) == {CONFIG, WEIGHTS, "README.md"}
    assert b"cc-by-4.0" in files["README.md"]
    for back in (load(NAME), DenoisingMarkovModel.from_pretrained(NAME)):
        np.testing.assert_array_equal(back.sample(5, seed=1), model.sample(5, seed=1))
    assert not any("README" in path for method, path in shelf.asked if method == "GET")  # nothing reads it


def test_a_revision_is_a_commit(model: DenoisingMarkovModel, shelf: Hub) -> None:
    model.push_to_hub(NAME)
    newer = tiny(4)
    newer.push_to_hub(NAME)
    assert len(load(NAME).losses_) == 4
    assert len(load(NAME, revision=sha(NAME, 0)).losses_) == 3
    assert len(DenoisingMarkovModel.from_pretrained(NAME, revision=sha(NAME, 0)).losses_) == 3


def test_a_folder_of_the_name_wins(model: DenoisingMarkovModel, shelf: Hub) -> None:
    model.save(NAME)
    assert len(load(NAME).losses_) == 3
    assert shelf.asked == []
    with pytest.raises(InputError, match="revision = 'main', which is for models of the hub"):
        load(NAME, revision="main")


def damaged(files: dict[str, bytes]) -> None:
    files[WEIGHTS] = files[WEIGHTS][:-1] + bytes([files[WEIGHTS][-1] ^ 1])


def forged(files: dict[str, bytes]) -> None:
    files[CONFIG] = files[CONFIG].replace(b'"steps"', b'"stepz"')


def incomplete(files: dict[str, bytes]) -> None:
    del files[WEIGHTS]


@pytest.mark.parametrize(
    ("change", "match"),
    [(damaged, "is damaged or belongs to another"), (forged, "it is damaged"), (incomplete, "has no weights")],
)
def test_what_comes_from_the_hub_is_checked(
    change: Callable[..., None], match: str, model: DenoisingMarkovModel, shelf: Hub
) -> None:
    model.push_to_hub(NAME)
    change(shelf.models[NAME][0])
    with pytest.raises(InputError, match=match):
        load(NAME)


def test_what_there_is_not_is_told_in_a_sentence(model: DenoisingMarkovModel, shelf: Hub) -> None:
    with pytest.raises(InputError, match=r"the hub has no model 'no/one' .*hf auth login"):
        load("no/one")
    model.push_to_hub(NAME)
    with pytest.raises(InputError, match="has no such revision on the hub"):
        load(NAME, revision="v9")
    with pytest.raises(InputError, match="expected ACCOUNT/NAME"):
        model.push_to_hub("points")


def test_a_hub_out_of_reach_is_told_in_a_sentence(shelf: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(InputError, match=r"'no/one' is no folder here, and the hub cannot be reached"):
        load("no/one")


def test_a_hub_that_breaks_off_is_no_wrong_input(
    model: DenoisingMarkovModel, shelf: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")  # where nobody listens
    with pytest.raises(OSError, match=r"the hub could not be used for 'someone/points'"):
        model.push_to_hub(NAME)
    with pytest.raises(InputError, match=r"'no/one' is no folder here, and the hub cannot be reached"):
        load("no/one")


def test_the_cache_serves_without_the_hub(model: DenoisingMarkovModel, shelf: Hub) -> None:
    model.push_to_hub(NAME)
    load(NAME)
    shelf.asked.clear()
    assert len(DenoisingMarkovModel.from_pretrained(NAME, local_files_only=True).losses_) == 3
    assert shelf.asked == []


def test_without_the_extra_one_sentence_says_what_to_install(
    model: DenoisingMarkovModel, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(InputError, match=r"no folder 'a/b', .* is needed: pip install 'unnoise\[hub\]'"):
        fetched("a/b")
    with pytest.raises(InputError, match=r"pip install 'unnoise\[hub\]'"):
        model.push_to_hub("a/b")


@pytest.mark.parametrize(
    ("text", "expected"),
    [("a/b", True), ("a", False), ("/a/b", False), ("a/b/c", False), ("./a", False), ("../a", False), ("a\\b", False)],
)
def test_only_account_and_name_are_asked_for(text: Any, expected: bool) -> None:
    assert is_name(text) == expected
    assert not is_name(Path(text))


def test_a_card_of_ones_own_stays(model: DenoisingMarkovModel, tmp_path: Path) -> None:
    folder = tmp_path / "model"
    model.save(folder)
    card = folder / storage.CARD
    assert card.read_text(encoding="utf-8") == model.card()
    model.save(folder, overwrite=True, card=f"{model.card()}\nmore")
    assert card.read_text(encoding="utf-8").endswith("more")
    card.write_text("# Mine\n", encoding="utf-8")
    model.save(folder, overwrite=True)
    assert card.read_text(encoding="utf-8") == "# Mine\n"
