"""Where a walk begins: points with a density, and a first guess that covers the target."""

from __future__ import annotations

import math

import pytest
import torch

from unnoise._errors import InputError
from unnoise.spaces import Euclidean, Sphere
from unnoise.targets import Ising
from unnoise.walking.asking import asked
from unnoise.walking.beginning import FEWEST, MOST_DIFFERENCES, apart, first_points, guessed, somewhere
from unnoise.walking.functions import Tried
from unnoise.walking.population import NOWHERE


def rng():
    return torch.Generator().manual_seed(0)


def started(log_prob, space):
    """A question, its target and first points."""
    question = asked(log_prob, space=space)
    first = first_points(question, 64, rng())
    return question, Tried(question.density(first), space), first


def box(x):
    """Uniform far from zero, on a side of which no first point of a length below 100 lies."""
    inside = ((x > 1000) & (x < 1500)).all(-1)
    return torch.where(inside, 0.0, -math.inf)


def test_sites_that_do_not_see_each_other_are_told_apart():
    ring = Ising(4, 0.3)
    first = torch.randint(2, (8, 4), generator=rng())
    assert apart(Tried(ring, ring.space), first) == ((0, 2), (1, 3))
    _, target, first = started(lambda x: x[..., 2], Sphere(2))
    assert apart(target, first) == ()


def test_points_with_a_density_are_looked_for_ever_farther():
    question, target, first = started(box, Euclidean(1))
    assert target.log_prob(first).isneginf().all()
    found = somewhere(target, first, question, FEWEST, rng())
    assert len(found) >= FEWEST
    assert torch.equal(target.log_prob(found), torch.zeros(len(found)).double())


def test_where_there_are_none_it_says_how_many_were_tried():
    question, target, first = started(lambda x: x.sum(-1) - math.inf, Euclidean(1))
    with pytest.raises(InputError, match=r"not finite at any of 6,208 points that were tried"):
        somewhere(target, first, question, FEWEST, rng())


def test_a_guess_covers_the_modes_and_elsewhere_the_space():
    """As much as 1 % of two normal laws at most lies where the guess has less than a hundredth of their density."""
    centres = torch.tensor([[-8.0, 0.0], [8.0, 3.0]], dtype=torch.float64)

    def log_prob(x):
        return torch.logsumexp(-0.5 * (x[:, None] - centres).square().sum(-1), 1) - math.log(4 * math.pi)

    question, target, first = started(log_prob, Euclidean(2))
    law, modes, _ = guessed(target, question, first, True, True, rng(), NOWHERE)
    assert sorted(round(float(mode.centre[0])) for mode in modes) == [-8, 8]
    x = centres[torch.arange(2000) % 2] + torch.randn(2000, 2, generator=rng(), dtype=torch.float64)
    thin = law.log_prob(x) < log_prob(x) - math.log(100)
    assert thin.double().mean() < 0.01
    question, target, first = started(lambda x: 3 * x[..., 2], Sphere(2))
    law, modes, vain = guessed(target, question, first, False, True, rng(), NOWHERE)
    assert (modes, vain) == ([], None)
    assert law.sample(rng(), (4,)).norm(dim=1).allclose(torch.ones(4).double())


@pytest.mark.parametrize(("sloped", "size"), [(True, 2), (False, 2), (False, MOST_DIFFERENCES + 1)])
def test_what_does_not_fall_is_refused(sloped, size):
    question, target, first = started(lambda x: 0.0 * x.sum(-1), Euclidean(size))
    with pytest.raises(InputError, match="does not seem to be integrable"):
        guessed(target, question, first, True, sloped, rng(), NOWHERE)


MISTAKEN = {
    "an energy": (lambda x: 0.5 * x.square().sum(-1), "within 1e.11; it rises far out, as an energy does"),
    "a density": (lambda x: torch.exp(-0.5 * x.square().sum(-1)), "go on falling; it is positive .* its logarithm"),
    "wide, with a constant": (
        lambda x: 1e6 - 0.5 * (x / 1e12).square().sum(-1),
        "within 1e.11; change its units, if it is that wide, or add a prior",
    ),
    "a floor": (lambda x: torch.log(torch.exp(-x.square().sum(-1)) + 1e-12), "go on falling; leave out what holds it"),
    "an angle": (lambda x: torch.cos(x).sum(-1), "go on falling; .* give the bounds of its points as parameters"),
    "single precision": (
        lambda x: 1e10 - x.float().square().sum(-1),
        r"is about 1e\+10 in single precision, where numbers are 1.2e\+03 apart: leave out its constant, or",
    ),
}


@pytest.mark.parametrize("name", MISTAKEN)
def test_what_is_mistaken_for_a_log_density_is_told(name):
    function, match = MISTAKEN[name]
    question, target, first = started(function, Euclidean(1))
    with pytest.raises(InputError, match=match):
        guessed(target, question, first, True, True, rng(), NOWHERE)


PROPER = {
    "heavy tails": lambda x: -0.6 * torch.log1p(x.square().sum(-1)),
    "a large constant": lambda x: 1e10 - 0.5 * x.square().sum(-1),
    "narrow, far away": lambda x: -0.5 * ((x - 1e6) / 1e-3).square().sum(-1),
    "a floor that nothing reaches": lambda x: torch.log(torch.exp(-x.square().sum(-1)) + 1e-300),
}


@pytest.mark.parametrize("name", PROPER)
def test_what_is_integrable_is_not_refused(name):
    question, target, first = started(PROPER[name], Euclidean(1))
    _, modes, _ = guessed(target, question, first, True, True, rng(), NOWHERE)
    height = float(target.log_prob(modes[0].centre[None]))
    assert modes[0].height == pytest.approx(height, abs=1e-3)
