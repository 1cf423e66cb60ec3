"""Functions, laws and targets as what chains walk on: scores, spaces, and sentences about what cannot be."""

from __future__ import annotations

import math

import pytest
import torch

from unnoise._errors import InputError
from unnoise.chains import MALA, Density, Field
from unnoise.chains.density import check_start
from unnoise.spaces import Sphere
from unnoise.targets import Funnel, Ising, Phi4, TwoModes

NORMAL = Density(lambda x: -0.5 * (x**2).flatten(1).sum(1))


class TestDensity:
    def test_the_score_is_the_gradient(self, ring, rng):
        x = torch.randn(50, 2, generator=rng, dtype=torch.float64)
        density = ring
        step = torch.zeros(2, dtype=torch.float64)
        step[0] = 1e-5
        slope = (ring.log_prob(x + step) - ring.log_prob(x - step)) / 2e-5
        torch.testing.assert_close(density.score(x)[:, 0], slope, rtol=1e-6, atol=1e-6)

    def test_a_given_score_is_used_and_both_agree(self):
        density = Density(NORMAL.function, gradient=lambda x: -x)
        x = torch.randn(5, 3, generator=torch.Generator().manual_seed(1))
        for a, b in zip(density.log_prob_and_score(x), NORMAL.log_prob_and_score(x), strict=True):
            torch.testing.assert_close(a, b)

    def test_it_can_be_differentiated_twice(self):
        x = torch.ones(2, 3, requires_grad=True)
        (second,) = torch.autograd.grad(Density(lambda x: (x**3).sum(-1)).score(x).sum(), x)
        torch.testing.assert_close(second, torch.full((2, 3), 6.0))

    def test_on_a_manifold_the_score_is_tangent(self, rng):
        x = Sphere(2).uniform(20).sample(rng)
        score = Density(lambda x: 3 * x[:, 0], Sphere(2)).score(x)
        torch.testing.assert_close((score * x).sum(1), torch.zeros(20, dtype=x.dtype), rtol=0, atol=1e-6)

    @pytest.mark.parametrize("target", [Phi4((2, 3)), Funnel(3), TwoModes(3)], ids=lambda target: type(target).__name__)
    def test_a_target_gives_its_own_score_and_space(self, target, rng, monkeypatch):
        x = torch.randn(20, *target.space.event_shape, generator=rng)
        differentiated = Density(target.log_prob).score(x)
        monkeypatch.setattr(torch.autograd, "grad", lambda *_: pytest.fail("this one knows its score"))
        torch.testing.assert_close(target.score(x), differentiated, rtol=1e-4, atol=1e-5)
        assert target.support == target.space
        with pytest.raises(InputError, match="shape"):
            check_start(target, x.flatten(1)[:, :2])

    def test_a_law_without_a_score_is_differentiated(self, ring, rng):
        x = torch.randn(20, 2, generator=rng, dtype=torch.float64)
        torch.testing.assert_close(ring.score(x), Density(ring.log_prob).score(x))

    def test_a_target_without_gradients_is_refused(self):
        with pytest.raises(InputError, match=r"Finite.*there is no gradient to follow there"):
            MALA(Ising(4), 0.1)

    @pytest.mark.parametrize(
        ("log_prob", "said"),
        [
            (lambda x: x, r"returned the shape \(4, 2\) .* expected \(4,\)"),
            (lambda x: 1.0, "returned a float"),
            (lambda x: x.detach().sum(1), "no gradient"),
            (lambda x: torch.full_like(x[:, 0], math.nan) * x.sum(1), "log density is nan for chain 0"),
            (lambda x: x.sum(1) - torch.tensor([0, 0, math.inf, 0]), r"log density is -inf for chain 2 \(1 of 4"),
            (lambda x: x.abs().sqrt().sum(1), "score is nan"),
        ],
    )
    def test_bad_densities_are_refused(self, log_prob, said):
        with pytest.raises(InputError, match=said):
            check_start(Density(log_prob), torch.zeros(4, 2))

    def test_a_score_of_another_shape_is_refused(self):
        with pytest.raises(InputError, match="score returned the shape"):
            Field(lambda x: x.sum(1)).score(torch.zeros(4, 2))
