r"""Draws and log densities of poses by the probability flow, $\dot R = -\frac12\dot B\,\nabla E\,R$, over log B."""

from __future__ import annotations

import math
from collections.abc import Iterator

import torch
from torch import Tensor

from experiments.pose_loss import product
from experiments.pose_potential import Potential, Potentials
from unnoise.laws.base import standard_normal
from unnoise.spaces import Rotations
from unnoise.spaces.rotations import to_matrix

STEPS, DENSITY_STEPS = 24, 30  # of Heun's method for draws, and of Runge and Kutta's for densities
AT_ONCE = 8192  # poses


class Flow:
    """Of views given as conditions, (n, c); in the precision of the denoiser.

    Args:
        denoiser: that knows the potential.
        cond: (n, c).
    """

    def __init__(self, denoiser: Potentials, cond: Tensor) -> None:
        process, ends = denoiser.process, torch.tensor([0.0, 1.0], dtype=torch.float64)
        self.denoiser, self.seen, self.like = denoiser, denoiser.seen(cond), cond
        self.least, self.most = (math.log(value) for value in process.variance(ends).tolist())

    def log_prob(self, rotations: Tensor, steps: int = DENSITY_STEPS) -> Tensor:
        """At one rotation for each view, (n, 3, 3): nats with respect to the volume of rotations, (n,)."""
        turns, length = Rotations.as_quaternion(rotations.to(self.like))[:, None], (self.most - self.least) / steps
        total = turns.new_zeros(turns.shape[:2])
        for k in range(steps):
            log_b = self.least + k * length
            moves, grown = [torch.zeros_like(turns)], []
            for before, place in ((0.0, 0.0), (0.5, 0.5), (0.5, 0.5), (1.0, 1.0)):
                at = _unit(turns + before * length * moves[-1])
                potential = self._at(at, log_b + place * length)
                rate = -0.5 * math.exp(log_b + place * length)
                moves.append(0.5 * product(_pure(rate * potential.gradient()), at))
                grown.append(rate * potential.laplacian())
            turns = _unit(turns + length / 6 * (moves[1] + 2 * moves[2] + 2 * moves[3] + moves[4]))
            total = total + length / 6 * (grown[0] + 2 * grown[1] + 2 * grown[2] + grown[3])
        return total[:, 0] - Rotations().log_volume

    def sample(self, count: int, rng: torch.Generator, steps: int = STEPS) -> Tensor:
        """Draws (n, count, 3, 3) in double precision."""
        turns = _unit(standard_normal((len(self.like), count, 4), self.like, rng))
        length = (self.least - self.most) / steps
        for k in range(steps):
            here = self.most + k * length
            first = self._moved(turns, here)
            last = self._moved(product(_turn(length * first), turns), here + length)
            turns = _unit(product(_turn(0.5 * length * (first + last)), turns))
        return to_matrix(turns.double())

    def height(self, rotations: Tensor) -> Tensor:
        """The potential at the first noise level, (n, count), for rotations (n, count, 3, 3)."""
        return self._at(Rotations.as_quaternion(rotations.to(self.like)), self.least).value()

    def _moved(self, turns: Tensor, log_b: float) -> Tensor:
        """The velocity in the logarithm of B, as rotation vectors (n, N, 3)."""
        return -0.5 * math.exp(log_b) * self._at(turns, log_b).gradient()

    def _at(self, turns: Tensor, log_b: float) -> Potential:
        return self.denoiser.at(turns, turns.new_tensor([[math.exp(log_b)]]), self.seen)


def groups(cond: Tensor, each: int) -> Iterator[Tensor]:
    """Conditions of as many views as make few enough poses at once."""
    yield from torch.split(cond, max(1, AT_ONCE // each))


def _unit(turns: Tensor) -> Tensor:
    unit: Tensor = turns / torch.linalg.vector_norm(turns, dim=-1, keepdim=True)
    return unit


def _pure(vector: Tensor) -> Tensor:
    return torch.cat([vector, torch.zeros_like(vector[..., :1])], -1)


def _turn(vector: Tensor) -> Tensor:
    """Quaternions (..., 4) of rotation vectors (..., 3)."""
    half = 0.5 * torch.linalg.vector_norm(vector, dim=-1, keepdim=True)
    return torch.cat([0.5 * torch.sinc(half / math.pi) * vector, half.cos()], -1)
