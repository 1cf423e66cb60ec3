"""The embedding of noise level and condition."""

from __future__ import annotations

import pytest
import torch

from unnoise._errors import InputError
from unnoise.networks import MLP, PerNumber, ResNet, SmallImage, Transformer, UNet
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


BACKBONES = {
    "MLP": lambda: (MLP((2,), 3, width=8, depth=1), (2,)),
    "ResNet": lambda: (ResNet((2,), 3, width=8, depth=1), (2,)),
    "Transformer": lambda: (Transformer((4, 6), 3, width=8, depth=1, heads=2), (4, 6)),
    "UNet": lambda: (UNet((1, 4, 4), 3, width=8, multipliers=(1,), blocks=1), (1, 4, 4)),
    "SmallImage": lambda: (SmallImage((1, 4, 4), 3, width=8, depth=1, channels=8), (1, 4, 4)),
    "PerNumber": lambda: (PerNumber(MLP((6,), 3, (2,), width=8, depth=1), 3, 2, 3, width=8), (6,)),
}


@pytest.mark.parametrize("name", BACKBONES)
def test_what_a_backbone_cannot_read_is_refused_in_one_sentence(name):
    """Torch's own errors spoke of matrices; a transformer copied one row to as many as there were levels."""
    network, shape = BACKBONES[name]()
    x, levels, cond = torch.zeros(5, *shape), torch.zeros(5), torch.zeros(5, 3)
    assert network(x, levels, cond).shape[0] == network(x, levels[:1], cond[:1]).shape[0] == 5
    for sentence, wrong in {
        "got an input of shape": (torch.zeros(5, shape[0] + 1, *shape[1:]), levels, cond),
        r"a row for each example": (x[0], levels, cond),
        "got an input of type ndarray; expected a tensor": (x.numpy(), levels, cond),
        "got an input in torch.float64 for weights in torch.float32": (x.double(), levels, cond),
        r"got a level of shape \(4,\) for 5 rows": (x, levels[:4], cond),
        "got a level of type float": (x, 0.5, cond),
        "got a level in torch.float64": (x, levels.double(), cond),
        r"got a condition of shape \(4, 3\) for 5 rows": (x, levels, cond[:4]),
        "got a condition in torch.int64": (x, levels, cond.long()),
    }.items():
        with pytest.raises(InputError, match=sentence):
            network(*wrong)
