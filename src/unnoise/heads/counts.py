"""What a network sees of counts, and how its output becomes positive estimates."""

from __future__ import annotations

import math
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor

from unnoise.heads.base import ProcessHead
from unnoise.spaces import Counts


@runtime_checkable
class _BirthsAndDeaths(Protocol):
    @property
    def space(self) -> Counts: ...
    @property
    def numbers(self) -> int: ...  # of the statistic for each site
    def means(self, like: Tensor) -> Tensor: ...
    def gone(self, t: Tensor, x: Tensor) -> tuple[Tensor, Tensor]: ...  # rho and 1 - rho


class CountHead(ProcessHead):
    r"""The network sees $\mathrm{asinh}(2\sqrt x - 2\sqrt m)$, and its output F raises or lowers a good guess.

    The guess is the posterior of geometric data of mean m, with $\gamma = 1 - \rho$: under pure death
    $\gamma m (1 + x)/(1 + \rho m)$ are missing, under immigration $\gamma m$, times softplus(F)/softplus(0). Of x a
    share $\gamma$ has come since, its odds times $e^F$.

    >>> from unnoise.processes import PureDeath
    >>> head = CountHead(PureDeath(Counts(3), mean=4.0))
    >>> head.estimate(torch.zeros(1, 3), torch.tensor([[0, 2, 4]]), torch.tensor(1.0))
    tensor([[ 3.9801, 13.9402, 23.9004]])
    """

    needs, on = _BirthsAndDeaths, Counts
    trait = "of births and deaths of counts"
    process: _BirthsAndDeaths

    @property
    def input_shape(self) -> tuple[int, ...]:
        """The sites; arrays of more than one axis get a channel."""
        shape = self.process.space.event_shape
        return shape if len(shape) == 1 else (1, *shape)

    @property
    def output_shape(self) -> tuple[int, ...]:
        """One channel, or stretch of a vector, for each number of the statistic."""
        shape, numbers = self.process.space.event_shape, self.process.numbers
        return (numbers * shape[0],) if len(shape) == 1 else (numbers, *shape)

    def inputs(self, x_t: Tensor, t: Tensor) -> Tensor:
        """Deviations from the mean in units of the noise, logarithmic where large."""
        means = self.process.means(t).to(torch.get_default_dtype())  # that of networks, whatever times are
        return torch.asinh(2 * (x_t.to(means).sqrt() - means.sqrt())).reshape(-1, *self.input_shape)

    def estimate(self, output: Tensor, x_t: Tensor, t: Tensor) -> Tensor:
        """The guess, raised or lowered."""
        (kept, gone), means = self.process.gone(t, x_t), self.process.means(t)
        channels = output.to(kept.dtype).reshape(len(x_t), self.process.numbers, *x_t.shape[1:])
        raised: Tensor = torch.nn.functional.softplus(channels[:, 0]) / math.log(2)
        if self.process.numbers == 1:
            return x_t + raised * gone * means * (1 + x_t) / (1 + kept * means)
        newcomers = x_t * torch.sigmoid(channels[:, 1] + gone.log() - kept.log())
        return torch.stack([gone * means * raised, newcomers], -1)
