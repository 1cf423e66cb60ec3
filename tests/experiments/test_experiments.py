"""Every published experiment runs end to end, small; what it would measure is in results/."""

from __future__ import annotations

import json
import math
import shutil
import subprocess
from pathlib import Path

import pytest
from typer.testing import CliRunner

import experiments
from experiments.__main__ import app
from unnoise._errors import InputError

ROOT = Path(__file__).resolve().parents[2]
NEEDS_DATA = (
    *("earth", "torsions", "antibody", "walk-jump-digits", "products", "ddpm", "digits-bits"),
    *("imputation-adult", "imputation-rna", "mnist-inpainting", "sbibm", "sbibm-likelihood", "sbibm-sbi"),
    *("sbibm-rounds", "sbibm-sets", "gb1", "rna-torsions", "shakespeare"),
)
QUICK = ("heartbeat", "solver-orders", "dead-leaves")


@pytest.mark.filterwarnings("ignore::unnoise.samplers.InaccurateSamplesWarning")  # small runs are coarse
@pytest.mark.parametrize(
    "name", [name if name in QUICK else pytest.param(name, marks=pytest.mark.slow) for name in experiments.NAMES]
)
def test_a_small_run_writes_numbers_and_pictures(name: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    real = ["--data", str(request.getfixturevalue("shared_data"))] if name in NEEDS_DATA else []
    done = CliRunner().invoke(app, [name, "--quick", "-o", str(tmp_path), *real])
    assert done.exit_code == 0, done.output
    found = json.loads((tmp_path / f"{name}-quick.json").read_text())
    numbers = [value for value in found["measured"].values() if isinstance(value, int | float)]
    assert numbers
    assert all(math.isfinite(value) for value in numbers)
    assert found["command"].startswith("python -m experiments")
    assert list(tmp_path.glob(f"{name}-quick*.png"))
    assert set(found["published"]) <= set(found["measured"])


def test_a_bare_call_lists_them_all() -> None:
    done = CliRunner().invoke(app, [])
    assert done.exit_code == 0
    assert [line.split()[0] for line in done.stdout.splitlines()] == list(experiments.NAMES)
    for line in done.stdout.splitlines():
        assert len(line.split()) > 2, "a name and a summary"


def test_a_misspelt_name_is_guessed() -> None:
    with pytest.raises(InputError, match="no experiment 'heartbeats'; did you mean heartbeat"):
        experiments.named("heartbeats")


def test_a_wrong_call_is_one_sentence_and_an_exit_code(tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["heartbeets", "-o", str(tmp_path)])
    assert done.exit_code == 2
    assert done.stderr.startswith("unnoise: there is no experiment 'heartbeets'; did you mean heartbeat?")
    (tmp_path / "heartbeat-quick.json").write_text("mine")
    done = CliRunner().invoke(app, ["heartbeat", "--quick", "-o", str(tmp_path)])
    assert done.exit_code == 2
    assert "heartbeat-quick.json exists; pass --overwrite" in done.stderr
    assert (tmp_path / "heartbeat-quick.json").read_text() == "mine"


MAKE = shutil.which("make")


@pytest.mark.skipif(MAKE is None, reason="make is not installed")
@pytest.mark.parametrize(
    ("variables", "words"),
    [
        ((), ""),
        (("NAME=heartbeat",), "heartbeat --overwrite"),
        (("NAME=earth", "QUICK=1", "DATA=my data", "SEED=3"), "earth --overwrite --quick --data 'my data' --seed 3"),
    ],
)
def test_make_hands_its_variables_on(variables: tuple[str, ...], words: str) -> None:
    """`make --dry-run` prints what it would run, also under another make; --assume-old skips the installation."""
    command = [str(MAKE), "--no-print-directory", "--dry-run", "--assume-old=.venv/.installed", "reproduce", *variables]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    said = " ".join(done.stdout.replace("\\\n", " ").split())
    assert said.endswith(f"python -m experiments {words}".rstrip())


def test_missing_data_is_said(tmp_path: Path) -> None:
    setting = experiments.Setting(quick=True, data=tmp_path)
    with pytest.raises(InputError, match=r"needs earth/volcano\.csv, which is not in .*; name its folder"):
        experiments.named("earth").run(setting)
