"""Several observations of one point, from what is learnt of each alone."""

from __future__ import annotations

import math
from functools import partial
from typing import Any

import torch
from torch import Tensor

from unnoise import _tree
from unnoise._checks import instance, tensor
from unnoise._errors import InputError
from unnoise.denoisers.base import Denoiser, check_denoiser, check_placed
from unnoise.denoisers.conditions import for_rows
from unnoise.processes import Gaussian, Tilting, leaves, map_leaves, require


class Composed(Denoiser):
    r"""The denoiser of $p(x)^{1-m}\prod_{i=1}^m p(x | c_i)$, the law given m observations that are independent given x.

    Without precisions the scores are summed at every noise level, $\sum_i\nabla\log q_t(x|c_i) -
    (m-1)\nabla\log q_t(x)$ (Geffner et al. 2022, arXiv 2209.14249), on any process that can be tilted. No law has these
    noisy marginals, so it takes corrector steps to end right (`samplers.PredictorCorrector`).

    With precisions, for Gaussian noise on $R^d$: as $p(x_0|x_t, c_1 \dots c_m) \propto p(x_0|x_t)^{1-m}\prod_i
    p(x_0|x_t, c_i)$ with no error at any level, the means are weighted by the precisions that these laws have,
    $P_i + (\alpha/\sigma)^2 I$, which is exact where all are Gaussian (Linhart et al. 2024, arXiv 2404.07593), for
    every sampler. A $P_i$ counts as no less than that of the prior in any direction.

    Args:
        denoiser: which can be told each observation, or none.
        observations: (m, c), a condition of it in each row.
        unknown: what it is given as the condition for p(x), one row; None for no condition.
        precisions: the inverse covariances of p(x) and of every p(x|c_i), (1 + m, d, d), or None.

    >>> from unnoise import networks, processes, spaces
    >>> from unnoise.denoisers import Neural
    >>> process = processes.variance_preserving(spaces.Euclidean(2))
    >>> both = Composed(Neural(process, networks.MLP((2,), 1, width=16)), torch.ones(3, 1), torch.zeros(1, 1))
    >>> both(torch.zeros(4, 2), torch.tensor(0.5)).shape
    torch.Size([4, 2])
    """

    observations: Tensor
    unknown: Tensor | None
    own: Tensor | None
    gains: Tensor | None

    def __init__(
        self,
        denoiser: Denoiser,
        observations: Tensor,
        unknown: Tensor | None = None,
        precisions: Tensor | None = None,
    ) -> None:
        check_denoiser(denoiser=denoiser)
        tensor(observations=observations)
        instance(Tensor, or_none=True, unknown=unknown)
        if observations.ndim != 2 or not len(observations):
            raise InputError(f"got observations of shape {tuple(observations.shape)}; expected (m, c), at least one")
        super().__init__()
        self.denoiser, self.process = denoiser, denoiser.process
        own, gains = None, None
        if precisions is None:
            for _, factor, _ in leaves(denoiser.process):
                require(factor, Tilting, "composing", "samples given one observation, or sets as conditions")
        else:
            require(denoiser.process, Gaussian, "composing by precisions", "precisions=None")
            own, gains = _gains(precisions, len(observations), math.prod(denoiser.process.space.event_shape))
        for name, held in {"observations": observations, "unknown": unknown, "own": own, "gains": gains}.items():
            self.register_buffer(name, held)

    def forward(self, x_t: Any, t: Tensor, cond: Any = None) -> Any:
        """The combined statistic; another condition is not looked at."""
        t = check_placed(self.process, x_t, t)
        m, n = len(self.observations), _tree.length(x_t)
        many = _tree.map(lambda leaf: leaf.repeat(m, *(1,) * (leaf.ndim - 1)), x_t)
        told = self.denoiser(many, t.repeat(m) if t.ndim else t, self.observations.repeat_interleave(n, 0))
        if m == 1:
            return told
        untold = self.denoiser(x_t, t, for_rows(self.unknown, n))
        each = [_tree.map(lambda leaf, rows=slice(i * n, (i + 1) * n): leaf[rows], told) for i in range(m)]
        if self.own is not None and self.gains is not None:
            return self._weighted(x_t, t, untold, torch.stack(each))
        middle = each[0]
        for count, one in enumerate(each[1:], 2):  # the geometric mean of laws, which needs no more than `tilted`
            middle = map_leaves(partial(_tilted, t=t, scale=1 / count), self.process, one, middle, x_t)
        return map_leaves(partial(_tilted, t=t, scale=float(m)), self.process, middle, untold, x_t)

    def _weighted(self, x_t: Tensor, t: Tensor, untold: Tensor, told: Tensor) -> Tensor:
        r"""$\hat x_p + \Lambda^{-1}\sum_i(P_p + w + G_i)(\hat x_i - \hat x_p)$, $\Lambda = P_p + w + \sum_i G_i$.

        With $w = (\alpha/\sigma)^2$, and both sides times $1/w$, which is 0 at t = 0.
        """
        alpha, sigma = require(self.process, Gaussian, "composing by precisions", "None").alpha_sigma(t)
        noise = (sigma / alpha).square().to(x_t).reshape(-1, 1, 1)
        own, gains = noise * self.own.to(x_t), self.gains.to(x_t)  # type: ignore[union-attr]  # both are there
        base = torch.eye(own.shape[-1]).to(own) + own  # (n or 1, d, d)
        offsets = (told - untold).flatten(2)  # (m, n, d)
        pull = (base @ offsets.sum(0)[..., None])[..., 0]
        pull = pull + noise[..., 0] * torch.einsum("mde,mne->nd", gains, offsets)
        shift: Tensor = torch.linalg.solve(base + noise * gains.sum(0), pull[..., None])[..., 0]
        return untold + shift.reshape(untold.shape)


def _gains(precisions: Tensor, m: int, size: int) -> tuple[Tensor, Tensor]:
    """The precision of the prior, and what each observation adds to it, in no direction less than nothing."""
    tensor(precisions=precisions)
    if precisions.shape != (1 + m, size, size):
        raise InputError(f"got precisions of shape {tuple(precisions.shape)}; expected {(1 + m, size, size)}")
    values, axes = torch.linalg.eigh(precisions[1:] - precisions[:1])
    return precisions[0], (axes * values.clamp(min=0)[:, None]) @ axes.mT


def _tilted(process: Tilting[Any], told: Any, untold: Any, x_t: Any, t: Tensor, scale: float) -> Any:
    return process.tilted(told, untold, x_t, t, scale)
