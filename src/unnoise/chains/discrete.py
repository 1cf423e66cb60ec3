"""Walk-jump on sequences of letters: walk on their noisy one-hot writing, jump, and read the letters."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor

from unnoise._errors import InputError
from unnoise.chains.base import OnStep, Trace
from unnoise.chains.underdamped import Moving
from unnoise.chains.walk_jump import WalkJump
from unnoise.spaces import Finite


@dataclass(frozen=True)
class DiscreteWalkJump(WalkJump):
    r"""Discrete walk-jump sampling (Frey et al. 2023, arXiv 2306.12360): one noise level, letters in and letters out.

    A sequence is written one-hot, (*sites, S), and smoothed by $N(0, \sigma^2)$. The walk is underdamped Langevin on
    the smoothed law, a jump is $E[X | Y = y]$, the probability of each letter at each site, and of these the largest
    is read. The defaults are the published ones. Two sequences that differ at h sites are $\sqrt{2h}$ apart, so that
    only from $\sigma = \sqrt{h/2}$ on do two of them make one mode: with less noise, a walk that starts at one stays
    among its relatives.

    Args:
        noisy: the denoiser of one-hot sequences at level sigma, (n, *sites, S); the other numbers are those of
            `WalkJump`.
        space: where sequences live; S is the largest number of letters of a site, and sites with fewer never show
            the letters that they lack.

    Raises:
        InputError: a number that is not positive; later, a denoiser of another shape, and starting points that are
            not of the space.

    >>> from unnoise.chains import AtNoise
    >>> from unnoise.denoisers import Exact
    >>> from unnoise.processes import edm
    >>> from unnoise.spaces import Euclidean
    >>> space, known = Finite(3, 2), torch.tensor([[0, 0, 1], [1, 0, 1]])
    >>> noisy = AtNoise(Exact(edm(Euclidean((3, 2))), space.features(known)))
    >>> DiscreteWalkJump(noisy, space=space).sample(200, torch.Generator().manual_seed(0)).unique(dim=0)
    tensor([[0, 0, 1],
            [1, 0, 1]])
    """

    steps: int = 100
    space: Finite = field(kw_only=True)

    def walk(
        self, start: Tensor | int, steps: int, rng: torch.Generator, *, keep: int = 0, on_step: OnStep | None = None
    ) -> Trace[Moving]:
        r"""Walk on noisy one-hot sequences, (n, m, *sites, S); see `run`.

        Args:
            start: sequences, (n, *sites), to start near; or how many chains are to start from nowhere,
                $U(0, 1)^d + N(0, \sigma^2)$.
            steps: how often to move.
            rng: where all randomness comes from.
            keep: the positions after every `keep` steps are returned; 0 keeps none.
            on_step: sees (index, state) after every step.
        """
        if isinstance(start, Tensor):
            self.space.check(start)
            written = self.space.features(start)
        else:
            written = self.noisy.guess(start)  # for its shape
            written = torch.rand(written.shape, generator=rng, device=rng.device).to(written)
        return super().walk(written, steps, rng, keep=keep, on_step=on_step)

    def probabilities(self, y: Tensor) -> Tensor:
        """The jump before letters are read: the probability of each, (n, *sites, S), at points of a walk."""
        found, expected = super().jump(y), (len(y), *self.space.event_shape, self.space.states)
        if found.shape != expected:
            raise InputError(f"the denoiser returned the shape {tuple(found.shape)}; expected {expected}")
        return found

    def jump(self, y: Tensor) -> Tensor:
        """The most probable letter of every site at points of a walk, (n, m, *sites, S): int64, (n, *sites)."""
        sizes = torch.tensor(self.space.sizes, device=y.device)
        has_letter = torch.arange(self.space.states, device=y.device) < sizes[:, None]  # against (n, *sites, S)
        return torch.where(has_letter, self.probabilities(y), -torch.inf).argmax(-1)
