"""Walk on the density of noisy data, and jump to the data from any point of the walk."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from unnoise.chains.base import Kernel, OnStep, Trace, check_positive, run
from unnoise.chains.smoothed import Smoothed
from unnoise.chains.underdamped import Moving, Sachs
from unnoise.laws.base import standard_normal


@dataclass(frozen=True)
class WalkJump:
    r"""Neural empirical Bayes (Saremi, Hyvarinen 2019, arXiv 1903.02334): one noise level for all.

    The walk is underdamped Langevin on $q_\sigma$, the law of $Y = X + \sigma N$, which is the easier to walk on the
    larger $\sigma$ is; a jump is $E[X | Y = y]$, which is the sharper the smaller $\sigma$ is. The jumps have less
    variance than X: on a Gaussian $\tau^4/(\tau^2 + \sigma^2)$; `Sequential` goes on from here.

    Args:
        smoothed: the denoiser at level sigma.
        sigma: the level.
        delta: step size in units of $\sigma$.
        friction: per step, see `Underdamped`.

    Raises:
        InputError: a number that is not positive.
    """

    smoothed: Smoothed
    sigma: float
    delta: float = 0.5
    friction: float = 1.0

    def __post_init__(self) -> None:
        check_positive(sigma=self.sigma, delta=self.delta, friction=self.friction)

    @property
    def kernel(self) -> Kernel[Moving]:
        """The walk, at one score per step."""
        return Sachs(self.smoothed.at(self.sigma), self.delta * self.sigma, self.friction)

    def walk(
        self, x: Tensor, steps: int, rng: torch.Generator, *, keep: int = 0, on_step: OnStep | None = None
    ) -> Trace[Moving]:
        r"""Walk on noisy points, from $x + \sigma z$ for a guess x, (n, *event); see `run`."""
        y = torch.add(x, standard_normal(tuple(x.shape), x, rng), alpha=self.sigma)
        return run(self.kernel, y, steps, rng, keep=keep, on_step=on_step)

    @torch.no_grad()
    def jump(self, y: Tensor) -> Tensor:
        """The mean of X given noisy points, (n, *event)."""
        return self.smoothed.denoise(y, self.sigma)

    def sample(self, x: Tensor, steps: int, rng: torch.Generator, *, on_step: OnStep | None = None) -> Tensor:
        """The jump after `steps` steps, (n, *event)."""
        return self.jump(self.walk(x, steps, rng, on_step=on_step).x)
