"""The main job, made small."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from sklearn import datasets
from typer.testing import Result

import unnoise.cli  # noqa: F401 - puts the module of the verb in sys.modules
from unnoise import InputError, load, model
from unnoise.networks import MLP

pytestmark = pytest.mark.usefixtures("light_judges")

Run = Callable[..., Result]


def _tiny(*shapes: Any, **_: Any) -> MLP:
    return MLP(*shapes, width=16, depth=1)


@pytest.fixture
def few_digits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only 120 digits, of which 20 are held out, and a smaller network."""
    digits = datasets.load_digits()
    digits.images, digits.target = digits.images[:120], digits.target[:120]
    monkeypatch.setattr(datasets, "load_digits", lambda: digits)
    monkeypatch.setattr(sys.modules["unnoise.cli.demo"], "HELD_OUT", 20)
    monkeypatch.setattr(model.estimator, "default_network", _tiny)


def keeps_what_it_was_given(trained: model.DenoisingMarkovModel) -> None:
    """The draws have the upper halves of the digits, and lower halves of their own."""
    digits = datasets.load_digits()
    figure = sys.modules["unnoise.cli.demo"]._completed(trained, digits.images[:40], digits.target[:40], 0)
    shown = np.stack([np.asarray(image.get_array())[..., 0] for image in figure.axes[0].images]).reshape(5, 10, 8, 8)
    held_out, given, *draws = shown
    assert np.ptp(given[:, 4:]) == 0
    np.testing.assert_array_equal(given[:, :4], held_out[:, :4])
    for draw in draws:
        np.testing.assert_array_equal(draw[:, :4], held_out[:, :4])
        assert not np.array_equal(draw[:, 4:], held_out[:, 4:])
    assert not np.array_equal(draws[0], draws[1])


@pytest.mark.usefixtures("few_digits")
def test_digits_become_a_model_new_digits_and_a_report(run: Run, tmp_path: Path) -> None:
    """Also where the time to train ends first, which is said."""
    words = ("demo", "-o", tmp_path / "demo", "--steps", "1000000", "--time", "0.2s", "--device", "cpu")
    result = run(*words, "--json")
    assert result.exit_code == 0
    assert [line.split()[0] for line in result.stderr.splitlines()] == ["1/3", "unnoise:", "2/3", "3/3"]
    assert "the time to train, 0.2s, ended after" in result.stderr
    numbers = json.loads(result.stdout)
    assert {"bound_bits_per_dim", "c2st_accuracy", "copying_ratio", "seconds"} <= numbers.keys()
    assert 1 < numbers["bound_bits_per_dim"] < 8
    assert numbers["copying_ratio"] > 0, "held-out digits are no training digits"
    assert load(tmp_path / "demo" / "model").sample(1, given={"digit": 3}, seed=0, steps=2).shape == (1, 8, 8)
    page = (tmp_path / "demo" / "report.html").read_text()
    assert "Handwritten digits" in page
    assert "Completed from the upper half" in page
    for name in ("samples.png", "completed.png"):
        with Image.open(tmp_path / "demo" / name) as picture:
            assert picture.format == "PNG"
    keeps_what_it_was_given(load(tmp_path / "demo" / "model"))
    again = run(*words)
    assert again.exit_code == 2
    assert "report.html exists; pass --overwrite" in again.stderr


@pytest.mark.usefixtures("few_digits")
@pytest.mark.parametrize(
    ("words", "match"),
    [("--time soon", "got the time 'soon'"), ("--steps 0", "got steps = 0; expected a whole number from 1")],
)
def test_wrong_options_are_refused(words: str, match: str, run: Run, tmp_path: Path) -> None:
    result = run("demo", "-o", tmp_path / "demo", *words.split())
    assert result.exit_code == 2
    assert result.stderr.splitlines()[-1].startswith(f"unnoise: {match}")


@pytest.mark.usefixtures("few_digits")
@pytest.mark.parametrize("name", ["report.html", "samples.png", "completed.png"])
def test_what_is_there_is_not_replaced_unasked(name: str, run: Run, tmp_path: Path) -> None:
    (tmp_path / name).write_text("mine")
    result = run("demo", "-o", tmp_path, "--steps", "2")
    assert result.exit_code == 2
    assert result.stderr == f"unnoise: {tmp_path / name} exists; pass --overwrite (overwrite=True) to replace it.\n"
    assert [path.name for path in tmp_path.iterdir()] == [name]


@pytest.mark.usefixtures("few_digits")
def test_nothing_is_said_of_time_that_is_enough(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def measure(*_: Any, **__: Any) -> None:
        raise InputError("that was enough")

    monkeypatch.setattr("unnoise.report.evaluate", measure)
    result = run("demo", "-o", tmp_path / "demo", "--steps", "2", "--device", "cpu")
    assert [line.split()[0] for line in result.stderr.splitlines()] == ["1/3", "2/3", "unnoise:"]
    assert result.stderr.endswith("that was enough\n")
