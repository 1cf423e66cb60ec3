"""Training in one call: what it may learn from, and that it is the training that the loop makes by hand."""

from __future__ import annotations

import math
from functools import partial
from typing import Any

import numpy as np
import pytest
import torch
from scipy.optimize import minimize

from unnoise._errors import InputError
from unnoise._seeding import generator, seeded
from unnoise.denoisers import Denoiser, Exact, Neural, question
from unnoise.networks import MLP
from unnoise.objectives import Denoising
from unnoise.processes import Chain, LearnedBetas, even_times, linear_betas, product, variance_preserving
from unnoise.spaces import Euclidean
from unnoise.training import (
    Arrays,
    Dataset,
    Questions,
    RandomRoles,
    Settings,
    Stream,
    TrainState,
    learn,
    learn_betas,
    train,
)

PROCESS = variance_preserving(Euclidean(2))
NETWORK = partial(MLP, width=8, depth=1, embedding=8)
STATES = torch.randn(50, 2, generator=torch.Generator().manual_seed(0))
SMALL: dict[str, Any] = {"steps": 4, "batch_size": 16, "learning_rate": 1e-2, "seed": 3}


def weights(denoiser: Denoiser) -> torch.Tensor:
    return torch.cat([weight.flatten() for weight in denoiser.parameters()])


def draw(n: int, rng: torch.Generator) -> torch.Tensor:
    return torch.randn(n, 2, generator=rng)


def by_hand(dataset: Dataset) -> Denoiser:
    with seeded(3):
        denoiser = Neural(PROCESS, NETWORK((2,), 0, (2,)))
    state = TrainState(denoiser, Settings(device="cpu", **SMALL))
    for _ in train(state, Denoising(), dataset):
        pass
    return state.ema


@pytest.mark.parametrize(
    ("data", "dataset"),
    [
        (STATES, Arrays(STATES)),
        (STATES.numpy(), Arrays(STATES)),
        (Arrays(STATES), Arrays(STATES)),
        (draw, Stream(draw)),
    ],
    ids=["tensor", "array", "dataset", "function"],
)
def test_it_is_the_training_that_the_loop_makes(data: Any, dataset: Dataset) -> None:
    denoiser = learn(PROCESS, NETWORK, data, **SMALL)
    assert torch.equal(weights(denoiser), weights(by_hand(dataset)))
    assert not denoiser.training
    assert not any(weight.requires_grad for weight in denoiser.parameters())


def test_states_may_be_nested() -> None:
    process = product({"a": PROCESS, "b": variance_preserving(Euclidean(1))})
    denoiser = learn(process, NETWORK, {"a": STATES.numpy(), "b": STATES[:, :1]}, **SMALL)
    x = {"a": torch.zeros(3, 2), "b": torch.zeros(3, 1)}
    assert denoiser(x, torch.tensor(0.5))["b"].shape == (3, 1)


@pytest.mark.slow
def test_it_learns_to_answer_questions() -> None:
    """Of two halves that agree, one says the other; and the mean of what is asked alone is zero."""
    states = STATES[:, :1].sign().repeat(1, 2)
    settings: dict[str, Any] = {"steps": 200, "batch_size": 128, "learning_rate": 1e-2, "ema": 0.9}
    denoiser = learn(PROCESS, partial(MLP, width=32), states, roles=RandomRoles(), **settings)
    first, second = torch.tensor([[True, False]] * 2), torch.tensor([[False, True]] * 2)
    values, noise, t = torch.tensor([[1.0, 0.0], [-1.0, 0.0]]), torch.zeros(2, 2), torch.tensor(0.3)
    told = denoiser(noise, t, question(PROCESS, asked=second, given=first, values=values))[:, 1]
    alone = denoiser(noise, t, question(PROCESS, asked=second, given=second & first, values=values))[:, 1]
    assert told.tolist() == pytest.approx([1, -1], abs=0.3)
    assert alone.tolist() == pytest.approx([float(states.mean())] * 2, abs=0.3)


def test_questions_have_conditions_too() -> None:
    denoiser = learn(PROCESS, NETWORK, STATES, cond=torch.ones(50, 3), roles=RandomRoles(), **SMALL)
    first = torch.tensor([[True, False]] * 4)
    asks = question(PROCESS, asked=~first, given=first, values=STATES[:4], cond=torch.ones(4, 3))
    assert denoiser(STATES[:4], torch.tensor(0.5), asks).shape == (4, 2)


def test_what_cannot_answer_is_refused() -> None:
    with pytest.raises(InputError, match="got known and roles"):
        learn(PROCESS, NETWORK, STATES, roles=RandomRoles(), known=Exact(PROCESS, STATES))
    with pytest.raises(InputError, match="got data that ask questions; give the data themselves"):
        learn(PROCESS, NETWORK, Questions(Arrays(STATES), PROCESS))


def test_conditions_may_be_arrays_as_states_may_and_no_rows_are_refused() -> None:
    cond = np.ones((len(STATES), 1), dtype=np.float32)
    found = learn(PROCESS, NETWORK, STATES.numpy(), cond=cond, **SMALL)
    expected = learn(PROCESS, NETWORK, STATES, cond=torch.from_numpy(cond), **SMALL)
    assert all(torch.equal(a, b) for a, b in zip(found.parameters(), expected.parameters(), strict=True))
    with pytest.raises(InputError, match="got no examples to train on; expected at least one row"):
        learn(PROCESS, NETWORK, STATES[:0])


