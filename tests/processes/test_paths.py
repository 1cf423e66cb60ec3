"""Paths: any schedule on any path has its own SNR, and paths are one law rescaled."""

from __future__ import annotations

import pytest
import torch

from unnoise import _config
from unnoise.processes import Gaussian
from unnoise.processes.paths import Exploding, Path, Preserving, Straight, SubPreserving
from unnoise.schedules import LinearLogSNR, LogSNR
from unnoise.spaces import Euclidean

FLOAT64 = torch.float64
SPACE = Euclidean(2)
PATHS = {
    "preserving": Preserving(),
    "exploding": Exploding(),
    "straight": Straight(),
    "sub-preserving": SubPreserving(),
}


@pytest.fixture
def times():
    return torch.linspace(0, 1, 31, dtype=FLOAT64)


@pytest.mark.parametrize("path", PATHS.values(), ids=PATHS)
def test_slopes_in_closed_form_are_those_of_automatic_differentiation(path):
    levels = torch.linspace(-30, 30, 61, dtype=FLOAT64)
    for found, expected in zip(path.slopes(levels), Path.slopes(path, levels), strict=True):
        torch.testing.assert_close(found, expected, rtol=1e-10, atol=1e-15)
    assert (torch.stack(path.slopes(levels.float())) >= 0).all()


def test_each_path_is_what_its_name_says():
    levels = torch.linspace(-10, 10, 21, dtype=FLOAT64)
    alpha = {name: path.log_alpha(levels).exp() for name, path in PATHS.items()}
    sigma = {name: value * torch.exp(-0.5 * levels) for name, value in alpha.items()}
    torch.testing.assert_close(alpha["preserving"] ** 2 + sigma["preserving"] ** 2, torch.ones_like(levels))
    torch.testing.assert_close(alpha["exploding"], torch.ones_like(levels))
    torch.testing.assert_close(alpha["straight"] + sigma["straight"], torch.ones_like(levels))
    torch.testing.assert_close(alpha["sub-preserving"] ** 2 + sigma["sub-preserving"], torch.ones_like(levels))


@pytest.mark.parametrize("path", PATHS.values(), ids=PATHS)
def test_any_path_has_the_snr_of_its_schedule(path, times):
    schedule = LogSNR(lambda t: 8 - 10 * t - 3 * t**2)
    alpha, sigma = Gaussian(SPACE, schedule, path).alpha_sigma(times)
    torch.testing.assert_close(2 * torch.log(alpha / sigma), schedule.log_snr(times), rtol=1e-10, atol=1e-10)


def test_paths_rescale_the_states_and_nothing_else(times, rng):
    """The same schedule: x_t / alpha, its bridge, and the price of an estimate are the same on every path."""
    x_0, noise, estimate = torch.randn(3, 31, 2, generator=rng, dtype=FLOAT64)
    s, found = 0.7 * times, []
    for path in PATHS.values():
        process = Gaussian(SPACE, LinearLogSNR(5.0, -5.0), path)
        (alpha, sigma), alpha_s = process.alpha_sigma(times), process.alpha_sigma(s)[0][:, None]
        x_t = alpha[:, None] * x_0 + sigma[:, None] * noise
        law = process.bridge(x_0, x_t, times, s)
        price = process.kl_rate(estimate, x_0, x_t, times)
        found.append((x_t / alpha[:, None], law.mean / alpha_s, law.scale / alpha_s, price))
    for other in found[1:]:
        for value, expected in zip(other, found[0], strict=True):
            torch.testing.assert_close(value, expected, rtol=1e-9, atol=1e-10)


def test_a_path_of_your_own(times):
    """alpha = SNR^(1/4), for which alpha sigma = 1: f + h = 0."""

    class Even(Path):
        def log_alpha(self, log_snr):
            return 0.25 * log_snr

    process = Gaussian(SPACE, LinearLogSNR(5.0, -5.0), Even())
    alpha, sigma = process.alpha_sigma(times)
    torch.testing.assert_close(alpha * sigma, torch.ones_like(times), rtol=1e-12, atol=0)
    f, h = process.rates(times)
    torch.testing.assert_close(f, -h, rtol=1e-12, atol=0)


def test_it_is_saved_by_name():
    process = Gaussian(SPACE, LinearLogSNR(5.0, -5.0), Straight())
    assert _config.decode(_config.encode(process)) == process
