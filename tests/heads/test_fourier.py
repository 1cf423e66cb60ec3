"""Numbers at every scale: what is finer than the noise fades."""

from __future__ import annotations

import math

import pytest
import torch

from unnoise import InputError, processes, spaces
from unnoise.heads import Fourier, Preconditioned

PROCESS = processes.variance_exploding(spaces.Euclidean(2), sigma_min=0.01, sigma_max=10.0)
X = torch.tensor([[0.5, -1.0], [2.0, 0.0]])


def test_waves_of_clean_numbers_are_sines_and_cosines() -> None:
    seen = Fourier(PROCESS, frequencies=(1.0, 4.0)).inputs(X, torch.tensor(0.0))
    expected = torch.cat([X, X.sin(), X.cos(), (4 * X).sin(), (4 * X).cos()], 1)
    torch.testing.assert_close(seen, expected, atol=2e-3, rtol=0)


def test_a_wave_is_the_mean_of_the_wave_of_what_the_noise_may_have_moved() -> None:
    """E[sin f(u + s eps)] = exp(-f^2 s^2 / 2) sin f u, at a time for each cell."""
    t = torch.tensor([[0.0, 0.6], [0.6, 0.0]])
    alpha, sigma = PROCESS.alpha_sigma(t)
    noise = torch.randn(200_000, 1, 1, generator=torch.Generator().manual_seed(0))
    mean = torch.sin(4 * (X / alpha + sigma / alpha * noise)).mean(0)
    torch.testing.assert_close(Fourier(PROCESS, frequencies=(4.0,)).inputs(X, t)[:, 2:4], mean, atol=0.01, rtol=0)


def test_an_output_stands_for_what_it_stood_for() -> None:
    output, t = torch.randn(2, 2, generator=torch.Generator().manual_seed(0)), torch.tensor(0.3)
    head = Fourier(PROCESS)
    torch.testing.assert_close(head.estimate(output, X, t), Preconditioned(PROCESS).estimate(output, X, t))
    assert head.input_shape == (22,)
    assert head.output_shape == (2,)


@pytest.mark.parametrize("frequencies", [(0.0,), (math.nan,), 3.0])
def test_frequencies_that_are_none_are_refused(frequencies: object) -> None:
    with pytest.raises(InputError, match="frequencies"):
        Fourier(PROCESS, frequencies=frequencies)
