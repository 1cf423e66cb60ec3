"""What every log density has: a score by differentiation, and one sentence where there is none."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pytest
import torch

from unnoise._errors import InputError
from unnoise.laws import Categorical, Dirichlet, GaussianMixture, Law, LogDensity, Normal

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


class Coin(Law[torch.Tensor]):
    """One of a user's own, which looks at nothing."""

    def log_prob(self, x: torch.Tensor) -> torch.Tensor:
        return torch.full(x.shape, -math.log(2))

    def sample(self, rng: torch.Generator, shape: tuple[int, ...] = ()) -> torch.Tensor:
        return torch.randint(2, shape, generator=rng)


@pytest.mark.parametrize("law", [Coin(), Normal(torch.zeros(2), torch.ones(()), 1), Dirichlet(torch.ones(3))])
def test_what_sample_is_given_is_said(law: Law[torch.Tensor]) -> None:
    rng = torch.Generator().manual_seed(0)
    state = torch.get_rng_state()
    for wrong in (None, 5, np.random.default_rng(0)):
        with pytest.raises(InputError, match=r"got rng = .*; expected a Generator"):
            law.sample(wrong, (2,))  # type: ignore[arg-type]
    for shape in (None, 5, True, 2.5, "3", torch.tensor([3])):
        with pytest.raises(InputError, match=r"got shape = .*; expected how many draws along each axis, as \(5,\)"):
            law.sample(rng, shape)  # type: ignore[arg-type]
    for shape in ((-1,), (2.0,), (True,), ("3",)):
        with pytest.raises(InputError, match=r"got shape = .*; expected a whole number from 0"):
            law.sample(rng, shape)
    assert torch.equal(state, torch.get_rng_state())
    for shape in ((), (0,), (2, 3), torch.Size([4]), (np.int64(2),)):
        assert law.sample(rng, shape).shape[: len(shape)] == tuple(shape)
