"""What the README shows works as it stands there; only the training is made short."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from unnoise.cli import app

README = (Path(__file__).resolve().parents[1] / "README.md").read_text(encoding="utf-8")
PYTHON = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
COMMANDS = re.findall(r"^\.venv/bin/unnoise (.*?)(?: {2,}#.*)?$", README, re.MULTILINE)


@pytest.fixture
def desk(tmp_path, monkeypatch):
    """A folder with the files that the README speaks of, as the working directory."""
    pd = pytest.importorskip("pandas")
    rng = np.random.default_rng(0)
    for name in ("measurements", "other", "held_out"):
        frame = pd.DataFrame({"length": rng.normal(3, 1, 60), "count": rng.integers(0, 9, 60)})
        frame["group"] = rng.choice(["a", "b"], 60)
        frame.to_csv(tmp_path / f"{name}.csv", index=False)
    for name, frame in _every_kind(rng).items():
        pd.DataFrame(frame).to_csv(tmp_path / f"{name}.csv", index=False)
    np.save(tmp_path / "tokens.npy", rng.integers(0, 5, (60, 12)))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def _every_kind(rng):
    """Files whose columns are no plain numbers."""
    turns = rng.normal(size=(60, 4))
    turns /= np.linalg.norm(turns, axis=1, keepdims=True)
    shares = rng.dirichlet([2.0, 3.0, 4.0], 60)
    return {
        "quakes": {"lat": rng.uniform(-80, 80, 60), "lon": rng.uniform(-180, 180, 60)},
        "torsions": {"phi": rng.uniform(-180, 180, 60), "psi": rng.uniform(-180, 180, 60)},
        "poses": {f"q{axis}": turns[:, i] for i, axis in enumerate("xyzw")},
        "soil": {
            **{name: shares[:, i] for i, name in enumerate(("sand", "silt", "clay"))},
            "worms": rng.poisson(3.0, 60),
            "grade": rng.integers(1, 5, 60),
        },
    }


def test_python_examples_run(desk):
    assert len(PYTHON) == 2
    for block in PYTHON:
        exec(block.replace("DenoisingMarkovModel(", "DenoisingMarkovModel(steps=5, "), {})


def test_commands_run(desk):
    verbs = [command.split()[0] for command in COMMANDS]
    assert verbs == ["fit", "sample", "score", "evaluate", *["fit"] * 5]
    for command in COMMANDS:
        words = shlex.split(command)
        short = ["--steps", "3", "--batch-size", "16"] if words[0] == "fit" else []
        short += (
            ["--condition", "group"]
            if words[:2] == ["fit", "measurements.csv"]
            else ["--overwrite"] * (words[0] == "fit")
        )
        short += ["--given", "group=a"] if words[0] == "sample" else []
        done = CliRunner().invoke(app, [*words, *short])
        assert done.exit_code == 0, done.output
    assert (desk / "report.html").stat().st_size > 10_000


def test_files_that_are_linked_exist():
    root = Path(__file__).resolve().parents[1]
    for target in re.findall(r"\]\(([^)#]+)\)", README):
        assert (root / target).exists(), target