@pytest.mark.slow
def test_conditions_reach_the_network() -> None:
    """Two points, one for each condition: close to the end the denoiser knows which from the condition alone."""
    cond = torch.eye(2).repeat(50, 1)
    states = torch.tensor([[1.0, 1.0], [-1.0, -1.0]]).repeat(50, 1)
    denoiser = learn(PROCESS, partial(MLP, width=32), states, cond=cond, steps=200, learning_rate=1e-2, ema=0.9)
    noise = torch.zeros(2, 2)
    estimate = denoiser(noise, torch.tensor(0.95), torch.eye(2))
    assert float(estimate[0].min()) > 0.5
    assert float(estimate[1].max()) < -0.5


def test_conditions_of_a_source_stand_in_its_batches() -> None:
    with pytest.raises(InputError, match="cond is given beside a source of batches"):
        learn(PROCESS, NETWORK, draw, cond=torch.zeros(4, 1), **SMALL)


def test_the_judge_keeps_the_best_and_the_teller_hears_of_every_step() -> None:
    seen: list[torch.Tensor] = []
    heard: list[tuple[float, str]] = []

    def judge(denoiser: Denoiser) -> float:
        seen.append(weights(denoiser).clone())
        return -abs(len(seen) - 2)  # the second is the best

    denoiser = learn(PROCESS, NETWORK, STATES, judge=judge, looks=4, tell=lambda *said: heard.append(said), **SMALL)
    assert len(seen) == 4
    assert torch.equal(weights(denoiser), seen[1])
    assert [share for share, _ in heard] == [0.25, 0.5, 0.75, 1.0]
    assert heard[-1][1].startswith("step 4, loss ")
    assert heard[-1][1].endswith(", validation 2.000, best 0.000 at step 2")


def test_a_stream_draws_as_many_as_it_is_asked_for() -> None:
    stream = Stream(draw)
    states, cond = stream.batch(torch.arange(5), generator(0))
    assert torch.equal(states, draw(5, generator(0)))
    assert cond is None
    assert isinstance(stream, Dataset)
    assert not isinstance(np.zeros(3), Dataset)


V = 0.05
START = linear_betas(5, 0.01, 0.6)


class Linear(Denoiser):
    """The exact denoiser of data N(0, V), whatever the betas."""

    def __init__(self, process):
        super().__init__()
        self.process = process

    def forward(self, x_t, t, cond=None):
        alpha, sigma = (part[:, None] for part in self.process.alpha_sigma(t))
        return alpha * V / (alpha**2 * V + sigma**2) * x_t


def negative_bound(betas):
    """-E[K] for data N(0, V), written down from the definitions, with the small variance."""
    left = np.cumprod(1 - np.asarray(betas))
    snr = left / (1 - left)
    steps = 0.5 * np.sum((snr[:-1] - snr[1:]) * V / (1 + V * snr[1:]))
    end = left[-1] * V + 1 - left[-1]
    prior = 0.5 * (end - 1 - math.log(1 - left[-1]))
    first = betas[0]
    decoder = 0.5 * (math.log(2 * math.pi * first) + (V * first**2 + (1 - first) * first) / first)
    return steps + prior + decoder


def test_they_reach_the_optimum(rng):
    """Within 0.005 nats, which 20,000 rows allow; the line of betas they start from is far away."""
    schedule = LearnedBetas(START)
    process = variance_preserving(Euclidean(1), schedule)
    x_0 = math.sqrt(V) * torch.randn(20_000, 1, generator=rng, dtype=torch.float64)
    learnt = learn_betas(Chain(process, even_times(5)), Linear(process), x_0, rng).betas

    def of_logits(logits):
        return negative_bound([START[0], *(1 / (1 + np.exp(-logits)))])

    best = minimize(of_logits, np.zeros(4), method="BFGS")
    assert negative_bound(START) > best.fun + 0.1
    assert best.fun - 1e-6 < negative_bound(learnt) < best.fun + 0.005
    assert learnt[0] == pytest.approx(START[0], rel=1e-12)


def test_fixed_betas_are_refused(rng):
    process = variance_preserving(Euclidean(1))
    with pytest.raises(InputError, match="expected a Gaussian process whose schedule is LearnedBetas"):
        learn_betas(Chain(process, even_times(5)), Linear(process), torch.zeros(4, 1), rng)


def test_a_network_in_the_place_of_what_makes_one_is_refused():
    with pytest.raises(InputError, match=r"(?s)^got network = .*; expected what makes one of \(input_shape"):
        learn(variance_preserving(Euclidean(2)), MLP((2,), width=8), torch.zeros(5, 2), steps=2)


@pytest.mark.parametrize(
    ("data", "words"),
    [({"a"}, "expected a tensor, an array, a list"), ("text", "got data = 'text'"), (None, "got states = None")],
)
def test_data_that_are_none_are_refused(data: Any, words: str) -> None:
    with pytest.raises(InputError, match=words):
        learn(PROCESS, NETWORK, data, steps=1)


@pytest.mark.parametrize("wrong", [{"tell": None}, {"judge": 3}, {"looks": 0}])
def test_options_that_are_none_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(InputError, match=f"got {next(iter(wrong))} = "):
        learn(PROCESS, NETWORK, STATES, steps=1, **wrong)
