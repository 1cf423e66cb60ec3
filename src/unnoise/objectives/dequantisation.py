r"""Whole numbers as points of their cells: the laws q(y | x) that turn a density into a bound on a probability.

$$\log P(x) \ge E_{y \sim q(\cdot | x)}[\log p(y) - \log q(y | x)],$$

y in the cell of x (Uria et al. 2013, arXiv 1306.0186; Theis et al. 2016, arXiv 1511.01844). A learnt q comes nearer to
the truth (Ho et al. 2019, arXiv 1902.00275).
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from unnoise._checks import instance, real
from unnoise._errors import InputError
from unnoise.denoisers.base import Denoiser, check_denoiser
from unnoise.laws.base import standard_normal
from unnoise.objectives.base import ALL, Loss, Objective


class Dequantisation(ABC):
    """A law of points given whole numbers."""

    name: str

    @abstractmethod
    def draw(self, denoiser: Denoiser, x_0: Tensor, rng: torch.Generator) -> tuple[Tensor, Tensor]:
        """A point of each row, and its log weight, (n,), in nats."""


@dataclass(frozen=True)
class UniformCells(Dequantisation):
    """Uniform in the cell, half a step to each side of the level.

    Args:
        step: the width of a cell, positive.

    >>> cells = UniformCells(step=0.5)
    >>> points, log_weight = cells.draw(None, torch.zeros(1, 2), torch.Generator().manual_seed(0))
    >>> bool(points.abs().max() <= 0.25), round(float(log_weight), 4)  # 2 log(1/2)
    (True, -1.3863)
    """

    step: float
    name: str = "uniform dequantisation"

    def __post_init__(self) -> None:
        real(above=0, step=self.step)
        instance(str, name=self.name)

    def draw(self, denoiser: Denoiser, x_0: Tensor, rng: torch.Generator) -> tuple[Tensor, Tensor]:
        """A uniform point of each cell, and the log of its volume."""
        share = torch.rand(x_0.shape, generator=rng, device=rng.device, dtype=x_0.dtype).to(x_0.device)
        weight = math.log(self.step) * x_0[0].numel()
        return x_0 + self.step * (share - 0.5), torch.full((len(x_0),), weight, dtype=x_0.dtype, device=x_0.device)


class LogitNormalCells(nn.Module, Dequantisation):
    r"""A learnt law: $y = x + \text{step}\,(\mathrm{sigmoid}(m + s\epsilon) - \frac12)$, m and s of every number given
    by a network that sees the whole row.

    It starts near the uniform law (m = 0, s = 1.7). `Dequantised` trains it.

    Args:
        network: called with x (n, *event), gives (n, 2 * k) numbers for events of k.
        step: the width of a cell, in units of the state; InputError unless positive.
    """  # noqa: D205

    name = "learnt dequantisation"

    def __init__(self, network: nn.Module, step: float) -> None:
        instance(nn.Module, network=network)
        real(above=0, step=step)
        super().__init__()
        self.network, self.step = network, step

    def draw(self, denoiser: Denoiser, x_0: Tensor, rng: torch.Generator) -> tuple[Tensor, Tensor]:
        r"""By the network, and $-\log q$; differentiable in its weights."""
        mean, log_scale = self.network(x_0).reshape(len(x_0), 2, *x_0.shape[1:]).unbind(1)
        log_scale = log_scale + math.log(1.7)
        noise = standard_normal(tuple(x_0.shape), x_0, rng)
        logit = mean + log_scale.exp() * noise
        log_q = -0.5 * (noise.square() + math.log(2 * math.pi)) - log_scale
        inside = nn.functional.logsigmoid(logit) + nn.functional.logsigmoid(-logit)  # log of d share / d logit
        weight = (inside - log_q + math.log(self.step)).flatten(1).sum(1)
        return x_0 + self.step * (torch.sigmoid(logit) - 0.5), weight


class WithCells(Denoiser):
    """A frozen denoiser and the law that fills its cells: trained and saved together."""

    def __init__(self, denoiser: Denoiser, cells: LogitNormalCells) -> None:
        check_denoiser(denoiser=denoiser)
        instance(LogitNormalCells, cells=cells)
        super().__init__()
        self.process, self.denoiser, self.cells = denoiser.process, denoiser, cells

    def forward(self, x_t: Any, t: Tensor, cond: Any = None) -> Any:
        """The denoiser's."""
        return self.denoiser(x_t, t, cond)


@dataclass(frozen=True)
class Dequantised(Objective):
    """An objective in nats, such as `Denoising()`, of whole numbers, for a denoiser `WithCells`."""

    objective: Objective

    def __post_init__(self) -> None:
        instance(Objective, objective=self.objective)

    def __call__(self, denoiser: Denoiser, x_0: Any, cond: Any, rng: torch.Generator, rows: slice = ALL) -> Loss:
        """At drawn points, less their weights."""
        if not isinstance(denoiser, WithCells):
            raise InputError(f"Dequantised trains objectives.WithCells, got {type(denoiser).__name__}")
        points, weight = denoiser.cells.draw(denoiser.denoiser, x_0, rng)
        found = self.objective(denoiser.denoiser, points, cond, rng, rows)
        return Loss(found.value - weight[rows], found.metrics)
