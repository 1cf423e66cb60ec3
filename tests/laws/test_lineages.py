"""Numbers of lineages against the alternating series at 400 digits, and against their moments."""

from __future__ import annotations

import mpmath
import numpy as np
import pytest
import torch

from unnoise._errors import InputError, NonFiniteError
from unnoise.laws.lineages import BROADER, ENVELOPE, FEW_FROM, SINGLE, Lineages, lineages, log_masses
from unnoise.testing import ImprobableError, assert_mean

FLOAT64 = torch.float64


def series(theta: float, m: int, t: float) -> mpmath.mpf:
    """Griffiths 1980, summed where it converges only for want of rounding."""
    with mpmath.workdps(400):
        theta, t, total, k = mpmath.mpf(theta), mpmath.mpf(t), mpmath.mpf(0), m
        while True:
            if k == 0:
                factor = mpmath.mpf(1)
            else:
                factor = (theta + 2 * k - 1) * mpmath.gamma(theta + m + k - 1)
                factor /= mpmath.gamma(theta + m) * mpmath.factorial(m) * mpmath.factorial(k - m)
            term = (-1) ** (k - m) * factor * mpmath.exp(-k * (k + theta - 1) * t / 2)
            total += term
            if k > m + 5 and abs(term) < mpmath.mpf(10) ** -390:
                return mpmath.log(total)
            k += 1


CASES = [(theta, t) for theta in (0.4, 1.0, 3.0, 20.0) for t in (0.02, 0.3, 5.0)]


LONG = pytest.mark.slow  # of many terms


@pytest.mark.parametrize(("theta", "t"), [pytest.param(*case, marks=[LONG] if case[1] < 0.1 else []) for case in CASES])
def test_masses_against_the_series_at_400_digits(theta, t):
    m = np.array(sorted({0, 1, 3, int(1 / t), int(2 / t)}), dtype=np.float64)
    found = log_masses(theta, m, np.full_like(m, t))
    expected = np.array([float(series(theta, int(one), t)) for one in m])
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("theta", [0.4, 3.0, 20.0])
def test_the_table_against_the_integral(theta):
    table = lineages(theta, 2e-3, 5.0)
    for t in (2e-3, 1.23e-2, 0.111, 1.0, 5.0):
        m = torch.unique(torch.cat([torch.arange(70), torch.linspace(70, 2.4 / t + 70, 20).long()]))[None]
        found = table.log_mass(table.at(torch.tensor([t], dtype=FLOAT64)), m)[0]
        expected = log_masses(theta, m[0].double().numpy(), np.full(m.shape[1], t))
        np.testing.assert_allclose(found, expected, rtol=1e-11, atol=1e-10)


@pytest.mark.parametrize("t", [2e-3, 0.04, 0.3, 2.0])
def test_masses_sum_to_one(t):
    table = lineages(3.0, 2e-3, 5.0)
    m = torch.arange(int(3 / t) + 60)[None]
    total = table.log_mass(table.at(torch.tensor([t], dtype=FLOAT64)), m).exp().sum()
    assert abs(float(total) - 1) < 1e-9


def drawn(t: float, rng, *, factor: float = 1.0) -> torch.Tensor:
    table = lineages(3.0, 2e-3, 5.0)
    return table.sample(torch.full((20_000,), factor * t, dtype=FLOAT64), rng).double()


def residuals(t: float, draws: torch.Tensor) -> torch.Tensor:
    """What the first two moments are off, in standard deviations."""
    table = lineages(3.0, 2e-3, 5.0)
    m = torch.arange(int(3 / t) + 60)[None]
    mass = table.log_mass(table.at(torch.tensor([t], dtype=FLOAT64)), m).exp()[0]
    mean = (mass * m[0]).sum()
    deviation = (mass * (m[0] - mean) ** 2).sum().sqrt()
    z = (draws - mean) / deviation
    skewness, kurtosis = ((mass * ((m[0] - mean) / deviation) ** power).sum() for power in (3, 4))
    return torch.stack([z, z**2 - 1, z**3 - skewness, z**4 - kurtosis], -1)


@pytest.mark.parametrize("t", [3e-3, 0.045, 0.08, 1.0])
def test_draws_have_the_moments_of_the_masses(t, rng):
    assert_mean(residuals(t, drawn(t, rng)), tolerance=1e-3)


def test_draws_at_another_time_are_caught(rng):
    with pytest.raises(ImprobableError):
        assert_mean(residuals(0.045, drawn(0.045, rng, factor=1.02)), tolerance=1e-3)


@pytest.mark.parametrize("theta", [0.3, 3.0, 60.0])
def test_proposals_cover_the_masses(theta):
    """The envelope of the rejection sampler holds wherever there is mass."""
    table = lineages(theta, 2e-3, 5.0)
    for t in (2.1e-3, 1e-2, 0.999 * FEW_FROM):
        time = torch.tensor([t], dtype=FLOAT64)
        mean, deviation = (float(part) for part in (table.moments(time)[0], table.moments(time)[1].sqrt()))
        m = torch.arange(max(0, int(mean - 9 * deviation)), int(mean + 9 * deviation), dtype=FLOAT64)[None]
        away = (m[0] - mean).abs()
        width = BROADER * deviation
        proposed = torch.special.ndtr(-(away - 0.5) / width) - torch.special.ndtr(-(away + 0.5) / width)
        ratio = table.log_mass(table.at(time), m)[0].exp() / proposed
        assert float(ratio.max()) < ENVELOPE


def test_few_are_few():
    table = lineages(0.1, 0.04, 5.0)
    time = torch.tensor([FEW_FROM], dtype=FLOAT64)
    assert float(table.log_mass(table.at(time), torch.tensor([[SINGLE]]))) < -40


@pytest.mark.parametrize("time", [-1.0, 0.0, 1e-3, 5.0, float("nan"), float("inf")])
def test_times_outside_of_the_table_are_refused(time):
    with pytest.raises(InputError, match="got a time of Wright-Fisher noise outside of this table"):
        lineages(3.0, 0.1, 0.2).sample(torch.tensor([0.15, time], dtype=FLOAT64), torch.Generator())


def test_rejection_ends_where_nothing_is_ever_kept(monkeypatch):
    monkeypatch.setattr(Lineages, "log_mass", lambda self, columns, m: torch.full(m.shape, float("nan")))
    with pytest.raises(NonFiniteError, match=r"1,000 rounds kept no number of lines at time 0.05"):
        lineages(3.0, 0.04, 0.06).sample(torch.tensor([0.05], dtype=FLOAT64), torch.Generator())
