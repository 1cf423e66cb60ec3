"""Attempts: when the next one begins, and what is measured of one."""

from __future__ import annotations

import pytest
import torch

from unnoise.chains import Density
from unnoise.spaces import Euclidean
from unnoise.walking import attempting
from unnoise.walking.attempting import Attempts, numbers
from unnoise.walking.functions import Tried
from unnoise.walking.population import NOWHERE
from unnoise.walking.wide import wide_law

SPACE = Euclidean(2)


@pytest.fixture
def attempts(monkeypatch):
    """Of a normal law, with few particles, from a wide guess without modes."""
    monkeypatch.setattr(attempting, "PARTICLES", 256)
    target = Tried(Density(lambda x: -0.5 * x.square().sum(-1), SPACE), SPACE)
    rng = torch.Generator().manual_seed(0)
    told = []
    return Attempts(target, wide_law(SPACE), [], True, True, 10, rng, lambda done, note: told.append(done), NOWHERE)


@pytest.mark.parametrize(("trusted", "made"), [([True], 1), ([False, True], 2), ([False] * 3, 3)])
def test_attempts_end_with_the_first_that_is_trusted(attempts, monkeypatch, trusted, made):
    names = []

    class Done:
        def __init__(self, good):
            self.verdict = type("Verdict", (), {"trusted": good})

    def one(self, effort, name):
        names.append((effort, name))
        return Done(trusted[len(names) - 1])

    monkeypatch.setattr(Attempts, "_one", one)
    assert attempts.best().verdict.trusted == trusted[-1]
    assert names == [(attempting.EFFORTS[i], f"attempt {i}") for i in range(made)]


def test_particles_of_an_attempt_are_those_of_both_moments(attempts):
    found = attempts._one(attempting.EFFORTS[0], "attempt 0")
    assert found.record.particles.shape == (attempting.POPULATIONS, 512, 2)
    assert found.verdict.trusted
    drawn = found.drawn(3000, torch.Generator().manual_seed(1))
    assert len(drawn.unique(dim=0)) == len(found.record.particles.flatten(0, 1).unique(dim=0))


def test_slopes_tell_that_a_side_is_missing():
    """The mean slope of all draws is zero but for chance; of those on one side it is not."""
    target = Tried(Density(lambda x: -0.5 * x.square().sum(-1), SPACE), SPACE)
    x = torch.randn(4000, 2, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    assert attempting._steepest(target, x) < 4
    assert attempting._steepest(target, x[x[:, 0] > -1]) > 10


def test_particles_that_never_moved_are_counted_and_whole_numbers_are_not():
    x = torch.arange(8.0).reshape(4, 2)
    assert attempting._stuck(x, x, x) == 1
    assert attempting._stuck(x, x, x + torch.tensor([[1.0], [0.0], [0.0], [0.0]])) == 0.75
    assert attempting._stuck(x, x + 1, x) == 0.0
    assert attempting._stuck(x.long(), x.long(), x.long()) == 0
    assert numbers({"a": x, "b": x.long()}).shape == (4, 4)
