"""The Gaussian processes of the literature: each a schedule on a path."""

from __future__ import annotations

import math

from unnoise._checks import real
from unnoise._errors import InputError
from unnoise.processes.gaussian import Gaussian
from unnoise.processes.paths import Exploding, Preserving, Straight, SubPreserving
from unnoise.schedules import Linear, LinearLogSNR, LogitLogSNR, PowerLogSNR, Schedule, SquaredNoise
from unnoise.spaces import Euclidean

FIRST = 1e-6  # 1 - alpha^2 of Ornstein-Uhlenbeck at t = 0


def variance_preserving(space: Euclidean, schedule: Schedule = Linear()) -> Gaussian:
    r"""$\alpha = e^{-B/2}$, $\sigma^2 = 1 - e^{-B}$ for a schedule B(t) (Song et al. 2021, arXiv 2011.13456).

    Ends $\sigma(0)$, $\alpha(1)$: `schedules.Linear()` (default) 0.001, 0.0066; `schedules.Cosine()` 0.0016, 0.0016;
    `schedules.LinearLogSNR()` 0.0013, 0.0067.

    >>> import torch
    >>> alpha, sigma = variance_preserving(Euclidean(2)).alpha_sigma(torch.tensor(0.3))
    >>> round(float(alpha**2 + sigma**2), 6)
    1.0
    """
    return Gaussian(space, schedule, Preserving())


def sub_variance_preserving(space: Euclidean, schedule: Schedule = Linear(tau_min=1e-3)) -> Gaussian:
    r"""$\alpha = e^{-B/2}$, $\sigma = 1 - e^{-B}$: never noisier than the variance-preserving process.

    By default $\sigma(0) = 0.00011$, $\alpha(1) = 0.0066$. Song et al. 2021 (arXiv 2011.13456), whose volatility is
    $g^2 = \beta(1 - e^{-2B})$.
    """
    return Gaussian(space, SquaredNoise(schedule), SubPreserving())


def variance_exploding(space: Euclidean, sigma_min: float = 0.002, sigma_max: float = 80.0) -> Gaussian:
    r"""$\alpha = 1$, $\sigma(t) = \sigma_{min}(\sigma_{max}/\sigma_{min})^t$: the noise level grows geometrically.

    Song and Ermon 2019 (arXiv 1907.05600); Song et al. 2021 (arXiv 2011.13456).

    Args:
        space: of points (n, *event) of real numbers.
        sigma_min: the noise at t = 0, in the units of the data.
        sigma_max: the noise at t = 1, in the units of the data: much wider than they are.

    >>> import torch
    >>> variance_exploding(Euclidean(2)).alpha_sigma(torch.tensor([0.0, 0.5, 1.0]))[1]
    tensor([2.0000e-03, 4.0000e-01, 8.0000e+01])
    """
    real(sigma_min=sigma_min, sigma_max=sigma_max)
    if not 0 < sigma_min < sigma_max:
        raise InputError(f"got noise from {sigma_min} to {sigma_max}; expected 0 < sigma_min < sigma_max, both finite")
    return Gaussian(space, LinearLogSNR(-2 * math.log(sigma_min), -2 * math.log(sigma_max)), Exploding())


def edm(space: Euclidean, sigma_min: float = 0.002, sigma_max: float = 80.0, rho: float = 7.0) -> Gaussian:
    r"""$\alpha = 1$, $\sigma(t) = (\sigma_{min}^{1/\rho} + t(\sigma_{max}^{1/\rho} - \sigma_{min}^{1/\rho}))^\rho$.

    Even times are the grid of Karras et al. 2022 (arXiv 2206.00364), $\rho = 7$.

    Args:
        space: of points (n, *event) of real numbers.
        sigma_min: the noise at t = 0, in the units of the data.
        sigma_max: the noise at t = 1, in the units of the data: much wider than they are.
        rho: the power; the greater, the more times stand at little noise.

    >>> import torch
    >>> edm(Euclidean(2)).alpha_sigma(torch.tensor([0.0, 0.5, 1.0]))[1]
    tensor([2.0000e-03, 2.5152e+00, 8.0000e+01])
    """
    return Gaussian(space, PowerLogSNR(sigma_min, sigma_max, rho), Exploding())


def rectified_flow(space: Euclidean, tau_min: float = 1e-3, tau_max: float = 1 - 1e-3) -> Gaussian:
    r"""$\alpha = 1 - \tau$, $\sigma = \tau$, $\tau$ from `tau_min` to `tau_max`: straight lines from data to noise.

    By default $\sigma(0) = \alpha(1) = 0.001$: trimmed ends keep the SDE finite. Liu et al. 2023 (arXiv 2209.03003),
    Lipman et al. 2023 (arXiv 2210.02747).

    Args:
        space: of points (n, *event) of real numbers, on the scale of 1.
        tau_min: $\tau$ at t = 0.
        tau_max: $\tau$ at t = 1.

    >>> import torch
    >>> rectified_flow(Euclidean(2)).alpha_sigma(torch.tensor([0.0, 0.5, 1.0]))[1]
    tensor([0.0010, 0.5000, 0.9990])
    """
    return Gaussian(space, LogitLogSNR(tau_min, tau_max), Straight())


def ornstein_uhlenbeck(space: Euclidean, horizon: float = 5.0) -> Gaussian:
    r"""$dX = -X\,d\tau + \sqrt2\,dB$ up to `horizon`: $X_\tau = e^{-\tau}X_0 + \sqrt{1 - e^{-2\tau}}\,N$.

    The variance-preserving process of $B = 2\tau$ (the time of Benton et al. 2024, arXiv 2211.03595), with $\tau$ on a
    line from $5\cdot10^{-7}$, where $\sigma = 0.001$, to `horizon`.

    With $\sigma = \sqrt{e^{2\tau} - 1}$, $e^\tau X_\tau = X_0 + \sigma N$ and
    $\nabla\log r_\tau(x) = e^\tau\nabla\log q_\sigma(e^\tau x)$: `chains.AtNoise` reads a denoiser so.
    """
    real(above=FIRST / 2, horizon=horizon)
    return variance_preserving(space, Linear(2 * horizon, 2 * horizon, tau_min=FIRST / (2 * horizon)))
