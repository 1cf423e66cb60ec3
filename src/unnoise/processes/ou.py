"""The Ornstein-Uhlenbeck process, by its own name and on its own clock."""

from __future__ import annotations

from unnoise._errors import InputError
from unnoise.processes import Gaussian, variance_preserving
from unnoise.schedules import Linear
from unnoise.spaces import Euclidean

FIRST = 1e-6  # 1 - alpha^2 at t = 0, as in the default of `variance_preserving`


def ornstein_uhlenbeck(space: Euclidean, horizon: float = 5.0) -> Gaussian:
    r"""$dX = -X\,d\tau + \sqrt2\,dB$ up to `horizon`: $X_\tau = e^{-\tau}X_0 + \sqrt{1 - e^{-2\tau}}\,N$.

    It is the variance-preserving process of constant rate, $B = 2\tau$, with $\tau$ growing on a line from
    $5\cdot10^{-7}$, where $\sigma = 0.001$, at t = 0 to the horizon at t = 1. So one Euler step backwards, over
    $\gamma = \text{horizon} \cdot dt$, is
    $y \leftarrow y + \gamma y + 2\gamma\nabla\log r_\tau(y) + \sqrt{2\gamma}\,z$.

    Noise and shrinkage can be told apart: $e^\tau X_\tau = X_0 + \sigma N$ with $\sigma = \sqrt{e^{2\tau} - 1}$, hence
    $\nabla\log r_\tau(x) = e^\tau\nabla\log q_\sigma(e^\tau x)$. `chains.AtNoise` asks a
    denoiser by $\sigma$. Benton et al. 2024 (arXiv 2211.03595) use the clock $2\tau$: $dY = -\frac12 Y dt + dB$.

    Args:
        space: where the data lives.
        horizon: the last $\tau$; $\alpha(1) = e^{-\text{horizon}}$.

    Raises:
        InputError: a horizon that is not positive.

    >>> import torch
    >>> alpha, sigma = ornstein_uhlenbeck(Euclidean(1), horizon=2.0).alpha_sigma(torch.tensor(0.5))
    >>> alpha, sigma  # exp(-1) and sqrt(1 - exp(-2))
    (tensor(0.3679), tensor(0.9299))
    """
    if not FIRST < 2 * horizon < float("inf"):
        raise InputError(f"got a horizon of {horizon}; expected a positive number, such as 5")
    return variance_preserving(space, Linear(2 * horizon, 2 * horizon, tau_min=FIRST / (2 * horizon)))
