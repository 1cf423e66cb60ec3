from __future__ import annotations

import json

import pytest
import torch
from tiny_training import Denoiser, Quadratic, Ring, digest, settings, start
from torch import nn

from unnoise._errors import InputError
from unnoise.training import Average, TrainState, train


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
    with pytest.raises(InputError, match="losses does not exist there and has shape"):
        state.load_state_dict(tensors, metadata)
    with pytest.raises(InputError, match="seed = 0, but seed = 7 is asked for now"):
        start(seed=7).load_state_dict(tensors, metadata)
    assert digest(state) == before


def test_a_denoiser_without_parameters_is_refused() -> None:
    with pytest.raises(InputError, match="Identity has no parameters to train"):
        TrainState(nn.Identity(), settings())


def test_it_follows_the_formula() -> None:
    network = nn.Linear(2, 2, dtype=torch.float64)
    expected = network.weight.detach().clone()
    average = Average(network, decay=0.5)
    for number in range(20):
        nn.init.normal_(network.weight, generator=torch.Generator().manual_seed(number))
        average.update(number)
        decay = min(0.5, (1 + number) / (10 + number))
        expected = decay * expected + (1 - decay) * network.weight.detach()
    torch.testing.assert_close(average.network.weight.data, expected, rtol=1e-12, atol=0.0)


def test_buffers_are_copied_and_the_copy_does_not_learn() -> None:
    network = nn.BatchNorm1d(2)
    average = Average(network, decay=0.9)
    network(torch.randn(8, 2, generator=torch.Generator().manual_seed(0)))
    average.update(0)
    assert torch.equal(average.network.running_mean, network.running_mean)
    assert average.network.num_batches_tracked == 1
    assert not average.network.training
    assert network.training
    assert not any(weight.requires_grad for weight in average.network.parameters())
