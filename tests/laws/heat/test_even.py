"""Even functions: quotients and series against each other, and against 50 digits."""

from __future__ import annotations

import mpmath as mp
import pytest
import torch

from unnoise.laws.heat.even import SMALL, halved, hyperbolic, inverse_sinc, log_inverse_sinc, log_sec

FLOAT64 = torch.float64
FUNCTIONS = {
    "log-inverse-sinc": (log_inverse_sinc, lambda x: mp.log(x / mp.sin(x))),
    "inverse-sinc": (inverse_sinc, lambda x: x / mp.sin(x)),
    "log-sec": (log_sec, lambda x: -mp.log(mp.cos(x))),
}


@pytest.mark.parametrize(("found", "exact"), FUNCTIONS.values(), ids=FUNCTIONS)
@pytest.mark.parametrize("x", [1e-9, 1e-3, SMALL - 1e-3, SMALL + 1e-3, 1.0, 1.5])
def test_the_value_and_two_derivatives_in_the_square(found, exact, x):
    with mp.workdps(60):
        u = mp.mpf(x) ** 2
        expected = [
            exact(mp.mpf(x)),
            *(mp.diff(lambda v: exact(mp.sqrt(v)), u, n, h=u * mp.mpf(10) ** -8) for n in (1, 2)),
        ]
    values = found(torch.tensor(x, dtype=FLOAT64))
    for value, wanted in zip(values, expected, strict=True):
        assert float(value) == pytest.approx(float(wanted), rel=1e-11, abs=1e-300)


def test_nothing_breaks_at_zero():
    for f in (log_inverse_sinc, inverse_sinc, log_sec):
        assert all(torch.isfinite(part) for part in f(torch.tensor(0.0, dtype=FLOAT64)))
    assert [float(part) for part in hyperbolic(torch.tensor(0.0, dtype=FLOAT64))] == pytest.approx(
        [1, 1, 1 / 3, 1 / 15]
    )


def test_half_the_argument():
    x = torch.tensor([0.2, 1.4], dtype=FLOAT64, requires_grad=True)
    found = halved(log_sec(0.5 * x))
    (slope,) = torch.autograd.grad(-torch.log(torch.cos(0.5 * x)).sum(), x)
    torch.testing.assert_close(found.first * 2 * x, slope, rtol=1e-12, atol=0)


@pytest.mark.parametrize("z", [1e-6, 0.5, 1.999, 2.001, 10.0, 500.0])
def test_hyperbolic_quotients(z):
    found = hyperbolic(torch.tensor(z, dtype=FLOAT64))
    with mp.workdps(60):
        z = mp.mpf(z)
        first = (mp.cosh(z) - mp.sinh(z) / z) / z**2
        exact = [mp.cosh(z), mp.sinh(z) / z, first, (mp.sinh(z) / z - 3 * first) / z**2]
        for value, wanted in zip(found, exact, strict=True):
            assert float(value) == pytest.approx(float(wanted * mp.exp(-z)), rel=1e-13)
