"""unnoise export; tests/model/test_exporting.py says what is in the folder."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import Result

from unnoise.model import exporting
from unnoise.model.exporting import DENOISER, LAW, PLAN, SAMPLER

Run = Callable[..., Result]


@pytest.fixture(scope="module")
def quick(run: Run, data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A quick model, whose law is soon written."""
    folder = tmp_path_factory.mktemp("models") / "quick"
    assert run("fit", data / "people.csv", "-o", folder, "--quick").exit_code == 0
    return folder


def test_what_it_cannot_read_or_write_is_refused(refused: Callable[..., str], model: Path, tmp_path: Path) -> None:
    refused("export", tmp_path / "none", "-o", tmp_path / "out", match="there is no model in")
    (tmp_path / "notes.txt").touch()
    refused("export", model, "-o", tmp_path, "--overwrite", match="and holds something else: name another folder")
    refused("export", model, "-o", tmp_path / "out", "--sampling-steps", 0, match="steps = 0")
    assert not (tmp_path / "out").exists()


def test_the_folders_above_are_made(done: Run, quick: Path, tmp_path: Path) -> None:
    done("export", quick, "-o", tmp_path / "several" / "new")
    assert {path.name for path in (tmp_path / "several" / "new").iterdir()} == {LAW, PLAN, SAMPLER}


def test_a_folder_that_cannot_be_made_is_refused_before_the_work(
    refused: Callable[..., str], quick: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exporting, "_of_table", lambda *_: pytest.fail("it worked"))
    (tmp_path / "file").touch()
    refused("export", quick, "-o", tmp_path / "file" / "out", match="cannot be made: .*file' is a file")


@pytest.mark.slow
def test_a_model_becomes_three_files(done: Run, model: Path, tmp_path: Path) -> None:
    told = json.loads(done("export", model, "-o", tmp_path / "out", "--sampling-steps", 7, "--json").stdout)
    assert told == {"output": str(tmp_path / "out"), "model": str(model)}
    assert {path.name for path in (tmp_path / "out").iterdir()} == {DENOISER, PLAN, SAMPLER}
    assert len(json.loads((tmp_path / "out" / PLAN).read_text(encoding="utf-8"))["times"]) == 7
