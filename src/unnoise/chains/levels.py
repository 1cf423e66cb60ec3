"""Noise levels for measurements: equal ones, finer and finer ones, and those that a process passes."""

from __future__ import annotations

import itertools
import math

import torch
from torch import Tensor

from unnoise._errors import InputError
from unnoise.chains.base import check_positive
from unnoise.processes import Gaussian


def equal_levels(sigma: float, m: int) -> list[float]:
    r"""The levels of m measurements of the same noise, as published.

    Jumps after them shrink the variance within a mode from $\tau^2$ to $\tau^4/(\tau^2 + \sigma^2/m)$.

    >>> equal_levels(2.0, 3)
    [2.0, 2.0, 2.0]
    """
    check_positive(sigma=sigma, m=m)
    return [float(sigma)] * m


def growing_levels(sigma: float, m: int, last: float) -> list[float]:
    r"""The levels of m measurements of the same noise, then ever finer ones, until the level of their mean is `last`.

    From the m-th on the precision grows by the factor $1 + 1/m$ with every measurement, as it did there, so no
    conditional is harder than those before, and about $m(1 + 2\log(s_m/\text{last}))$ measurements do the work of
    $\sigma^2/\text{last}^2$ equal ones. With `last` at a tenth of the width of a mode, jumps keep 99 % of its variance.

    >>> levels = growing_levels(4.0, 20, last=0.1)
    >>> len(levels), sum(sigma**-2 for sigma in levels) ** -0.5
    (110, 0.1)

    Raises:
        InputError: a `last` above the level of the m equal measurements.
    """
    check_positive(sigma=sigma, m=m, last=last)
    reached, wanted = m / sigma**2, last**-2
    if wanted < reached:
        raise InputError(
            f"got last = {last}, above the level {reached**-0.5:.4g} that {m} measurements reach; give fewer, "
            "or a smaller last"
        )
    count = math.ceil(math.log(wanted / reached) / math.log1p(1 / m) - 1e-9)
    precisions = [reached * (wanted / reached) ** (k / count) for k in range(count + 1)] if count else [reached]
    return equal_levels(sigma, m) + [(b - a) ** -0.5 for a, b in itertools.pairwise(precisions)]


def snr_levels(process: Gaussian, times: Tensor) -> list[float]:
    r"""The measurements that a Gaussian process run backwards is: a step from t to s adds $\mathrm{SNR}(s) -
    \mathrm{SNR}(t)$ to the precision.

    The first measurement is $x_t/\alpha_t$ at the first time, and $x_s/\alpha_s$ is the mean of all up to s, whatever
    $\alpha$ is: a diffusion model is many noisy observations of the data (Kingma et al. 2021, arXiv 2107.00630). With
    these levels `Localization` takes the very steps of `samplers.Ancestral`.

    Args:
        process: of any SNR.
        times: decreasing, (m,).

    >>> from unnoise.processes import edm
    >>> from unnoise.spaces import Euclidean
    >>> process = edm(Euclidean(1))
    >>> levels = snr_levels(process, process.time_at(torch.log(torch.tensor([1.0, 4.0, 9.0]))))
    >>> [round(sigma**-2, 3) for sigma in levels]
    [1.0, 3.0, 5.0]

    Raises:
        InputError: times that do not decrease.
    """  # noqa: D205
    log_snr = process.log_snr(times.double())
    if len(times) == 0 or not (log_snr.diff() > 0).all():
        raise InputError(f"got {len(times)} times; expected at least one, decreasing from noise to data, as of a grid")
    gained = torch.cat([log_snr[:1].exp(), log_snr[:-1].exp() * torch.expm1(log_snr.diff())])
    return gained.rsqrt().tolist()
