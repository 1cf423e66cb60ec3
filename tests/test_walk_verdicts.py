"""The judge of random targets: its exact draws agree with its densities, and it sees what is wrong."""

from __future__ import annotations

import importlib
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

BENCHMARKS = Path(__file__).resolve().parents[1] / "benchmarks"

pytestmark = pytest.mark.skipif(not BENCHMARKS.is_dir(), reason="no benchmarks here")


@pytest.fixture
def judge(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    found = importlib.import_module("walk_verdicts")
    monkeypatch.setattr(found, "EXACT", 20_000)
    return found


def rng(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("index", range(60))
def test_exact_draws_follow_the_normalised_density(judge: Any, index: int) -> None:
    """The share of draws in a box is the integral over it."""
    target = judge.random_target(index)
    x = target.draw(40_000, rng(0))
    assert torch.isfinite(target.log_prob(x)).all()
    if target.dimension > 2:  # too few in a box
        return
    low, high = (torch.quantile(x, level, dim=0) for level in (0.35, 0.65))
    near = ((x > low) & (x < high)).all(1).double().mean()
    if target.kind == "ring" and near < 1e-3:  # the box lies in its hole
        return
    box = low + (high - low) * torch.rand(200_000, target.dimension, generator=rng(1), dtype=torch.float64)
    mass = (target.log_prob(box) - target.log_z).exp().mean() * (high - low).prod()
    assert float(near) == pytest.approx(float(mass), rel=0.1)


def walked(x: torch.Tensor, log_z: float) -> Any:
    verdict = SimpleNamespace(log_z_error=0.01, r_hat=1.0, doubts=())
    return lambda *args, **options: SimpleNamespace(draws=x, log_z=log_z, trusted=True, verdict=verdict, evaluations=1)


def test_a_walk_that_loses_a_mode_is_wrong_and_exact_draws_are_right(judge: Any) -> None:
    target = judge.random_target(1)
    x = target.draw(4000, rng(2))
    assert not judge.row(1, walked(x, target.log_z))["wrong"]
    assert judge.row(1, walked(x, target.log_z + 0.5))["wrong"]
    part = target.part(x)
    lost = x[part != part.bincount().argmin()]
    rows = [judge.row(1, walked(lost, target.log_z)), judge.row(1, walked(x, target.log_z))]
    assert judge.counted(rows) == {
        "asked": 2, "trusted, wrong": 1, "doubted, right": 0, "trusted, right": 1, "doubted, wrong": 0,
    }  # fmt: skip


def test_a_later_run_of_the_same_code_goes_on_and_of_another_begins_anew(judge: Any, tmp_path: Path) -> None:
    path = tmp_path / "results.json"
    assert judge.judged_before(path, "one") == ([], 0.0)
    path.write_text('{"seconds": 5.0, "measured": {"code": "one", "targets": [{"kind": "normal"}]}}')
    assert judge.judged_before(path, "one") == ([{"kind": "normal"}], 5.0)
    assert judge.judged_before(path, "other") == ([], 0.0)
    folder = tmp_path / "walking"
    folder.mkdir()
    for name in ("_random_targets.py", *(f"walking/{part}.py" for part in judge.CODE)):
        (tmp_path / name).write_text("x = 1")
    before = judge.code_of(tmp_path, tmp_path)
    (folder / "verdict.py").write_text("x = 2")
    assert judge.code_of(tmp_path, tmp_path) != before
