"""What all tests share: one thread, a seeded generator, the real data that lies beside the project."""

from __future__ import annotations

import gc
import math
import signal
import sys
from collections.abc import Callable, Generator
from functools import partial
from pathlib import Path

import pytest
import torch

from unnoise.laws import GaussianMixture
from unnoise.processes import (
    Gaussian,
    edm,
    paths,
    rectified_flow,
    sub_variance_preserving,
    variance_exploding,
    variance_preserving,
)
from unnoise.schedules import Cosine, LinearLogSNR, LogSNR
from unnoise.spaces import Euclidean

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests" / "toys"))  # small worlds that tests of several folders share

GAUSSIAN_PROCESSES = {
    "vp-linear": variance_preserving,
    "vp-cosine": partial(variance_preserving, schedule=Cosine()),
    "vp-log-snr": partial(variance_preserving, schedule=LinearLogSNR()),
    "sub-vp": sub_variance_preserving,
    "ve": variance_exploding,
    "edm": edm,
    "rectified-flow": rectified_flow,
    "snr-form": partial(Gaussian, schedule=LogSNR(lambda t: 9 - 6 * t - 9 * t**2), path=paths.Straight()),
}

# Results must not depend on how many cores a machine has, and parallel test workers must not fight for them.
torch.set_num_threads(1)


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Look for no garbage among modules and tests, which all stay: that took a third of the time of collecting them."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.enable()
        gc.collect()
        gc.freeze()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip what needs an accelerator where there is none."""
    if torch.accelerator.is_available():
        return
    for item in items:
        if item.get_closest_marker("gpu"):
            item.add_marker(pytest.mark.skip(reason="no accelerator on this machine"))


@pytest.fixture
def rng() -> torch.Generator:
    """A generator with a fixed seed, fresh for every test."""
    return torch.Generator().manual_seed(0)


@pytest.fixture(params=GAUSSIAN_PROCESSES.values(), ids=GAUSSIAN_PROCESSES)
def gaussian(request: pytest.FixtureRequest) -> Callable[..., Gaussian]:
    """Every Gaussian process in turn, as a function of the event shape."""
    return lambda shape: request.param(Euclidean(shape))


@pytest.fixture(scope="session", autouse=True)
def _interruptible() -> None:
    """Tests send Ctrl-C and SIGHUP, which processes in the background of a shell, or under nohup, would ignore."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if hasattr(signal, "SIGHUP") and signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
        signal.signal(signal.SIGHUP, signal.SIG_DFL)


@pytest.fixture(scope="session")
def ring() -> GaussianMixture:
    """Eight Gaussians of deviation 0.15 on a circle of radius 2, in float64: its density and scores are known."""
    angles = torch.arange(8, dtype=torch.float64) * math.pi / 4
    means = 2 * torch.stack([angles.cos(), angles.sin()], -1)
    covariances = 0.15**2 * torch.eye(2, dtype=torch.float64).expand(8, 2, 2)
    return GaussianMixture(torch.full((8,), 0.125, dtype=torch.float64), means, covariances)


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real data sets beside the project; a test that needs it is skipped where it is absent."""
    folder = ROOT.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("needs the real data sets in ../shared/data, which are not beside this checkout")
    return folder
