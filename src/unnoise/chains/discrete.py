"""Walk-jump on sequences of letters: walk on their noisy one-hot writing, jump, and read the letters."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from unnoise._errors import InputError
from unnoise.chains.at_noise import AtNoise
from unnoise.chains.base import ChainSampler, Kernel, OnStep, Trace
from unnoise.chains.underdamped import Moving
from unnoise.chains.walk_jump import WalkJump
from unnoise.spaces import Finite


@dataclass(frozen=True)
class DiscreteWalkJump(ChainSampler):
    r"""Discrete walk-jump sampling (Frey et al. 2023, arXiv 2306.12360): one noise level, letters in and letters out.

    A sequence is written one-hot, (*sites, S), and smoothed by $N(0, \sigma^2)$. The walk is underdamped Langevin on
    the smoothed law, a jump is $E[X | Y = y]$, the probability of each letter at each site, and of these the largest
    is read. The defaults are the published ones. Two sequences that differ at h sites are $\sqrt{2h}$ apart, so that
    only from $\sigma = \sqrt{h/2}$ on do two of them make one mode: with less noise, a walk that starts at one stays
    among its relatives.

    Args:
        noisy: the denoiser of one-hot sequences at level sigma, (n, *sites, S).
        space: where sequences live; S is the largest number of letters of a site, and sites with fewer never show
            the letters that they lack.
        sigma: the level.
        steps: of every chain.
        delta: step size in units of $\sigma$.
        friction: per step, see `Underdamped`.

    Raises:
        InputError: a number that is not positive; later, a denoiser of another shape, and starting points that are
            not of the space.

    >>> from unnoise.denoisers import Exact
    >>> from unnoise.processes import EDM
    >>> from unnoise.spaces import Euclidean
    >>> space, known = Finite(3, 2), torch.tensor([[0, 0, 1], [1, 0, 1]])
    >>> noisy = AtNoise(Exact(EDM(Euclidean((3, 2))), space.features(known)))
    >>> sampler = DiscreteWalkJump(noisy, space, sigma=0.5)
    >>> sampler.sample(200, torch.Generator().manual_seed(0)).unique(dim=0)
    tensor([[0, 0, 1],
            [1, 0, 1]])
    """

    noisy: AtNoise
    space: Finite
    sigma: float = 0.5
    steps: int = 100
    delta: float = 0.5
    friction: float = 1.0

    def __post_init__(self) -> None:
        _ = self.written  # which checks the numbers

    @property
    def written(self) -> WalkJump:
        """The same on one-hot sequences, as points of a Euclidean space."""
        return WalkJump(self.noisy, self.sigma, self.steps, self.delta, self.friction)

    @property
    def reports(self) -> int:
        """One for every step."""
        return self.steps

    @property
    def kernel(self) -> Kernel[Moving]:
        """The walk, at one score per step."""
        return self.written.kernel

    def walk(
        self, start: Tensor | int, steps: int, rng: torch.Generator, *, keep: int = 0, on_step: OnStep | None = None
    ) -> Trace[Moving]:
        r"""Walk on noisy one-hot sequences, (n, 1, *sites, S); see `run`.

        Args:
            start: sequences, (n, *sites), to start near; or how many chains are to start from nowhere,
                $U(0, 1)^d + N(0, \sigma^2)$.
            steps: how often to move.
            rng: where all randomness comes from.
            keep: the positions after every `keep` steps are returned; 0 keeps none.
            on_step: sees (index, state) after every step.
        """
        return self.written.walk(self._start(start, rng), steps, rng, keep=keep, on_step=on_step)

    def probabilities(self, y: Tensor) -> Tensor:
        """The jump before letters are read: the probability of each, (n, *sites, S), at points of a walk."""
        found = self.written.jump(y)
        if found.shape != y[:, 0].shape:
            raise InputError(
                f"the denoiser returned the shape {tuple(found.shape)} for noisy sequences of shape "
                f"{tuple(y[:, 0].shape)}; expected as many, (n, *sites, {self.space.states})"
            )
        return found

    def jump(self, y: Tensor) -> Tensor:
        """The most probable letter of every site at points of a walk, (n, 1, *sites, S): int64, (n, *sites)."""
        return torch.where(self._has_letter(y), self.probabilities(y), -torch.inf).argmax(-1)

    def sample(self, start: Tensor | int, rng: torch.Generator, *, on_step: OnStep | None = None) -> Tensor:
        """The letters after all steps, (n, *sites); see `walk`."""
        return self.jump(self.walk(start, self.steps, rng, on_step=on_step).x)

    def _start(self, start: Tensor | int, rng: torch.Generator) -> Tensor:
        if isinstance(start, Tensor):
            self.space.check(start)
            return self.space.features(start)
        if start < 1:
            raise InputError(f"got {start} chains; expected at least one, or the sequences to start near")
        shape = (start, *self.space.event_shape, self.space.states)
        return torch.rand(shape, generator=rng, device=rng.device)

    def _has_letter(self, y: Tensor) -> Tensor:
        """Whether a site has a letter; broadcasts against (n, *sites, S)."""
        sizes = torch.tensor(self.space.sizes, device=y.device)
        return torch.arange(self.space.states, device=y.device) < sizes[:, None]
