"""Letters: Bayes' rule for independent letters, whatever the process, and channels where networks expect them."""

from __future__ import annotations

import pytest
import torch

from unnoise.denoisers import Exact, Neural
from unnoise.heads import Letters
from unnoise.networks import MLP, Transformer
from unnoise.spaces import Finite


@pytest.fixture(params=[0.1, 0.5, 0.9])
def t(request):
    return torch.tensor(request.param, dtype=torch.float64)


def test_constant_log_frequencies_are_exact_for_independent_letters(gaussian, t, rng):
    """Against Bayes' rule over all 27 sequences of three letters."""
    process, space = gaussian((3, 3)), Finite(3, 3)
    sequences = torch.cartesian_prod(*[torch.arange(3)] * 3)
    frequencies = torch.rand(3, 3, generator=rng, dtype=torch.float64)  # (sites, letters)
    weights = torch.stack([frequencies[site, sequences[:, site]] for site in range(3)]).prod(0)
    atoms = space.features(sequences).double()
    x_t = process.marginal(atoms, t).sample(rng)
    output = frequencies.log().T.expand(len(x_t), -1, -1)  # (n, letters, sites)
    expected = Exact(process, atoms, weights)(x_t, t)
    torch.testing.assert_close(Letters(process).estimate(output, x_t, t), expected, rtol=1e-9, atol=1e-9)


def test_an_estimate_is_a_probability_of_each_letter(gaussian, t, rng):
    process = gaussian((5, 4))
    x_t, output = torch.randn(2, 5, 4, generator=rng), torch.randn(2, 4, 5, generator=rng)
    found = Letters(process).estimate(output, x_t, t)
    assert found.dtype == x_t.dtype
    assert bool((found >= 0).all())
    torch.testing.assert_close(found.sum(-1), torch.ones(2, 5))


@pytest.mark.parametrize("network", [MLP, Transformer])
def test_backbones_see_letters_as_channels(gaussian, network, rng):
    process = gaussian((6, 4))
    head = Letters(process)
    denoiser = Neural(process, network(head.input_shape, 0, head.output_shape, width=8), Letters)
    x_t = torch.randn(2, 6, 4, generator=rng)
    assert denoiser(x_t, torch.tensor(0.5)).shape == (2, 6, 4)
    inputs = head.inputs(x_t, torch.tensor(0.5))
    assert inputs.shape == (2, 4, 6)
    ratio = inputs / x_t.transpose(1, 2)
    torch.testing.assert_close(ratio, ratio.mean().expand_as(ratio))  # nothing but a transposition and a scale


def test_pictures_of_letters_keep_their_axes(gaussian):
    assert Letters(gaussian((6, 5, 4))).input_shape == (4, 6, 5)
