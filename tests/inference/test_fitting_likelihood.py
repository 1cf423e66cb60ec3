"""What is learnt from simulations is near the truth, comes back from a folder, and a sentence where it cannot be."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from shifted_normal import SETS, X
from simulated import NOISE, cube, in_cube, noisy, normal_prior

from unnoise._errors import InputError
from unnoise.inference import LearntLikelihood, Simulations, likelihood
from unnoise.inference.fitting_likelihood import SETTINGS

FEW = replace(SETTINGS, steps=20)
THETA = np.random.default_rng(0).uniform(-1, 1, size=(50, 2))


def test_what_is_learnt_is_near_the_truth():
    """KL divergence from the exact law per observation; twin: one that was not told the parameters."""
    found = likelihood(normal_prior(), noisy, simulations=500, observations=2, components=2, settings=FEW)
    rng = torch.Generator().manual_seed(1)
    theta = torch.randn(40, 2, generator=rng)
    x = theta + NOISE * torch.randn(40, 2, generator=rng)
    exactly = torch.distributions.Normal(theta, NOISE).log_prob(x).sum(1).double().numpy()
    told = np.array([found.log_prob(one, at[None])[0] for one, at in zip(x, theta, strict=True)])
    blind = np.array([found.log_prob(one, torch.zeros(1, 2))[0] for one in x])
    assert -0.02 < (exactly - told).mean() < 0.1
    assert (exactly - blind).mean() > 0.5


def test_numbers_that_are_whole_have_the_chance_of_their_cell():
    def spikes(theta, seed):
        return np.random.default_rng(seed).poisson(np.exp(theta.numpy()), size=theta.shape)

    found = likelihood(torch.distributions.Normal(torch.tensor([3.0]), 0.1), spikes, simulations=400, settings=FEW)
    theta = torch.tensor([[3.0]])
    total = sum(np.exp(found.log_prob([float(k)], theta)[0]) for k in range(60))
    assert total == pytest.approx(1, abs=0.05)


def test_the_same_numbers_come_back_from_a_folder(tmp_path):
    made = likelihood(cube(), in_cube, simulations=100, components=2, settings=FEW)
    made.save(tmp_path / "kept")
    found = LearntLikelihood.load(tmp_path / "kept", prior=cube())
    theta = cube().sample((20,))
    np.testing.assert_array_equal(found.log_prob(SETS[4], theta), made.log_prob(SETS[4], theta))
    assert found.check(X) == made.check(X)
    assert found.model.ended == made.model.ended
    with pytest.raises(InputError, match="holds no likelihood"):
        LearntLikelihood.load(tmp_path)
    with pytest.raises(InputError, match="loaded without its prior"):
        LearntLikelihood.load(tmp_path / "kept").posterior(X)
    path = tmp_path / "kept" / "model" / "law.safetensors"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    with pytest.raises(InputError, match="cannot be read: its checksum does not fit"):
        LearntLikelihood.load(tmp_path / "kept")


@pytest.mark.parametrize(
    ("x", "words"),
    [
        (np.where(THETA > 0.9, np.nan, THETA), "got NaN in 0.12 of the simulations; a likelihood is learnt of whole"),
        (np.ones((50, 2)), "got an x that is alike in all simulations"),
        (np.zeros((50, 300)) + THETA[:, :1], "got 300 numbers of one observation; expected at most 256"),
    ],
)
def test_simulations_without_a_density_are_a_sentence(x, words):
    with pytest.raises(InputError, match=words):
        likelihood(cube(), Simulations(THETA, x), settings=FEW)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"components": 0}, "got components = 0"),
        ({"settings": None}, "got settings = None"),
        ({"held_out": 0.9}, "got held_out = 0.9"),
        ({"simulations": 3}, "got simulations = 3"),
    ],
)
def test_arguments_that_cannot_be_are_a_sentence(arguments, words):
    with pytest.raises(InputError, match=words):
        likelihood(cube(), in_cube, **arguments)
