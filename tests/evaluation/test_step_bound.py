"""The bound of chains, by Monte Carlo against enumeration and closed forms; the entropy bounds of a reverse step."""

from __future__ import annotations

import math

import pytest
import torch

from unnoise._errors import InputError
from unnoise.denoisers import Denoiser, Exact, ExactMixture
from unnoise.evaluation import Bound, ImplicitBound, ImportanceWeighted, StepBound, entropy_bounds
from unnoise.laws import GaussianMixture
from unnoise.processes import Chain, binomial_chain, chain_of_betas, even_times, linear_betas, variance_preserving
from unnoise.schedules import LinearLogSNR
from unnoise.spaces import Euclidean, Finite
from unnoise.testing import ImprobableError, assert_mean

FLOAT64 = torch.float64
BITS = torch.tensor([[0, 0], [0, 1], [1, 0], [1, 1]])
LAW = torch.tensor([0.1, 0.2, 0.2, 0.5], dtype=FLOAT64)
CHAIN = binomial_chain(Finite(2, 2), 0.7, steps=40)


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
    total = sum(CHAIN.entropies(BITS).values())
    for t in range(2, CHAIN.steps + 1):
        step = torch.tensor(t)
        chances = CHAIN.marginal(x_0, step).log_prob(x_t).exp()
        price = CHAIN.kl(denoiser(x_t, CHAIN.time(step)), x_0, x_t, step)
        total = total - (chances * price).reshape(4, 4).sum(1)
    return total


@pytest.mark.parametrize("weights", [LAW, LAW.flip(0)], ids=["exact", "wrong"])
def test_it_is_the_sum_over_all_steps(weights, rng):
    denoiser = Exact(CHAIN.process, BITS, weights)
    found = StepBound(CHAIN, draws=40)(denoiser, BITS.repeat(50, 1), rng)
    rows = found.log_prob.view(50, 4)
    assert float(rows.std(0).max()) / 50**0.5 < 0.15
    assert_mean(rows, truth(denoiser))
    with pytest.raises(ImprobableError):
        assert_mean(rows, truth(Exact(CHAIN.process, BITS, weights.flip(0))))
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
    with pytest.raises(InputError, match="got draws = 3; expected an even number, as every row is judged by pairs"):
        StepBound(CHAIN, draws=3)


def two_modes(process):
    """The exact denoiser of two narrow Gaussians on a line, of variance 1 together."""
    weights, covariances = torch.full((2,), 0.5, dtype=FLOAT64), torch.full((2, 1, 1), 0.19, dtype=FLOAT64)
    return ExactMixture(process, GaussianMixture(weights, torch.tensor([[-0.9], [0.9]], dtype=FLOAT64), covariances))


def test_both_decompositions_have_one_sum(rng):
    for chain, x_0 in (
        (CHAIN, BITS),
        (chain_of_betas(Euclidean(2), linear_betas(9, 0.1, 0.5)), BITS.double()),
    ):
        denoiser = Exact(chain.process, x_0)
        state = rng.get_state()
        published = StepBound(chain, draws=8)(denoiser, x_0, rng)
        rng.set_state(state)
        lecture = StepBound(chain, draws=8, three_terms=True)(denoiser, x_0, rng)
        assert list(lecture.parts) == ["steps", "prior", "reconstruction"]
        torch.testing.assert_close(published.log_prob, lecture.log_prob, rtol=1e-10, atol=1e-10)
        torch.testing.assert_close(published.parts["steps"], lecture.parts["steps"])
        torch.testing.assert_close(torch.stack(list(lecture.parts.values())).sum(0), lecture.log_prob)


def test_many_gaussian_steps_come_to_the_bound_of_continuous_time(rng):
    """Rows at one point: the same process, 4000 steps or none; and 10 steps are far from it."""
    process = variance_preserving(Euclidean(1), LinearLogSNR(8.0, -8.0))
    denoiser, x_0 = two_modes(process), torch.full((40, 1), 0.5, dtype=FLOAT64)
    continuous = Bound(draws=1000)(denoiser, x_0, rng)
    few, many = (
        StepBound(Chain(process, even_times(steps)), draws=1000)(denoiser, x_0, rng).parts["steps"]
        for steps in (10, 4000)
    )
    assert_mean(many - continuous.parts["diffusion"], tolerance=0.01)  # of 4000 steps
    with pytest.raises(ImprobableError):
        assert_mean(few - continuous.parts["diffusion"], tolerance=0.01)


