"""Walk on the density of noisy data, and jump to the data from any point of the walk."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from unnoise.chains.at_noise import AtNoise, Level
from unnoise.chains.base import ChainSampler, Kernel, OnStep, Trace, check_positive, run
from unnoise.chains.density import Field
from unnoise.chains.underdamped import Moving, Sachs
from unnoise.laws.base import standard_normal


@dataclass(frozen=True)
class WalkJump(ChainSampler):
    r"""Neural empirical Bayes (Saremi, Hyvarinen 2019, arXiv 1903.02334): one noise level for all.

    The walk is underdamped Langevin on $q_\sigma$, the law of $Y = X + \sigma N$, which is easier to walk on where
    $\sigma$ is larger; a jump is $E[X | Y = y]$, which is sharper where $\sigma$ is smaller. The jumps have less
    variance than X: on a Gaussian $\tau^4/(\tau^2 + \sigma^2)$; `Sequential` goes on from here.

    With m > 1 it walks on m measurements at once, in $R^{md}$ (JMS, or the M-density; Saremi, Srivastava 2022, arXiv
    2112.09822), along $\nabla_{y_i}\log p = \sigma^{-2}[\bar y - y_i + \frac{\sigma^2}m\nabla\log
    q_{\sigma/\sqrt m}(\bar y)]$, and jumps to $E[X | Y_{1:m}]$. The condition number grows with m, as
    $1 + m\tau^2/\sigma^2$ for a Gaussian.

    Args:
        noisy: the denoiser at level $\sigma/\sqrt m$.
        sigma: the noise of every measurement; by default for standardised data.
        steps: of every chain.
        delta: step size in units of $\sigma$.
        friction: per step, see `Underdamped`.
        m: how many measurements.

    Raises:
        InputError: a number that is not positive, or a level that the denoiser does not know.

    >>> from unnoise.denoisers import Exact
    >>> from unnoise.processes import edm
    >>> from unnoise.spaces import Euclidean
    >>> noisy = AtNoise(Exact(edm(Euclidean(1)), torch.tensor([[-1.0], [1.0]])))
    >>> WalkJump(noisy, sigma=0.2, steps=20).sample(3, torch.Generator().manual_seed(0)).abs().round()
    tensor([[1.],
            [1.],
            [1.]])
    """

    noisy: AtNoise
    sigma: float = 0.5
    steps: int = 200
    delta: float = 0.5
    friction: float = 1.0
    m: int = 1

    def __post_init__(self) -> None:
        check_positive(sigma=self.sigma, steps=self.steps, delta=self.delta, friction=self.friction, m=self.m)
        _ = self._level  # which the denoiser must know

    @property
    def kernel(self) -> Kernel[Moving]:
        """The walk on measurements, (n, m, *event), at one score per step."""
        level = self._level  # looked up once for all steps

        def score(y: Tensor) -> Tensor:
            mean = y.mean(1, keepdim=True)
            return (mean - y).div_(self.sigma**2).add_(level.score(mean[:, 0])[:, None], alpha=1 / self.m)

        return Sachs(Field(score), self.delta * self.sigma, self.friction)

    @property
    def reports(self) -> int:
        """One for every step."""
        return self.steps

    @torch.no_grad()
    def jump(self, y: Tensor) -> Tensor:
        """The mean of X given measurements, (n, m, *event)."""
        return self._level.denoise(y.mean(1))

    def walk(
        self, start: Tensor | int, steps: int, rng: torch.Generator, *, keep: int = 0, on_step: OnStep | None = None
    ) -> Trace[Moving]:
        r"""Walk on measurements, (n, m, *event), from $x + \sigma z$ for a guess x, (n, *event); see `run`."""
        x = self.noisy.guess(start)
        y = x[:, None].repeat(1, self.m, *[1] * (x.ndim - 1))
        y.add_(standard_normal(tuple(y.shape), y, rng), alpha=self.sigma)
        return run(self.kernel, y, steps, rng, keep=keep, on_step=on_step)

    def sample(self, start: Tensor | int, rng: torch.Generator, *, on_step: OnStep | None = None) -> Tensor:
        """The jump after all steps, (n, *event)."""
        return self.jump(self.walk(start, self.steps, rng, on_step=on_step).x)

    @property
    def _level(self) -> Level:
        return self.noisy.at(self.sigma * self.m**-0.5)
