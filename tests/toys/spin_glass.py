"""A jump process whose sites see each other, small enough to know everything about it: nine states, by enumeration."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from unnoise.denoisers import Denoiser
from unnoise.laws import Law
from unnoise.processes import JumpProcess
from unnoise.spaces import Finite

FLOAT64 = torch.float64
SPACE = Finite(2, 3)
POINTS = torch.cartesian_prod(torch.arange(3), torch.arange(3))
DATA = torch.tensor([0.3, 0.02, 0.05, 0.1, 0.2, 0.03, 0.05, 0.05, 0.2], dtype=FLOAT64)


def rates(x, t):
    """Grow with time, and depend on the site, the other site and where a jump goes."""
    there = torch.arange(3, dtype=FLOAT64)
    mine, other = x[..., None].double(), x.flip(-1)[..., None].double()
    weights = torch.tensor([1.0, 1.4], dtype=FLOAT64)[:, None]
    return 2 * (0.5 + t) * weights * torch.exp(0.4 * torch.sin(1 + 2 * mine * there + 0.7 * other))


def generator():
    """The matrix of the rates at t = 1/2, between all points."""
    matrix = torch.zeros(9, 9, dtype=FLOAT64)
    for i, x in enumerate(POINTS):
        for site in range(2):
            for state in range(3):
                y = x.clone()
                y[site] = state
                j = int(3 * y[0] + y[1])
                if j != i:
                    matrix[i, j] = rates(x, torch.tensor(0.5))[site, state]
    return matrix - torch.diag(matrix.sum(1))


GENERATOR = generator()
RATES, MODES = torch.linalg.eig(GENERATOR)
BACK = torch.linalg.inv(MODES)


def noised(t):
    """q_t at all points, (*batch, 9)."""
    clock = 0.5 * t.double() + 0.5 * t.double() ** 2  # integral of (0.5 + s)
    decayed = torch.exp(clock[..., None] * RATES) * (DATA.to(MODES) @ MODES)
    return (decayed @ BACK).real


@dataclass(frozen=True)
class Table(Law[Tensor]):
    """Any law on the points, n times."""

    probs: Tensor
    n: int

    def sample(self, rng, shape=()):
        drawn = torch.multinomial(self.probs, self.n, replacement=True, generator=rng)
        return POINTS[drawn]

    def log_prob(self, x):
        return self.probs.log()[3 * x[..., 0] + x[..., 1]]


PROCESS = JumpProcess(SPACE, rates, lambda n: Table(noised(torch.ones(())), n))


class ExactRatios(Denoiser):
    """q_t(y) / q_t(x), to a power that spoils it."""

    def __init__(self, power=1.0):
        super().__init__()
        self.process = PROCESS
        self.power = torch.nn.Parameter(torch.tensor(power, dtype=FLOAT64))

    def forward(self, x_t, t, cond=None):
        law = noised(t).expand(len(x_t), 9)
        here = torch.gather(law, 1, (3 * x_t[:, :1] + x_t[:, 1:]))[..., None]
        grid = law.reshape(-1, 3, 3)
        rows = torch.arange(len(x_t))
        there = torch.stack([grid[rows, :, x_t[:, 1]], grid[rows, x_t[:, 0], :]], 1)
        return (there / here) ** self.power
