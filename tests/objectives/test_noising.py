"""Noising by small steps is noising by the kernel, up to the step."""

from __future__ import annotations

import pytest
import torch

from unnoise.laws import Normal
from unnoise.objectives.noising import noised, path
from unnoise.objectives.times import low_discrepancy
from unnoise.processes import DiffusionProcess, variance_preserving
from unnoise.schedules import Linear
from unnoise.spaces import Euclidean

FLOAT64 = torch.float64
ROWS, STEPS, START = 20_000, 50, 2.0
SCHEDULE = Linear(0.1, 6.0, tau_min=0.0)
KNOWN = variance_preserving(Euclidean(1), Linear(0.1, 6.0))


def own(rate):
    return DiffusionProcess(
        Euclidean(1),
        drift=lambda x, t: -0.5 * rate(t) * x,
        scale=lambda t: rate(t).sqrt(),
        prior_law=lambda n: Normal(torch.zeros(n, 1), torch.ones(()), 1),
    )


def standardised(process, rng):
    """Noised rows in units of the kernel at their own times, and at the end."""
    x_0 = torch.full((ROWS, 1), START, dtype=FLOAT64)
    seen = noised(process, x_0, low_discrepancy(ROWS, rng).double(), STEPS, rng, to_the_end=True)
    states = ((seen.x_t, seen.t), (seen.x_1, torch.ones((), dtype=FLOAT64)))
    kernels = [(x, KNOWN.marginal(x_0, t)) for x, t in states]
    return seen, [(x - law.mean) / law.scale for x, law in kernels]


PROCESSES = {"simulated": own(SCHEDULE.rate), "kernel": KNOWN}


@pytest.mark.parametrize("process", PROCESSES.values(), ids=PROCESSES)
def test_states_have_the_law_of_the_kernel_at_their_own_time(process, rng):
    seen, both = standardised(process, rng)
    for z in both:
        assert abs(float(z.mean())) < 5 / ROWS**0.5 + 0.01
        assert abs(float(z.var()) - 1) < 5 * (2 / ROWS) ** 0.5 + 0.03
    assert float(torch.corrcoef(torch.stack([seen.t, both[0][:, 0] ** 2]))[0, 1].abs()) < 5 / ROWS**0.5 + 0.02


@pytest.mark.parametrize("process", PROCESSES.values(), ids=PROCESSES)
def test_the_end_is_made_only_where_asked_for(process, rng):
    assert noised(process, torch.zeros(4, 1, dtype=FLOAT64), torch.rand(4, generator=rng).double(), 3, rng).x_1 is None


def test_a_wrong_generator_is_seen(rng):
    _, (z, end) = standardised(own(lambda t: 0.8 * SCHEDULE.rate(t)), rng)
    assert abs(float(z.mean())) > 0.05
    assert abs(float(end.mean())) > 0.05


def test_times_of_a_path_are_uniform(rng):
    """One common offset, so many seeds are needed to fill the unit interval."""
    x_0 = torch.zeros(64, 1, dtype=FLOAT64)
    t = torch.cat([noised(own(SCHEDULE.rate), x_0, low_discrepancy(64, rng).double(), 7, rng).t for _ in range(200)])
    assert float(t.min()) >= 0
    assert float(t.max()) < 1
    for power in (1, 2, 3):
        assert float((t**power).mean()) == pytest.approx(1 / (power + 1), abs=0.02)


def test_a_path_takes_generators_in_the_middle_of_each_step(rng):
    """With no noise to speak of and a drift of 2 t, midpoints give t^2 exactly."""
    process = DiffusionProcess(Euclidean(1), lambda x, t: 2 * t + 0 * x, lambda t: 0 * t, lambda n: None)
    times = torch.tensor([0.2, 0.7, 1.0], dtype=FLOAT64)
    states = torch.cat(list(path(process, torch.zeros(1, 1, dtype=FLOAT64), times, rng)))
    torch.testing.assert_close(states[:, 0], times**2)
