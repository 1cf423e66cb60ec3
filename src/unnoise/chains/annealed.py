"""Annealed Langevin: walk at every noise level in turn, from the largest to the smallest."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from unnoise._checks import MOST_STEPS, flag, instance, real, reals, whole
from unnoise._errors import InputError
from unnoise.chains.at_noise import AtNoise
from unnoise.chains.base import ChainSampler, OnStep, located, run
from unnoise.chains.langevin import Langevin


@dataclass(frozen=True)
class Annealed(ChainSampler):
    r"""$x \leftarrow x + \alpha_i\nabla\log q_{\sigma_i}(x) + \sqrt{2\alpha_i}\,z$ at every level i.

    $\alpha_i = \epsilon\sigma_i^2/\sigma_L^2$ for levels $\sigma_1 > ... > \sigma_L$ (NCSN; Song and Ermon 2019, arXiv
    1907.05600, algorithm 1). **This is the step of the authors' code.** That of the paper, $\frac{\alpha_i}2\nabla\log
    q + \sqrt{\alpha_i}\,z$, is half as long: `Annealed.as_written`.

    Args:
        sigmas: decreasing, usually geometric.
        steps: per level.
        epsilon: the step size at the last level.
        jump: end with $E[X | Y]$ at the last level (Jolicoeur-Martineau et al. 2020, arXiv 2009.05475).

    >>> from unnoise.denoisers import Exact
    >>> from unnoise.processes import edm
    >>> from unnoise.spaces import Euclidean
    >>> noisy = AtNoise(Exact(edm(Euclidean(1)), torch.tensor([[-1.0], [1.0]])))
    >>> chains = Annealed(noisy, [2.0, 0.5, 0.1], steps=20, epsilon=1e-3, jump=True)
    >>> chains.sample(3, torch.Generator().manual_seed(0)).abs().round()
    tensor([[1.],
            [1.],
            [1.]])
    """

    noisy: AtNoise
    sigmas: Sequence[float]
    steps: int = 100
    epsilon: float = 2e-5
    jump: bool = False

    def __post_init__(self) -> None:
        instance(AtNoise, noisy=self.noisy)
        reals("sigmas", self.sigmas, above=0)
        whole(least=1, most=MOST_STEPS, steps=self.steps)
        real(above=0, epsilon=self.epsilon)
        flag(jump=self.jump)
        if any(a < b for a, b in itertools.pairwise(self.sigmas)):
            raise InputError(
                f"got the levels {list(self.sigmas)[:5]}...; expected some, from the largest to the smallest"
            )

    @classmethod
    def as_written(
        cls, noisy: AtNoise, sigmas: Sequence[float], steps: int = 100, epsilon: float = 2e-5, jump: bool = False
    ) -> Annealed:
        """The paper's step: half of the code's."""
        return cls(noisy, sigmas, steps, epsilon / 2, jump)

    @property
    def reports(self) -> int:
        """One for every level."""
        return len(self.sigmas)

    @torch.no_grad()
    def sample(self, start: Tensor | int, rng: torch.Generator, *, on_step: OnStep = None) -> Tensor:
        """The chains after the last level, (n, *event)."""
        x = self.noisy.guess(start)
        for index, sigma in enumerate(self.sigmas):
            kernel = Langevin(self.noisy.at(sigma), self.epsilon * (sigma / self.sigmas[-1]) ** 2)
            with located(f"level {index + 1} of {len(self.sigmas)}, sigma = {sigma:.4g}"):
                x = run(kernel, x, self.steps, rng).x
            if on_step is not None:
                on_step(index, x)
        return self.noisy.denoise(x, self.sigmas[-1]) if self.jump else x
