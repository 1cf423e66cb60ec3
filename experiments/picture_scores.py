r"""How near a picture is to the truth: PSNR, and the structural similarity of Wang et al.

With means $\mu$, variances and covariance under a window,

$$\mathrm{SSIM} = \frac{2\mu_x\mu_y + c_1}{\mu_x^2 + \mu_y^2 + c_1}\,
\frac{2\sigma_{xy} + c_2}{\sigma_x^2 + \sigma_y^2 + c_2},\qquad c_1 = 0.01^2,\ c_2 = 0.03^2,$$

averaged over the places where the window lies within the picture (Wang, Bovik, Sheikh and Simoncelli 2004,
doi:10.1109/TIP.2003.819861). The window of the paper is a Gaussian of standard deviation 1.5 on 11 x 11 pixels; 7 x 7
pixels, all alike, with the covariances of samples, are what scikit-image does unless asked otherwise. Pixels are in
[0, 1].
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

WIDTH, GAUSSIAN, UNIFORM = 1.5, 5, 3  # the standard deviation of one window, and pixels to each side of both
STABLE = (0.01**2, 0.03**2)
LEAST = (1 / 255) ** 2  # squared error of one pixel by one level: fewer are not told apart from none


def psnr(found: Tensor, truth: Tensor, region: Tensor) -> Tensor:
    """Peak signal over noise of each picture, (n,), in dB.

    Args:
        found: (n, height, width).
        truth: the same.
        region: where to look, (height, width) bool.

    >>> psnr(torch.full((1, 2, 2), 0.5), torch.full((1, 2, 2), 0.6), torch.ones(2, 2).bool()).round()
    tensor([20.])
    """
    error = (found - truth)[:, region].square().mean(1)
    return -10 * error.clamp(min=LEAST / int(region.sum())).log10()


def similarity(found: Tensor, truth: Tensor, *, uniform: bool = False) -> Tensor:
    """The map of SSIM, (n, height - 10, width - 10): the place (i, j) is pixel (i + 5, j + 5).

    A `uniform` window takes off 6, and its place (i, j) is pixel (i + 3, j + 3).

    >>> similarity(torch.eye(11)[None], torch.eye(11)[None])
    tensor([[[1.]]])
    """
    x, y = found.double()[:, None], truth.double()[:, None]
    window = _window(uniform)
    free = window.numel() ** 2 / (window.numel() ** 2 - 1) if uniform else 1.0
    mean_x, mean_y = _blurred(x, window), _blurred(y, window)
    square_x, square_y, product = mean_x.square(), mean_y.square(), mean_x * mean_y
    varied = free * (_blurred(x.square(), window) - square_x + _blurred(y.square(), window) - square_y)
    shared = free * (_blurred(x * y, window) - product)
    luminance = (2 * product + STABLE[0]) / (square_x + square_y + STABLE[0])
    found_map: Tensor = luminance * (2 * shared + STABLE[1]) / (varied + STABLE[1])
    return found_map[:, 0].to(found)


def ssim(found: Tensor, truth: Tensor, region: Tensor, *, uniform: bool = False) -> Tensor:
    """The mean of the map over the region's pixels that it covers, (n,)."""
    reach = UNIFORM if uniform else GAUSSIAN
    inside = slice(reach, -reach)
    return similarity(found, truth, uniform=uniform)[:, region[inside, inside]].mean(1)


def spread_and_error(draws: Tensor, truth: Tensor) -> tuple[Tensor, Tensor]:
    """The variance of draws of a picture, and the squared error of the mean of endlessly many, per pixel, (n,) each.

    Of several draws (k, n, height, width). Both are without bias; the expected squared error of one draw is their sum.
    Over draws of the true law they are the same: a spread above the error is too wide, one below too narrow.

    >>> [part.tolist() for part in spread_and_error(torch.tensor([[[[1.0]]], [[[3.0]]]]), torch.zeros(1, 1, 1))]
    [[2.0], [3.0]]
    """
    spread = draws.var(0).mean((1, 2))
    error: Tensor = (draws.mean(0) - truth).square().mean((1, 2)) - spread / len(draws)
    return spread, error


def mean_and_error(values: Tensor) -> tuple[float, float]:
    """Over pictures, with its standard error."""
    return float(values.mean()), float(values.double().std()) / math.sqrt(len(values))


def _window(uniform: bool) -> Tensor:
    """Of one axis."""
    if uniform:
        return torch.full((2 * UNIFORM + 1,), 1 / (2 * UNIFORM + 1), dtype=torch.float64)
    place = torch.arange(-GAUSSIAN, GAUSSIAN + 1, dtype=torch.float64)
    return torch.softmax(-0.5 * (place / WIDTH).square(), 0)


def _blurred(x: Tensor, window: Tensor) -> Tensor:
    """Means under the window, where it fits."""
    down: Tensor = torch.nn.functional.conv2d(x, window.reshape(1, 1, -1, 1))
    return torch.nn.functional.conv2d(down, window.reshape(1, 1, 1, -1))
