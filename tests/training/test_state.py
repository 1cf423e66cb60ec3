from __future__ import annotations

import json

import pytest
import torch
from tiny_training import Denoiser, Quadratic, Ring, digest, settings, start
from torch import nn

from unnoise._errors import InputError
from unnoise.training import TrainState, train


def trained(**changes) -> TrainState:
    state = start(**changes)
    for _ in train(state, Quadratic(), Ring()):
        pass
    return state


def test_it_becomes_tensors_and_json_and_comes_back() -> None:
    state, again = trained(steps=3), start(steps=3)
    tensors, metadata = state.state_dict()
    assert all(isinstance(tensor, torch.Tensor) for tensor in tensors.values())
    again.load_state_dict(tensors, json.loads(json.dumps(metadata)))
    assert digest(again) == digest(state) != digest(start(steps=3))
    assert (again.step, again.elapsed, again.num_examples) == (3, state.elapsed, 100)
    assert again.losses == state.losses
    assert {"optimiser.exp_avg.hidden.weight", "denoiser.calls", "ema.out.bias", "rng"} <= tensors.keys()


def test_frozen_weights_have_no_moments_and_come_back() -> None:
    def make() -> TrainState:
        denoiser = Denoiser()
        denoiser.hidden.requires_grad_(False)
        return TrainState(denoiser, settings(steps=2))

    state, again = make(), make()
    before = state.denoiser.hidden.weight.clone()
    for _ in train(state, Quadratic(), Ring()):
        pass
    tensors, metadata = state.state_dict()
    assert "optimiser.exp_avg.hidden.weight" not in tensors
    assert torch.equal(state.denoiser.hidden.weight, before)
    again.load_state_dict(tensors, metadata)
    assert digest(again) == digest(state)


def test_the_average_is_a_network_of_its_own() -> None:
    state = trained(steps=3)
    assert type(state.ema) is type(state.denoiser)
    assert not torch.equal(state.ema.out.weight, state.denoiser.out.weight)


def test_noise_of_another_kind_of_device_starts_a_stream_at_this_step() -> None:
    state = trained(steps=3)
    tensors, metadata = state.state_dict()
    tensors["rng"] = torch.zeros(16, dtype=torch.uint8)  # what a GPU's generator would have left
    draws = []
    for _ in range(2):
        again = start(steps=3)
        fresh = torch.rand(4, generator=start(steps=3).rng)
        again.load_state_dict(tensors, metadata)
        draws.append(torch.rand(4, generator=again.rng))
    assert torch.equal(draws[0], draws[1])
    assert not torch.equal(draws[0], fresh)


def test_what_does_not_fit_changes_nothing() -> None:
    tensors, metadata = trained(steps=3).state_dict()
    state = start(steps=3)
    before = digest(state)
    del tensors["losses"]
    with pytest.raises(KeyError):
        state.load_state_dict(tensors, metadata)
    with pytest.raises(InputError, match="seed = 0, but seed = 7 is asked for now"):
        start(seed=7).load_state_dict(tensors, metadata)
    assert digest(state) == before


def test_a_denoiser_without_parameters_is_refused() -> None:
    with pytest.raises(InputError, match="Identity has no parameters to train"):
        TrainState(nn.Identity(), settings())