def gaussian_step(chain, v, t):
    """The entropy of X_{t-1} given X_t for data N(0, v)."""
    (alpha_s, sigma_s), (alpha_t, sigma_t) = (
        map(float, chain.process.alpha_sigma(chain.time(torch.tensor(k)))) for k in (t - 1, t)
    )
    before, after = alpha_s**2 * v + sigma_s**2, alpha_t**2 * v + sigma_t**2
    across = alpha_t / alpha_s * before
    return 0.5 * math.log(2 * math.pi * math.e * (before - across**2 / after))


@pytest.mark.parametrize("v", [0.0, 0.1, 1.0])
def test_the_entropy_of_a_reverse_step_lies_between(v, rng):
    """Touched from below by data that are known, and from above by those of the reference."""
    chain, x_0 = chain_of_betas(Euclidean(1), linear_betas(9, 0.1, 0.5)), torch.zeros(3, 1, dtype=FLOAT64)
    for t in range(2, 10):
        low, high = (float(bound) for bound in entropy_bounds(chain, x_0, torch.tensor(t), rng))
        truth = gaussian_step(chain, v, t)
        assert low - 1e-12 <= truth <= high + 1e-12
        assert (abs(truth - low) < 1e-9) == (v == 0.0)
        assert (abs(truth - high) < 1e-9) == (v == 1.0)


def test_data_wider_than_the_reference_pass_the_upper_bound(rng):
    """Which is why it is stated: noise lowers their entropy."""
    chain, x_0 = chain_of_betas(Euclidean(1), linear_betas(9, 0.1, 0.5)), torch.zeros(3, 1, dtype=FLOAT64)
    _, high = entropy_bounds(chain, x_0, torch.tensor(2), rng)
    assert gaussian_step(chain, 4.0, 2) > float(high)


def test_the_entropy_of_a_reverse_step_of_bits_lies_between(rng):
    """By enumeration of X_{t-1} and X_t, from which both bounds are known too; the data are drawn by repeating rows."""
    chain = binomial_chain(Finite(2, 2), 0.7, steps=6)
    data = BITS.repeat_interleave((4000 * LAW).round().long(), 0)
    margins = []
    for t in range(2, 7):
        now, past = torch.tensor(t), torch.tensor(t - 1)
        rows, pairs = BITS.repeat_interleave(4, 0), BITS.repeat(4, 1)
        before = chain.marginal(rows, past).log_prob(pairs).exp().view(4, 4)  # from x_0 to x_{t-1}
        after = chain.marginal(rows, now).log_prob(pairs).exp().view(4, 4)
        forth = torch.linalg.solve(before, after)  # from x_{t-1} to x_t
        there, step = LAW @ before, torch.special.entr(forth).sum(1)
        joint = there[:, None] * forth
        truth = float(torch.special.entr(joint).sum() - torch.special.entr(joint.sum(0)).sum())
        gained = float(LAW @ (torch.special.entr(before).sum(1) - torch.special.entr(after).sum(1)))
        low, high = (float(bound) for bound in entropy_bounds(chain, data, now, rng))
        assert high == pytest.approx(float(there @ step), abs=0.03)  # of one X_t for each row
        assert high - low == pytest.approx(-gained, abs=1e-9)
        assert low - 0.03 <= truth <= high + 0.03
        margins.append(truth - low)
    assert max(margins) > 0.1


def test_errors_have_degrees_of_freedom_and_answers_a_name(rng):
    """Intervals of few draws were those of a known error, too narrow."""
    bits = Exact(CHAIN.process, BITS, LAW)
    line = Exact(variance_preserving(Euclidean(1)), torch.tensor([[-1.0], [1.0]]))
    for method, freedom, denoiser, x in (
        (StepBound(CHAIN, draws=6), 3, bits, BITS),
        (ImportanceWeighted(CHAIN, trajectories=5), 4, bits, BITS),
        (Bound(8), 4, line, line.atoms),
        (ImplicitBound(4, steps=2), 2, line, line.atoms),
    ):
        found = method(denoiser, x, rng)
        assert (found.degrees_of_freedom, found.method) == (freedom, method.name)
