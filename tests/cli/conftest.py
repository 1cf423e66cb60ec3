"""The command line in this process, small files of data, and models fitted on them by it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from json_schema import faults, of
from light import judges
from PIL import Image
from typer.main import get_command
from typer.testing import CliRunner, Result

from unnoise.cli import app

Run = Callable[..., Result]
FEW = ("--steps", "3", "--batch-size", "16", "--device", "cpu")
REAL = ("--column", "a=real", "--column", "b=real")  # numbers on the line, with an exact density


@pytest.fixture(scope="session")
def run() -> Iterator[Run]:
    """Run a command; what is no expected ending is an error, as is JSON that its schema does not foresee.

    The commands are built once: that costs as much as a refusal.
    """
    runner = CliRunner(env={"COLUMNS": "200", "NO_COLOR": "1", "RANK": None, "UNNOISE_TRACEBACK": "1"})

    def call(*words: object) -> Result:
        typed = [str(word) for word in words]
        done = runner.invoke(app, typed, catch_exceptions=False)
        if "--json" in typed and done.stdout and "--help" not in typed:
            assert not list(faults(json.loads(done.stdout), of(typed[0])))
        return done

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("typer.testing._get_command", cache(get_command))
        yield call


@pytest.fixture
def done(run: Run) -> Run:
    """Run a command that must succeed and have nothing to complain about."""

    def call(*words: object) -> Result:
        result = run(*words)
        assert (result.exit_code, result.stderr) == (0, "")
        return result

    return call


@pytest.fixture
def refused(run: Run) -> Callable[..., str]:
    """Run a command that must be refused with one line on the error stream, and return it."""

    def call(*words: object, match: str) -> str:
        result = run(*words)
        assert result.exit_code == 2, result.output
        assert result.stdout == ""
        assert re.fullmatch(r"unnoise: [^\n]+\n", result.stderr)
        assert re.search(match, result.stderr), result.stderr
        return result.stderr

    return call


@pytest.fixture(scope="session")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with one small set of rows in every format, and images with labels."""
    folder, rng = tmp_path_factory.mktemp("data"), np.random.default_rng(0)
    rows = rng.normal(size=(40, 2)) @ np.array([[1.0, 0.5], [0.0, 1.0]])
    frame = pl.DataFrame({"a": rows[:, 0], "b": 10 + 5 * rows[:, 1]})
    frame.write_csv(folder / "rows.csv")
    frame.write_parquet(folder / "rows.parquet")
    np.save(folder / "rows.npy", rows)
    people = frame.with_columns(sex=rng.choice(["Female", "Male"], 40), age=rng.integers(18, 90, 40))
    people.write_csv(folder / "people.csv")
    (folder / "images").mkdir()
    for i in range(12):
        Image.fromarray(rng.integers(0, 256, (8, 8), dtype=np.uint8)).save(folder / "images" / f"{i:03}.png")
    pl.DataFrame({"digit": np.arange(12) % 3}).write_csv(folder / "labels.csv")
    return folder


@pytest.fixture(scope="module")
def light_judges() -> Iterator[None]:
    with judges():
        yield


@pytest.fixture(scope="session")
def model(run: Run, data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model of rows.csv, whose columns are said to be real."""
    folder = tmp_path_factory.mktemp("models") / "rows"
    assert run("fit", data / "rows.csv", "-o", folder, *FEW, *REAL).exit_code == 0
    return folder


@pytest.fixture(scope="session")
def conditional(run: Run, data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model of people.csv given sex and age."""
    folder = tmp_path_factory.mktemp("models") / "people"
    assert run("fit", data / "people.csv", "-o", folder, "--condition", "sex,age", *FEW).exit_code == 0
    return folder
