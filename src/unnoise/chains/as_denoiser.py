"""From a smoothed density to a denoiser of a process, so that samplers run backwards on what chains walk on."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from unnoise._errors import InputError
from unnoise.chains.smoothed import Smoothed
from unnoise.denoisers import Denoiser
from unnoise.processes import Gaussian


class AsDenoiser(Denoiser):
    r"""$E[X_0 | x_t] = E[X | Y = x_t/\alpha_t]$ at $\sigma = \sigma_t/\alpha_t$: the inverse of `FromDenoiser`.

    For any Gaussian process and any `Smoothed`, so that a density known up to a constant (`PlugIn`) can be sampled by
    running a diffusion backwards. With the Ornstein-Uhlenbeck process, Euler's method is then
    $y \leftarrow y + \gamma y + 2\gamma e^\tau\nabla\log q_\sigma(e^\tau y) + \sqrt{2\gamma}\,z$,
    $\sigma = \sqrt{e^{2\tau} - 1}$.

    Args:
        smoothed: the denoiser at all noise levels of the process.
        process: with $x_t = \alpha x_0 + \sigma\epsilon$.

    Raises:
        InputError: a process that is not Gaussian; later, times that differ between rows.

    >>> from unnoise.chains import FromAtoms
    >>> from unnoise.processes import ornstein_uhlenbeck
    >>> from unnoise.samplers import Euler
    >>> from unnoise.spaces import Euclidean
    >>> denoiser = AsDenoiser(FromAtoms(torch.tensor([[-1.0], [1.0]])), ornstein_uhlenbeck(Euclidean(1)))
    >>> Euler(denoiser, steps=50).sample(3, torch.Generator().manual_seed(0)).abs()
    tensor([[1.],
            [1.],
            [1.]])
    """

    process: Gaussian

    def __init__(self, smoothed: Smoothed, process: Gaussian) -> None:
        super().__init__()
        if not isinstance(process, Gaussian):
            raise InputError(
                f"AsDenoiser needs a process with x_t = alpha x_0 + sigma noise (Gaussian), and "
                f"{type(process).__name__} is none"
            )
        self.smoothed, self.process = smoothed, process

    def forward(self, x_t: Tensor, t: Tensor, cond: Any = None) -> Tensor:
        """The posterior mean of x_0, all rows at the same time."""
        if t.ndim and bool((t != t[0]).any()):
            raise InputError("a smoothed density is asked at one noise level at once: give one time for all rows")
        log_alpha, log_sigma = self.process.logs(torch.as_tensor(t.flatten()[0], dtype=torch.float64))
        return self.smoothed.denoise(x_t * float(torch.exp(-log_alpha)), float(torch.exp(log_sigma - log_alpha)))
