"""Binomial diffusion: the published chain, its continuous time, and the bound of both by enumeration."""

from __future__ import annotations

import math

import pytest
import torch

from unnoise._config import decode, encode
from unnoise._errors import InputError
from unnoise.denoisers import Exact
from unnoise.processes import Binomial, binomial_chain
from unnoise.schedules import Linear
from unnoise.spaces import Finite
from unnoise.testing import check_process

FLOAT64 = torch.float64
BITS = torch.tensor([[0, 0], [0, 1], [1, 0], [1, 1]])
LAW = torch.tensor([0.1, 0.2, 0.2, 0.5], dtype=FLOAT64)  # each bit has the mean 0.7
MEAN = 0.7


def exact(chain, weights=LAW):
    return Exact(chain.process, BITS, weights)


def steps_cost(chain, denoiser, first=2):
    """The sum of the KL of all steps for every x_0, (4,), by enumeration of x_t."""
    x_0, x_t = BITS.repeat_interleave(4, 0), BITS.repeat(4, 1)
    total = torch.zeros(4, dtype=FLOAT64)
    for t in range(first, chain.steps + 1):
        step = torch.tensor(t)
        chances = chain.marginal(x_0, step).log_prob(x_t).exp()
        price = chain.kl(denoiser(x_t, chain.time(step)), x_0, x_t, step)
        total += (chances * price).reshape(4, 4).sum(1)
    return total


def test_it_keeps_the_properties_of_a_process():
    check_process(Binomial(Finite(2, 2), mean=0.3), torch.tensor([[0, 1], [1, 1], [0, 0]]), draws=1000)


def test_a_kernel_is_the_published_one():
    """B(x prod(1 - beta) + mean (1 - prod(1 - beta))) with prod(1 - beta) = 1 - t / T, and beta_t = 1 / (T - t + 1)."""
    chain = binomial_chain(Finite(2, 2), mean=0.2, steps=10)
    kept = 1.0
    for t in range(1, 11):
        kept *= 1 - 1 / (10 - t + 1)
        assert kept == pytest.approx(1 - t / 10, abs=1e-12)
        one = chain.marginal(BITS, torch.tensor(t)).probs[..., 1]
        torch.testing.assert_close(one, BITS.double() * kept + 0.2 * (1 - kept), rtol=1e-11, atol=2e-12)


def test_the_posterior_is_that_of_bayes():
    """With one-hot x_0 the posterior of the chain; with p(x_0 | x_t) its average."""
    chain, eye, mean = binomial_chain(Finite(1, 2), 0.3, steps=7), torch.eye(2, dtype=FLOAT64), 0.3
    coins = torch.tensor([1 - mean, mean], dtype=FLOAT64)
    for t in range(2, 8):
        step = eye * (1 - 1 / (8 - t)) + coins / (8 - t)
        before = eye * (1 - (t - 1) / 7) + coins * (t - 1) / 7
        for x_t in range(2):
            joint = before * step[:, x_t]  # (x_0, x_{t-1})
            bayes = joint / joint.sum(1, keepdim=True)
            here = torch.tensor([[x_t]])
            for x_0 in range(2):
                found = chain.posterior(eye[x_0][None, None], here, torch.tensor(t)).probs[0, 0]
                torch.testing.assert_close(found, bayes[x_0], rtol=1e-10, atol=1e-10)
                found = chain.bridge(torch.tensor([[x_0]]), here, torch.tensor(t)).probs[0, 0]
                torch.testing.assert_close(found, bayes[x_0], rtol=1e-10, atol=1e-10)
            share = torch.tensor([0.4, 0.6], dtype=FLOAT64)
            found = chain.posterior(share[None, None], here, torch.tensor(t)).probs[0, 0]
            torch.testing.assert_close(found, share @ bayes, rtol=1e-10, atol=1e-10)


def test_one_bit_of_the_stationary_mean_costs_its_entropy():
    """K = -H(X_0) exactly, whatever T: the reverse of one site is exact and nothing is lost at the ends."""
    state, law = torch.tensor([[0], [1]]), torch.tensor([0.3, 0.7], dtype=FLOAT64)
    for steps in (2, 5, 40):
        chain = binomial_chain(Finite(1, 2), 0.7, steps)
        denoiser = Exact(chain.process, state, law)
        x_0, x_t = torch.tensor([[0], [0], [1], [1]]), torch.tensor([[0], [1], [0], [1]])
        cost = torch.zeros(2, dtype=FLOAT64)
        for t in range(2, steps + 1):
            step = torch.tensor(t)
            chances = chain.marginal(x_0, step).log_prob(x_t).exp()
            price = chain.kl(denoiser(x_t, chain.time(step)), x_0, x_t, step)
            cost += (chances * price).reshape(2, 2).sum(1)
        ends = chain.entropies(state)
        published = law @ (ends["end"] + ends["start"] + ends["prior"] - cost)
        assert float(published) == pytest.approx(float((law * law.log()).sum()), abs=1e-8)
        assert float(law @ ends["edge"]) == pytest.approx(0, abs=1e-12)


