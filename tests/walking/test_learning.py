"""What a denoiser learns of populations is kept where it pays, and the target whatever it learnt."""

from __future__ import annotations

import functools
import importlib
import math
from dataclasses import dataclass

import pytest
import torch
from torch import Tensor

import unnoise
from unnoise._errors import InputError
from unnoise.chains.reversing import Paths
from unnoise.laws import Law
from unnoise.laws.students import Students
from unnoise.spaces import Sphere
from unnoise.testing import ImprobableError, assert_law
from unnoise.walking import Checkpoint, Positive
from unnoise.walking import learning as module
from unnoise.walking.learning import effective_per_evaluation

F64 = torch.float64
RINGS = 3


@pytest.fixture(autouse=True)
def few(monkeypatch):
    """Walks of a second, of small networks."""
    attempting = importlib.import_module("unnoise.walking.attempting")
    monkeypatch.setattr(importlib.import_module("unnoise.walking.movers"), "MOST_PARTS", 2)
    monkeypatch.setattr(attempting, "PARTICLES", 512)
    monkeypatch.setattr(attempting, "MORE_PARTICLES", 512)
    monkeypatch.setattr(attempting, "EFFORTS", (attempting.Effort(0.5, 2, 4),))
    monkeypatch.setattr(module, "STEPS", 20)
    monkeypatch.setattr(module, "LEVELS", 6)
    monkeypatch.setattr(module, "_network", functools.partial(unnoise.networks.MLP, width=8, depth=1, embedding=8))


def rings(x):
    """Three rings side by side, of radius 3 and width .3, of integral 1."""
    length = x.reshape(len(x), RINGS, 2).norm(dim=2)
    normal = -0.5 * ((length - 3) / 0.3).square() - math.log(0.3 * math.sqrt(2 * math.pi))
    return (normal - length.log() - math.log(2 * math.pi)).sum(1)


def normal(x):
    return -0.5 * x.square().sum(1)


@dataclass(frozen=True)
class Rings(Law[Tensor]):
    """Draws of them."""

    def sample(self, rng, shape=()):
        angle = 2 * math.pi * torch.rand((*shape, RINGS), generator=rng, dtype=F64)
        length = 3 + 0.3 * torch.randn((*shape, RINGS), generator=rng, dtype=F64)
        return torch.stack([length * angle.cos(), length * angle.sin()], -1).flatten(-2)

    def log_prob(self, x):
        return rings(x)


@dataclass(frozen=True)
class Known(Paths):
    """What a perfect learner would have learnt; or weights that are wrong by a factor of the point."""

    tilt: float = 0.0

    def drawn(self, n, rng):
        x = Rings().sample(rng, (n,))
        return x, self.traced(x, rng)

    def traced(self, x, rng):
        return rings(x) + self.tilt * x[:, 0]


def walked(log_prob=rings, dimension=2 * RINGS, **options):
    """Without climbs, which take longer than all else."""
    size, one = dimension or 2, torch.ones(1, dtype=F64)
    guess = Students(one, torch.zeros(1, size, dtype=F64), 3 * torch.eye(size, dtype=F64)[None], 5 * one)
    return unnoise.walk(log_prob, **{"dimension": dimension, "n": 2000, "learn": True, "guess": guess} | options)


def across(x):
    """The first number of a ring that is thin is nearly 3 times a cosine: its law, by quadrature over the length."""
    length = torch.linspace(1.5, 4.5, 400, dtype=F64)
    weight = torch.exp(-0.5 * ((length - 3) / 0.3) ** 2)
    share = torch.acos((-x[..., None] / length).clamp(-1, 1)) / math.pi
    return (share * weight / weight.sum()).sum(-1)


def test_a_good_law_is_kept(monkeypatch):
    monkeypatch.setattr(module, "_taught", lambda *given: Known())
    found = walked()
    learnt = found.record.learnt
    assert learnt.kept
    assert learnt.acceptance > 0.999
    assert learnt.effective > 1.5 * learnt.without > 0
    assert learnt.share == pytest.approx(1, abs=1e-9)
    assert learnt.log_z_importance == (pytest.approx(0, abs=1e-9), pytest.approx(0, abs=1e-6))
    assert learnt.log_z_bridge[0] == pytest.approx(0, abs=1e-9)
    assert found.log_z == pytest.approx(0, abs=1e-9)  # the smallest error counts
    assert_law(found.record.particles[:, 512:, 0].flatten(), across)


