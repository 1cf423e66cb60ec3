"""The SNR form: any clock on any path; the known processes are cases of it, and its paths are one law rescaled."""

from __future__ import annotations

import pytest
import torch
from unnoise.processes.snr_form import exploding, preserving, straight

from unnoise import _config
from unnoise.processes import SNRForm, edm, rectified_flow, variance_exploding, variance_preserving
from unnoise.schedules import Cosine, Knots, Linear, LinearLogSNR, LogSNR
from unnoise.spaces import Euclidean

FLOAT64 = torch.float64
SPACE = Euclidean(2)
PATHS = {"preserving": preserving, "exploding": exploding, "straight": straight}


def of(process):
    """The clock of another process."""
    return LogSNR(process.log_snr)


CASES = {
    "vp-linear": (variance_preserving(SPACE, Linear()), SNRForm(SPACE, Linear())),
    "vp-cosine": (variance_preserving(SPACE, Cosine()), SNRForm(SPACE, Cosine(), preserving)),
    "ve": (variance_exploding(SPACE), SNRForm(SPACE, of(variance_exploding(SPACE)), exploding)),
    "edm": (edm(SPACE), SNRForm(SPACE, of(edm(SPACE)), exploding)),
    "rectified-flow": (rectified_flow(SPACE), SNRForm(SPACE, of(rectified_flow(SPACE)), straight)),
}


@pytest.fixture
def times():
    return torch.linspace(0, 1, 31, dtype=FLOAT64)


@pytest.mark.parametrize(("known", "found"), CASES.values(), ids=CASES)
def test_the_known_processes_are_cases(known, found, times):
    for method in ("logs", "rates"):
        for expected, value in zip(getattr(known, method)(times), getattr(found, method)(times), strict=True):
            torch.testing.assert_close(value, expected, rtol=1e-9, atol=1e-11)
    level = known.log_snr(times)
    torch.testing.assert_close(found.time_at(level), times, rtol=0, atol=1e-9)


@pytest.mark.parametrize("path", PATHS.values(), ids=PATHS)
def test_any_path_has_the_snr_of_its_clock(path, times):
    schedule = Knots((0.0, 0.3, 1.0), (8.0, 1.0, -5.0))
    alpha, sigma = SNRForm(SPACE, schedule, path).alpha_sigma(times)
    torch.testing.assert_close(2 * torch.log(alpha / sigma), schedule.log_snr(times), rtol=1e-10, atol=1e-10)


def test_paths_rescale_the_states_and_nothing_else(times, rng):
    """The same clock: x_t / alpha, its bridge, and the price of an estimate are the same on every path."""
    x_0, noise, estimate = torch.randn(3, 31, 2, generator=rng, dtype=FLOAT64)
    s, found = 0.7 * times, []
    for path in PATHS.values():
        process = SNRForm(SPACE, LinearLogSNR(5.0, -5.0), path)
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
    process = SNRForm(SPACE, LinearLogSNR(5.0, -5.0), lambda log_snr: 0.25 * log_snr)
    alpha, sigma = process.alpha_sigma(times)
    torch.testing.assert_close(alpha * sigma, torch.ones_like(times), rtol=1e-12, atol=0)
    f, h = process.rates(times)
    torch.testing.assert_close(f, -h, rtol=1e-12, atol=0)


def test_it_is_saved_by_name():
    process = SNRForm(SPACE, LinearLogSNR(5.0, -5.0), straight)
    assert _config.decode(_config.encode(process)) == process
