"""What a fit hands to its parts: every option reaches the part that it is for, and what comes back is theirs."""

from __future__ import annotations

import copy
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import torch
from sklearn.base import clone

from unnoise import DenoisingMarkovModel, load, samplers
from unnoise._seeding import generator, seeded
from unnoise.chains import WalkJump
from unnoise.data import Schema
from unnoise.denoisers import Denoiser, Neural
from unnoise.evaluation import Bound, ProbabilityFlow
from unnoise.heads import V
from unnoise.networks import MLP
from unnoise.objectives import VDM, Denoising
from unnoise.objectives.weightings import SimpleWeighting
from unnoise.processes import rectified_flow, variance_preserving
from unnoise.schedules import Learned
from unnoise.spaces import Euclidean
from unnoise.training import Settings, TrainState, train

TINY = partial(MLP, width=16, depth=1, embedding=16)
DATA = np.random.default_rng(0).normal(size=(60, 2)) * [1.0, 50.0]
SETTINGS: dict[str, Any] = {  # none of them a default
    "steps": 12,
    "batch_size": 8,
    "learning_rate": 0.03,
    "warmup": 2,
    "weight_decay": 0.5,
    "clip": 0.3,
    "ema": 0.7,
    "device": "cpu",
}


def tiny(**changes: Any) -> DenoisingMarkovModel:
    return DenoisingMarkovModel(
        **{"steps": 3, "batch_size": 8, "network": TINY, "device": "cpu", "roles": "joint", **changes}
    )


def equal(one: torch.nn.Module, other: torch.nn.Module) -> bool:
    a, b = one.state_dict(), other.state_dict()
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


def by_hand(
    seed_of_weights: int = 3, objective: Denoising = Denoising(SimpleWeighting()), **changes: Any
) -> TrainState:
    """The training that a fit with `SETTINGS` and random_state=3 stands for."""
    schema = Schema.infer(DATA)
    process = rectified_flow(Euclidean(2))
    with seeded(seed_of_weights):
        network = TINY((2,), 0, (2,))
    state = TrainState(Neural(process, network, V), Settings(**SETTINGS | {"seed": 3} | changes))
    for _ in train(state, objective, schema.encode(DATA)):
        pass
    return state


@pytest.fixture(scope="module")
def fitted() -> DenoisingMarkovModel:
    parts = {"process": rectified_flow, "head": V, "objective": Denoising(SimpleWeighting()), "validation": 0.0}
    return tiny(**SETTINGS, **parts, random_state=3).fit(DATA)


def test_a_fit_keeps_the_average_of_the_training_that_its_options_describe(fitted: DenoisingMarkovModel) -> None:
    """Bit for bit."""
    state = by_hand()
    assert equal(fitted.denoiser_, state.ema)
    assert not equal(fitted.denoiser_, state.denoiser)
    assert fitted.losses_.tolist() == state.losses


def test_a_fit_in_a_folder_is_the_fit_without_one(fitted: DenoisingMarkovModel, tmp_path: Path) -> None:
    again = clone(fitted).fit(DATA, folder=tmp_path / "model")
    for model in (again, load(tmp_path / "model")):
        assert equal(model.denoiser_, fitted.denoiser_)
        assert model.losses_.tolist() == fitted.losses_.tolist()


OTHERS: dict[str, dict[str, Any]] = {
    "weights": {"seed_of_weights": 0},
    "objective": {"objective": Denoising()},
    **{name: {name: value} for name, value in {"seed": 0, "weight_decay": 0.0, "clip": None, "warmup": 0}.items()},
}


@pytest.mark.parametrize("other", OTHERS.values(), ids=OTHERS)
def test_every_option_matters(fitted: DenoisingMarkovModel, other: dict[str, Any]) -> None:
    assert not equal(fitted.denoiser_, by_hand(**other).ema)


def test_a_fit_leaves_the_process_that_it_was_given_as_it_was() -> None:
    """Its schedule learns, in a copy."""
    process = variance_preserving(Euclidean(2), Learned())
    before = copy.deepcopy(process.schedule.state_dict())
    model = tiny(process=process, objective=VDM(), learning_rate=0.1).fit(DATA)
    learnt = model.denoiser_.process.schedule.state_dict()
    assert all(torch.equal(value, before[name]) for name, value in process.schedule.state_dict().items())
    assert any(not torch.equal(value, before[name]) for name, value in learnt.items())


def test_a_loaded_network_is_no_longer_in_training(fitted: DenoisingMarkovModel, tmp_path: Path) -> None:
    """Dropout would act, and scores would differ from call to call."""
    fitted.save(tmp_path / "model")
    for model in (fitted, load(tmp_path / "model")):
        assert not any(part.training for part in model.denoiser_.modules())
        assert not any(weight.requires_grad for weight in model.denoiser_.parameters())


@pytest.mark.parametrize("likelihood", [Bound(draws=8), ProbabilityFlow(exact_up_to=0, probes=3)], ids=lambda x: x.name)
def test_an_estimate_is_the_likelihood_moved_by_the_units(fitted: DenoisingMarkovModel, likelihood: Any) -> None:
    states, volume = fitted.schema_.encode(DATA[:5]).x, fitted.schema_.log_volume
    alone = likelihood(fitted.denoiser_, states, generator(7))
    found = fitted.estimate(DATA[:5], likelihood=likelihood, seed=7)
    assert abs(volume) > 1
    torch.testing.assert_close(found.log_prob, alone.log_prob + volume)
    torch.testing.assert_close(found.standard_error, alone.standard_error)
    assert found.degrees_of_freedom == alone.degrees_of_freedom != 1
    for end, other in zip(found.interval(), alone.interval(), strict=True):
        torch.testing.assert_close(end, other + volume)


class Told(Denoiser):
    """A denoiser that says what it is conditioned on."""

    def __init__(self, process: Any) -> None:
        super().__init__()
        self.process = process

    def forward(self, x_t: torch.Tensor, t: torch.Tensor, cond: torch.Tensor) -> torch.Tensor:
        return cond.expand_as(x_t)


def test_chains_that_walk_in_groups_keep_their_conditions(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(samplers.base, "default_batch_size", lambda shape: 4)
    ages = np.arange(20.0, 30.0)
    table = pl.DataFrame({"age": np.tile(ages, 6), "weight": np.tile(ages, 6)})
    model = tiny(condition="age", kinds={"weight": "real"}).fit(table)
    model.denoiser_ = Told(model.denoiser_.process)
    walked = model.walk(10, given={"age": ages}, chain=partial(WalkJump, steps=1), seed=0)
    np.testing.assert_allclose(walked["weight"], ages, rtol=1e-5)


def test_few_rows_of_a_conditional_model_may_be_wide(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether samples are too wide is judged as loosely as conditions allow, and no more loosely than that."""
    seen: list[bool] = []
    monkeypatch.setattr("unnoise.model.fitted.warn_of_spread", lambda *_, conditional: seen.append(conditional))
    tiny().fit(DATA).sample(2, seed=0)
    tiny(condition="x1").fit(DATA).sample(2, given={"x1": 0.0}, seed=0)
    assert seen == [False, True]
