"""Spins: enumeration against closed forms, conditionals against the joint law, draws against both."""

from __future__ import annotations

import math

import pytest
import torch

from unnoise._errors import InputError
from unnoise.targets import Ising, Potts
from unnoise.testing import ImprobableError, assert_frequencies, assert_mean

TARGETS = {
    "ising": Ising((2, 3), coupling=0.3, magnet=0.2),
    "potts": Potts((2, 2), 3, coupling=0.7, field=(0.0, 0.4, -0.3)),
    "antiferromagnet": Potts(5, 2, coupling=-1.0),
}


def everything(target):
    sites = math.prod(target.shape)
    return torch.cartesian_prod(*[torch.arange(target.states)] * sites).reshape(-1, *target.shape)


def test_a_ring_of_potts_spins_has_the_z_of_its_transfer_matrix():
    """The eigenvalues are e^J + q - 1, once, and e^J - 1, q - 1 times."""
    exact = math.log((math.exp(0.8) + 3) ** 5 + 3 * (math.exp(0.8) - 1) ** 5)
    assert Potts(5, 4, coupling=0.8).log_normaliser == pytest.approx(exact, abs=1e-12)


def test_spins_are_counted_as_spins():
    spins = torch.tensor([[[1, 1, 0], [0, 1, 0]]])
    s = 2.0 * spins - 1
    exact = 0.3 * (s * s.roll(-1, 1) + s * s.roll(-1, 2)).sum() + 0.2 * s.sum()
    assert float(TARGETS["ising"].log_prob(spins)) == pytest.approx(float(exact), abs=1e-7)


@pytest.mark.parametrize("target", TARGETS.values(), ids=TARGETS)
def test_conditionals_are_those_of_the_joint_law(target):
    """By flipping one site of all states to all of its values."""
    points = everything(target)
    probs = target.conditional(points).probs.flatten(1, -2)
    flat = points.flatten(1)
    for site in range(flat.shape[1]):
        joint = []
        for state in range(target.states):
            changed = flat.clone()
            changed[:, site] = state
            joint.append(target.log_prob(changed.reshape(points.shape)))
        torch.testing.assert_close(probs[:, site], torch.stack(joint, -1).softmax(-1))


@pytest.mark.parametrize("target", TARGETS.values(), ids=TARGETS)
def test_draws_follow_the_density_and_not_another(target, rng):
    points = everything(target)
    mass = (target.log_prob(points) - target.log_normaliser).exp()
    assert float(mass.sum()) == pytest.approx(1, abs=1e-12)
    place = target.states ** torch.arange(points[0].numel())
    order = (points.flatten(1) * place).sum(1)
    draws = target.sample(rng, (20, 500)).reshape(-1, *target.shape)
    counts = torch.bincount((draws.flatten(1) * place).sum(1), minlength=len(points))[order]
    assert_frequencies(counts, mass)
    with pytest.raises(ImprobableError):
        assert_frequencies(counts, mass.flip(0).roll(1))


def test_marginals_and_agreement_are_averages_over_draws(rng):
    target = TARGETS["potts"]
    draws = target.sample(rng, (20_000,))
    torch.testing.assert_close(target.marginals[0, 0], target.marginals[1, 1])
    counts = torch.bincount(draws[:, 0, 1], minlength=3)
    agree = ((draws == draws.roll(-1, 1)).double() + (draws == draws.roll(-1, 2)).double()).mean((1, 2)) / 2
    assert_frequencies(counts, target.marginals[0, 1])
    assert_mean(agree, target.mean_agreement)
    with pytest.raises(ImprobableError):
        assert_frequencies(counts, target.marginals[0, 1].roll(1))
    with pytest.raises(ImprobableError):
        assert_mean(agree, 0.95 * target.mean_agreement)


@pytest.mark.parametrize(
    ("ask", "match"),
    [
        (lambda: Potts((1, 3)), r"got shape\[0\] = 1; expected a whole number from 2"),
        (lambda: Potts(4, 3, field=(1.0, 2.0)), "one for each of the 3 states"),
        (lambda: Ising((5, 5), magnet=0.1).log_normaliser, "2 states at 25 sites are 2\\^25 in all"),
    ],
)
def test_what_cannot_be_summed_is_refused(ask, match):
    with pytest.raises(InputError, match=match):
        ask()
