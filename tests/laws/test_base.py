"""What every log density has: a score by differentiation, and one sentence where there is none."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
import torch

from unnoise._errors import InputError
from unnoise.laws import Categorical, Dirichlet, GaussianMixture, LogDensity, Normal

FLOAT64 = torch.float64


@dataclass(frozen=True)
class Quartic(LogDensity[torch.Tensor]):
    """Up to a constant, and without a score of its own."""

    def log_prob(self, x: torch.Tensor) -> torch.Tensor:
        return -x.pow(4).sum(-1)


def test_the_score_is_the_gradient(rng):
    x = torch.randn(5, 3, generator=rng, dtype=FLOAT64)
    values, score = Quartic().log_prob_and_score(x)
    torch.testing.assert_close(score, -4 * x**3)
    torch.testing.assert_close(values, Quartic().log_prob(x))
    assert not score.requires_grad


def test_it_can_be_differentiated_twice(rng):
    x = torch.randn(5, 3, generator=rng, dtype=FLOAT64).requires_grad_()
    (second,) = torch.autograd.grad(Quartic().score(x).sum(), x)
    torch.testing.assert_close(second, -12 * x.detach() ** 2)


@pytest.mark.parametrize(
    "law",
    [
        Normal(torch.tensor([1.0, -2.0, 0.5], dtype=FLOAT64), torch.tensor([0.5, 1.0, 2.0], dtype=FLOAT64), 1),
        Dirichlet(torch.tensor([1.5, 2.0, 3.0], dtype=FLOAT64)),
    ],
    ids=lambda law: type(law).__name__,
)
def test_laws_that_know_their_score_agree_with_differentiation(law, rng):
    x = law.sample(rng, (20,))
    torch.testing.assert_close(law.score(x), LogDensity.score(law, x), rtol=1e-8, atol=1e-8)


def test_a_law_of_whole_numbers_has_no_score(rng):
    law = Categorical(torch.full((2, 3), 1 / 3), 1)
    with pytest.raises(InputError, match="the log density has no gradient"):
        law.score(law.sample(rng, (4,)))


def test_a_mixture_is_differentiated():
    law = GaussianMixture(torch.ones(1), torch.zeros(1, 2), 2 * torch.eye(2)[None])
    torch.testing.assert_close(law.score(torch.ones(3, 2)), torch.full((3, 2), -0.5))
