"""Langevin chains on curved spaces: the steps follow geodesics."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from unnoise._errors import InputError
from unnoise.chains.base import State, TargetKernel, check_positive
from unnoise.spaces import Manifold


@dataclass(frozen=True)
class Geodesic(TargetKernel[State]):
    r"""$x \leftarrow \exp_x\big(h\nabla\log p(x) + \sqrt{2h}\,z\big)$, z a standard normal tangent vector.

    The geodesic random walk of De Bortoli et al. 2022 (arXiv 2202.02763, algorithm 1) with the drift of p; the density
    is with respect to the volume. Not Metropolised: it leaves p up to an error of order h.

    Args:
        target: a density or a field on any `spaces.Manifold`.
        step_size: h, in squared units of distance.

    Raises:
        InputError: a step size that is not positive, or a target that does not say where it lives.

    >>> from unnoise.chains import Density, run
    >>> from unnoise.spaces import Sphere
    >>> target = Density(lambda x: 2 * x[..., 2], Sphere(2))  # von Mises-Fisher
    >>> north = torch.tensor([[0.0, 0.0, 1.0]]).expand(2000, 3)
    >>> heights = run(Geodesic(target, 0.05), north, 100, torch.Generator().manual_seed(0)).x[:, 2]
    >>> bool(abs(heights.mean() - (1 / math.tanh(2) - 0.5)) < 0.03)
    True
    """

    def __post_init__(self) -> None:
        check_positive(step_size=self.step_size)
        _ = self._space  # which checks the target

    def start(self, x: Tensor, rng: torch.Generator) -> State:
        """Nothing but the positions."""
        return State(x)

    def step(self, state: State, rng: torch.Generator) -> State:
        """One move of every chain."""
        x, space = state.x, self._space
        velocity = self.step_size * self.target.score(x) + math.sqrt(2 * self.step_size) * space.noise(x, rng)
        return State(space.project(space.exp(x, velocity)))

    @property
    def _space(self) -> Manifold:
        space = self.target.support
        if not isinstance(space, Manifold):
            raise InputError(
                "Geodesic follows the geodesics of the target's space: say it, as in Density(f, Sphere(2))"
            )
        return space
