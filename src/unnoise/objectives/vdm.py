r"""Variational diffusion: a denoiser and its schedule, trained jointly."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid

from unnoise._errors import InputError
from unnoise.denoisers.base import Denoiser, check_denoiser
from unnoise.objectives.base import ALL, Loss, Objective
from unnoise.objectives.denoising import predict
from unnoise.objectives.times import UniformTimes
from unnoise.processes import Gaussian
from unnoise.schedules import Learned


@dataclass(frozen=True)
class VDM(Objective):
    r"""$KL(q_{1|0} \| p_1) + E[-\frac12\mathrm{SNR}'(t)\lVert x_0 - \hat x_0\rVert^2]$ + reconstruction.

    Kingma et al. 2021 (arXiv 2107.00630), for a Gaussian process with `schedules.Learned`. Times are uniform. The loss
    is the whole bound, in nats; its gradient moves

    * the denoiser and the ends of the schedule down the bound;
    * the interior of the schedule down the variance of the diffusion part. With p the density of the levels and m the
      KL rate per unit of log SNR, the second moment is $\int E[m^2]/p\,d\lambda$, and its gradient
      $-E[(m/p)^2\,\nabla\log p]$ needs no derivative of the denoiser. It is relative to the second moment, so one
      learning rate serves all data.

    The parts of the bound are its metrics.

    >>> from unnoise import denoisers, processes, spaces
    >>> x_0 = torch.tensor([[-1.0], [1.0]])
    >>> denoiser = denoisers.Exact(processes.variance_preserving(spaces.Euclidean(1), Learned()), x_0)
    >>> list(VDM()(denoiser, x_0, None, torch.Generator().manual_seed(0)).metrics)
    ['prior', 'diffusion', 'reconstruction']
    """

    def __call__(self, denoiser: Denoiser, x_0: Any, cond: Any, rng: torch.Generator, rows: slice = ALL) -> Loss:
        """The whole bound, and what adds to the gradient of the schedule alone."""
        process, schedule = _learnt(denoiser)
        seen = predict(denoiser, x_0, cond, rng, rows, UniformTimes(), "VDM")
        parts = {
            "prior": prior_cost(process, seen.x_0),
            "diffusion": seen.kl_rate,
            "reconstruction": process.reconstruction(seen.x_0),
        }
        spread = _log_second_moment(seen.kl_rate.detach(), schedule.log_density(seen.t))
        value = torch.stack(list(parts.values())).sum(0)
        return Loss(value + (spread - spread.detach()), {name: part.detach() for name, part in parts.items()})


def prior_cost(process: Gaussian, x_0: Tensor) -> Tensor:
    r"""$KL(q_{1|0}(\cdot | x_0) \| p_1)$ in nats, (n,).

    With $\tau = \alpha_1^2 + \sigma_1^2$ the variance of $p_1$, it is $\frac12\frac{\alpha_1^2}\tau(\lVert x_0\rVert^2
    - d) - \frac d2\log\frac{\sigma_1^2}\tau$.
    """
    last = process.log_snr(torch.ones((), dtype=x_0.dtype, device=x_0.device))
    excess = process.space.dot(x_0, x_0) - process.space.dimension
    return 0.5 * torch.sigmoid(last) * excess - 0.5 * process.space.dimension * logsigmoid(-last)


def _log_second_moment(rate: Tensor, log_density: Tensor) -> Tensor:
    """Values whose mean has the gradient of the log mean squared rate in the density of levels."""
    square = rate.square()
    return -(square / square.mean().clamp(min=torch.finfo(square.dtype).tiny) - 1) * log_density


def _learnt(denoiser: Denoiser) -> tuple[Gaussian, Learned]:
    check_denoiser(denoiser=denoiser)
    process = denoiser.process
    if isinstance(process, Gaussian) and isinstance(process.schedule, Learned):
        return process, process.schedule
    instead = "give one such as processes.variance_preserving(space, schedules.Learned()), or use objectives.Denoising"
    raise InputError(f"VDM trains a Gaussian process and its schedule, and {process} has none that learns: {instead}")