def test_the_ends_are_entropies_term_by_term():
    chain = binomial_chain(Finite(2, 2), MEAN, steps=10)
    ends = chain.entropies(BITS)

    def entropy(p):
        return -p * math.log(p) - (1 - p) * math.log(1 - p)

    for row, bits in enumerate(BITS.tolist()):
        flipped = [0.1 * (MEAN if bit == 0 else 1 - MEAN) for bit in bits]
        assert float(ends["start"][row]) == pytest.approx(-sum(map(entropy, flipped)))
        assert float(ends["end"][row]) == pytest.approx(2 * entropy(MEAN))
        assert float(ends["prior"][row]) == pytest.approx(-2 * entropy(MEAN))


def test_two_bits_that_depend_lose_less_with_more_steps():
    """-K is the entropy and a gap of order 1 / T, which is never negative."""
    entropy = float(-(LAW * LAW.log()).sum())
    gaps = []
    for steps in (25, 50, 100):
        chain = binomial_chain(Finite(2, 2), MEAN, steps)
        ends = sum(chain.entropies(BITS).values())
        gaps.append(float(LAW @ (steps_cost(chain, exact(chain)) - ends)) - entropy)
    assert min(gaps) > 0
    assert gaps[0] / gaps[1] == pytest.approx(2, abs=0.35)
    assert gaps[1] / gaps[2] == pytest.approx(2, abs=0.35)


def test_the_steps_become_the_kl_rate_of_continuous_time():
    """The steps after the first tend to the integral of the KL rate over the same times, for any denoiser."""
    x_0, x_t = BITS.repeat_interleave(4, 0), BITS.repeat(4, 1)
    wrong = torch.tensor([0.4, 0.1, 0.3, 0.2], dtype=FLOAT64)
    errors = []
    for steps in (40, 120):
        chain = binomial_chain(Finite(2, 2), MEAN, steps)
        process, denoiser = chain.process, exact(chain, wrong)
        nodes = (torch.arange(300, dtype=FLOAT64) + 0.5) / 300
        start = float(chain.time(torch.tensor(1)))
        integral = torch.zeros(4, dtype=FLOAT64)
        for t in start + (1 - start) * nodes:
            chances = process.marginal(x_0, t).log_prob(x_t).exp()
            price = process.kl_rate(denoiser(x_t, t), process.target(x_0, x_t, t), x_t, t)
            integral += (chances * price).reshape(4, 4).sum(1) * (1 - start) / 300
        errors.append(float((steps_cost(chain, denoiser) - integral).abs().max()))
    assert errors[0] < 0.05
    assert errors[1] < 0.45 * errors[0]


def test_it_can_be_saved_and_takes_any_schedule():
    process = Binomial(Finite(2, 2), mean=(0.2, 0.4), schedule=Linear())
    assert decode(encode(process)) == process
    torch.testing.assert_close(process.rates.stationary[:, 1], torch.tensor([0.2, 0.4], dtype=FLOAT64))
    assert "mean=(0.2, 0.4)" in repr(process)


BAD = {
    "states": (lambda: Binomial(Finite(2, 3)), "got a space with 3 states per site"),
    "mean": (
        lambda: Binomial(Finite(2, 2), mean=1.0),
        r"got mean = 1\.0; expected a finite number above 0 and below 1",
    ),
    "sites": (lambda: Binomial(Finite(2, 2), mean=(0.5, 0.5, 0.5)), "give both the same"),
    "steps": (lambda: binomial_chain(Finite(2, 2), steps=1), "got steps = 1; expected a whole number from 2"),
    "chain": (lambda: binomial_chain(Finite(2, 3)), "got a space with 3 states per site"),
}


@pytest.mark.parametrize(("build", "message"), BAD.values(), ids=BAD)
def test_impossible_chains_are_refused(build, message):
    with pytest.raises(InputError, match=message):
        build()