@pytest.mark.slow
def test_wrong_weights_are_found_out(monkeypatch):
    """The broken twin."""
    monkeypatch.setattr(module, "_taught", lambda *given: Known(0.3))
    tilted = walked()
    with pytest.raises(ImprobableError):
        assert_law(tilted.record.particles[:, 512:, 0].flatten(), across)


def test_a_bad_law_is_not_kept_and_costs_nothing_but_evaluations():
    found = walked(normal, 2)  # whose mixture is perfect
    learnt = found.record.learnt
    assert not learnt.kept
    assert learnt.effective < 1.5 * learnt.without
    assert "were not kept: effective draws per evaluation" in str(learnt)
    assert_law(found.draws[:, 0], torch.special.ndtr)
    assert abs(learnt.log_z_importance[0] - math.log(2 * math.pi)) < 5 * learnt.log_z_importance[1]
    assert abs(learnt.log_z_bridge[0] - math.log(2 * math.pi)) < 5 * learnt.log_z_bridge[1]


@pytest.mark.slow
def test_in_natural_coordinates_and_to_the_same_bits(tmp_path):
    def log_prob(x):
        return (x.log() - x).sum(-1)  # Gamma(2)

    options = {"parameters": Positive(2), "dimension": None}
    calls, right = 0, walked(log_prob, **options)
    assert abs(right.record.learnt.log_z_importance[0]) < 5 * right.record.learnt.log_z_importance[1]

    def interrupted(x):
        nonlocal calls
        calls += 1
        if interrupted.last == calls:
            raise KeyboardInterrupt
        return log_prob(x)

    interrupted.last = 0
    with Checkpoint(tmp_path / "a") as checkpoint:
        walked(interrupted, checkpoint=checkpoint, **options)
    count, calls = calls, 0
    for share in (0.8, 0.97):
        path, interrupted.last, calls = tmp_path / str(share), int(share * count), 0
        with pytest.raises(KeyboardInterrupt), Checkpoint(path, every=0) as checkpoint:
            walked(interrupted, checkpoint=checkpoint, **options)
        with Checkpoint(path, resume=True) as checkpoint:
            found = walked(log_prob, checkpoint=checkpoint, **options)
        assert torch.equal(found.draws, right.draws)
        assert found.record.learnt == right.record.learnt
        assert found.evaluations == right.evaluations
    assert not torch.equal(walked(log_prob, seed=1, **options).draws, right.draws)


def test_a_walk_that_learns_is_not_one_that_does_not(tmp_path):
    def hit(x):
        hit.calls += 1
        if hit.calls > 20:
            raise KeyboardInterrupt
        return normal(x)

    hit.calls = 0
    with pytest.raises(KeyboardInterrupt), Checkpoint(tmp_path / "a", every=0) as checkpoint:
        walked(hit, 2, checkpoint=checkpoint)
    with (
        pytest.raises(InputError, match="whether a denoiser learns was True, and is False now"),
        Checkpoint(tmp_path / "a", resume=True) as checkpoint,
    ):
        walked(normal, 2, learn=False, checkpoint=checkpoint)


def test_other_spaces_are_refused():
    with pytest.raises(InputError, match=r"learn=True \(--learn\) trains .* points of R\^d, and these live on Sphere"):
        unnoise.walk(lambda x: x[:, 0], space=Sphere(2), learn=True)
    with pytest.raises(InputError, match="learn"):
        walked(learn="yes")


def test_the_slowest_number_counts():
    x, y, z = torch.randn(3, 8000, 2, generator=torch.Generator().manual_seed(0), dtype=F64)
    slow = torch.tensor([0.9, 0.1], dtype=F64)
    after = slow * x + (1 - slow**2).sqrt() * y
    rank = 6 / math.pi * math.asin(0.9 / 2)  # of a normal correlation of .9
    assert effective_per_evaluation(x, after, 1, 2) == pytest.approx((1 - rank) / (1 + rank) / 2, rel=0.1)
    assert effective_per_evaluation(x, after, 2, 2) > effective_per_evaluation(x, after, 1, 2) / 2
    assert effective_per_evaluation(x, z, 1, 1) > 0.9
    assert effective_per_evaluation(x, after, 1, 2, 2) < effective_per_evaluation(x, after, 1, 2, -2)
    stays = torch.sign(y) * x.abs()  # numbers change their signs, and go nowhere
    assert effective_per_evaluation(x, stays, 1, 1) < 0.01
