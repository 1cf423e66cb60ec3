"""Every published experiment runs end to end, small; what it would measure is in results/."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest
from typer.testing import CliRunner

import experiments
from unnoise._errors import InputError
from unnoise.cli import app

NEEDS_DATA = ("earth", "torsions", "antibody", "walk-jump-digits", "products", "ddpm", "digits-bits")


@pytest.mark.parametrize("name", experiments.NAMES)
def test_a_small_run_writes_numbers_and_pictures(name: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    real = ["--data", str(request.getfixturevalue("shared_data"))] if name in NEEDS_DATA else []
    done = CliRunner().invoke(app, ["reproduce", name, "--quick", "-o", str(tmp_path), *real])
    assert done.exit_code == 0, done.output
    found = json.loads((tmp_path / f"{name}-quick.json").read_text())
    numbers = [value for value in found["measured"].values() if isinstance(value, int | float)]
    assert numbers
    assert all(math.isfinite(value) for value in numbers)
    assert found["command"].startswith("unnoise")
    assert list(tmp_path.glob(f"{name}-quick*.png"))
    assert set(found["published"]) <= set(found["measured"])


def test_a_bare_call_lists_them_all() -> None:
    done = CliRunner().invoke(app, ["reproduce"])
    assert done.exit_code == 0
    assert [line.split()[0] for line in done.stdout.splitlines()] == list(experiments.NAMES)


def test_a_misspelt_name_is_guessed() -> None:
    with pytest.raises(InputError, match="no experiment 'heartbeats'; did you mean heartbeat"):
        experiments.named("heartbeats")


def test_missing_data_is_said(tmp_path: Path) -> None:
    setting = experiments.Setting(quick=True, data=tmp_path)
    with pytest.raises(InputError, match=r"needs earth/volcano\.csv, which is not in .*; name the folder"):
        experiments.named("earth").run(setting)
