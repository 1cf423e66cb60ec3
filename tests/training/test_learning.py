"""Training in one call: what it may learn from, and that it is the training that the loop makes by hand."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import pytest
import torch

from unnoise._errors import InputError
from unnoise._seeding import generator, seeded
from unnoise.denoisers import Denoiser, Neural
from unnoise.networks import MLP
from unnoise.objectives import Denoising
from unnoise.processes import VariancePreserving, product
from unnoise.spaces import Euclidean
from unnoise.training import Arrays, Dataset, Settings, Stream, TrainState, learn, train

PROCESS = VariancePreserving(Euclidean(2))
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
    process = product({"a": PROCESS, "b": VariancePreserving(Euclidean(1))})
    denoiser = learn(process, NETWORK, {"a": STATES.numpy(), "b": STATES[:, :1]}, **SMALL)
    x = {"a": torch.zeros(3, 2), "b": torch.zeros(3, 1)}
    assert denoiser(x, torch.tensor(0.5))["b"].shape == (3, 1)


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
    assert heard[-1][1].endswith("best on validation 0.000")


def test_a_stream_draws_as_many_as_it_is_asked_for() -> None:
    stream = Stream(draw)
    states, cond = stream.batch(torch.arange(5), generator(0))
    assert torch.equal(states, draw(5, generator(0)))
    assert cond is None
    assert isinstance(stream, Dataset)
    assert not isinstance(np.zeros(3), Dataset)
