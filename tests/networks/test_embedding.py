"""The embedding of noise level and condition."""

from __future__ import annotations

import pytest
import torch

from unnoise._errors import InputError
from unnoise.networks import MLP, Transformer, UNet
from unnoise.networks.embedding import Embedding


@pytest.fixture(autouse=True)
def _seeded():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        yield


def test_one_level_serves_all_rows():
    embedding = Embedding(8, cond_features=2)
    cond = torch.randn(5, 2)
    many = embedding(torch.full((5,), 0.7), cond)
    assert many.shape == (5, 8)
    torch.testing.assert_close(embedding(torch.tensor(0.7), cond), many)


def test_without_condition_a_scalar_level_gives_one_row():
    assert Embedding(8)(torch.tensor(0.7)).shape == (1, 8)


def test_frequencies_run_from_one_to_the_highest_and_are_not_saved():
    embedding = Embedding(8, frequencies=5, highest=16.0)
    torch.testing.assert_close(embedding.frequencies, torch.tensor([1.0, 2.0, 4.0, 8.0, 16.0]))
    assert "frequencies" not in embedding.state_dict()
    assert embedding.double().frequencies.dtype == torch.float64


def test_levels_and_conditions_are_told_apart():
    embedding = Embedding(8, cond_features=1)
    zero, one = torch.zeros(1, 1), torch.ones(1, 1)
    base = embedding(torch.tensor(0.0), zero)
    assert (embedding(torch.tensor(0.01), zero) - base).abs().max() > 1e-4
    assert (embedding(torch.tensor(0.0), one) - base).abs().max() > 1e-4


@pytest.mark.parametrize(("built", "cond"), [(0, torch.ones(4, 3)), (3, None), (3, torch.ones(4, 2))])
@pytest.mark.parametrize("make", [MLP, Transformer, UNet])
def test_a_condition_that_the_network_was_not_built_for_is_refused(make, built, cond):
    """One that a network was built without was dropped silently."""
    shape = {MLP: (5,), Transformer: (2, 3), UNet: (1, 8, 8)}[make]
    network, given = make(shape, built, width=8), 0 if cond is None else cond.shape[1]
    sentence = f"got conditions of {given} numbers for a network that was built with cond_features={built}; build it"
    with pytest.raises(InputError, match=sentence):
        network(torch.zeros(4, *shape), torch.zeros(4), cond)
    network(torch.zeros(4, *shape), torch.zeros(4), torch.ones(4, built) if built else None)


def test_conditions_of_more_or_fewer_axes_are_refused():
    for cond in (torch.ones(4), torch.ones(4, 1, 3)):
        with pytest.raises(InputError, match=r"got conditions of shape .*; expected a row of numbers"):
            MLP((5,), 3, width=8)(torch.zeros(4, 5), torch.zeros(4), cond)


def test_sines_and_cosines_tell_a_level_from_its_phase():
    """sin^2 + cos^2 = 1 at every frequency, so that all levels are features of one length."""
    embedding, seen = Embedding(8, frequencies=5), []
    embedding.level.register_forward_pre_hook(lambda layer, inputs: seen.append(inputs[0]))
    embedding(torch.linspace(-3, 3, 20))
    torch.testing.assert_close(seen[0].square().sum(-1), torch.full((20,), 5.0))
    torch.testing.assert_close(seen[0][:, :5], torch.sin(torch.linspace(-3, 3, 20)[:, None] * embedding.frequencies))
