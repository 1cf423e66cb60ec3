"""The published bound of binomial diffusion, by Monte Carlo against enumeration."""

from __future__ import annotations

import pytest
import torch

from unnoise._errors import InputError
from unnoise.denoisers import Denoiser, Exact
from unnoise.evaluation import StepBound
from unnoise.processes import BinomialChain
from unnoise.spaces import Finite

FLOAT64 = torch.float64
BITS = torch.tensor([[0, 0], [0, 1], [1, 0], [1, 1]])
LAW = torch.tensor([0.1, 0.2, 0.2, 0.5], dtype=FLOAT64)
CHAIN = BinomialChain(Finite(2, 2), 0.7, steps=40)


class Told(Denoiser):
    """Knows x_0 where the condition is 1, and nothing where it is 0."""

    def __init__(self):
        super().__init__()
        self.process = CHAIN.process

    def forward(self, x_t, t, cond=None):
        known = torch.nn.functional.one_hot(torch.ones_like(x_t), 2).double()
        return torch.where(cond[:, :, None] > 0, known, 0.5)


def truth(denoiser):
    """The bound of every row by enumeration."""
    x_0, x_t = BITS.repeat_interleave(4, 0), BITS.repeat(4, 1)
    total = sum(CHAIN.ends(BITS).values())
    for t in range(2, CHAIN.steps + 1):
        step = torch.tensor(t)
        chances = CHAIN.marginal(x_0, step).log_prob(x_t).exp()
        price = CHAIN.price(denoiser(x_t, CHAIN.time(step)), x_0, x_t, step)
        total = total - (chances * price).reshape(4, 4).sum(1)
    return total


@pytest.mark.parametrize("weights", [LAW, LAW.flip(0)], ids=["exact", "wrong"])
def test_it_is_the_sum_over_all_steps(weights, rng):
    denoiser = Exact(CHAIN.process, BITS, weights)
    found = StepBound(CHAIN, draws=2000)(denoiser, BITS, rng)
    error = found.standard_error
    assert float(error.max()) < 0.15
    assert ((found.log_prob - truth(denoiser)).abs() < 5 * error).all()
    torch.testing.assert_close(torch.stack(list(found.parts.values())).sum(0), found.log_prob)
    assert list(found.parts) == ["steps", "end", "start", "prior", "edge"]


def test_it_bounds_the_entropy(rng):
    exact, wrong = (truth(Exact(CHAIN.process, BITS, weights)) for weights in (LAW, LAW.flip(0)))
    assert float(LAW @ exact) <= float((LAW * LAW.log()).sum())
    assert float(LAW @ wrong) < float(LAW @ exact) - 0.1


def test_rows_are_handled_in_groups_with_their_conditions(rng):
    seen, rows = [], torch.ones(6, 2, dtype=torch.int64)
    cond = torch.tensor([1.0, 0, 1, 0, 1, 0])[:, None]
    found = StepBound(CHAIN, draws=8, batch_size=16)(Told(), rows, rng, cond, on_rows=seen.append)
    assert seen == [2, 4, 6]
    torch.testing.assert_close(found.parts["steps"][::2], torch.zeros(3, dtype=FLOAT64))
    assert (found.parts["steps"][1::2] < -0.1).all()


def test_an_odd_number_of_draws_is_refused():
    with pytest.raises(InputError, match="got draws=3"):
        StepBound(CHAIN, draws=3)
