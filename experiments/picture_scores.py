r"""How near a picture is to the truth: PSNR, and the structural similarity of Wang et al.

With means $\mu$, variances and covariance under a Gaussian window of standard deviation 1.5 on 11 x 11 pixels,

$$\mathrm{SSIM} = \frac{2\mu_x\mu_y + c_1}{\mu_x^2 + \mu_y^2 + c_1}\,
\frac{2\sigma_{xy} + c_2}{\sigma_x^2 + \sigma_y^2 + c_2},\qquad c_1 = 0.01^2,\ c_2 = 0.03^2,$$

averaged over the places where the window lies within the picture (Wang, Bovik, Sheikh and Simoncelli 2004,
doi:10.1109/TIP.2003.819861). Pixels are in [0, 1].
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

WIDTH, REACH = 1.5, 5  # of the window: its standard deviation, and pixels to each side
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


def similarity(found: Tensor, truth: Tensor) -> Tensor:
    """The map of SSIM, (n, height - 10, width - 10): the place (i, j) is pixel (i + 5, j + 5).

    >>> similarity(torch.eye(11)[None], torch.eye(11)[None])
    tensor([[[1.]]])
    """
    x, y = found.double()[:, None], truth.double()[:, None]
    mean_x, mean_y = _blurred(x), _blurred(y)
    square_x, square_y, product = mean_x.square(), mean_y.square(), mean_x * mean_y
    varied = _blurred(x.square()) - square_x + _blurred(y.square()) - square_y
    shared = _blurred(x * y) - product
    luminance = (2 * product + STABLE[0]) / (square_x + square_y + STABLE[0])
    found_map: Tensor = luminance * (2 * shared + STABLE[1]) / (varied + STABLE[1])
    return found_map[:, 0].to(found)


def ssim(found: Tensor, truth: Tensor, region: Tensor) -> Tensor:
    """The mean of the map over the region's pixels that it covers, (n,)."""
    inside = slice(REACH, -REACH)
    return similarity(found, truth)[:, region[inside, inside]].mean(1)


def mean_and_error(values: Tensor) -> tuple[float, float]:
    """Over pictures, with its standard error."""
    return float(values.mean()), float(values.double().std()) / math.sqrt(len(values))


def _blurred(x: Tensor) -> Tensor:
    """Means under the window, where it fits."""
    place = torch.arange(-REACH, REACH + 1, dtype=x.dtype)
    window = torch.softmax(-0.5 * (place / WIDTH).square(), 0)
    down: Tensor = torch.nn.functional.conv2d(x, window.reshape(1, 1, -1, 1))
    return torch.nn.functional.conv2d(down, window.reshape(1, 1, 1, -1))
