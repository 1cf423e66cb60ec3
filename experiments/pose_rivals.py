r"""What the poses are measured against, with the same encoder of views.

* `Grid`: Implicit-PDF (Murphy et al. 2021, arXiv 2106.05965). A network gives a number f(view, R), and
  $p(R) = \frac{N}{\pi^2}\,e^{f(R)} / \sum_i e^{f(R_i)}$ over an equivolumetric grid, turned in training so that it
  holds the true rotation.
* `Single`: one rotation from six numbers by Gram and Schmidt (Zhou et al. 2019, arXiv 1812.07035).
"""

from __future__ import annotations

import math
from functools import cached_property

import torch
from torch import Tensor, nn

from experiments.pose_encoder import Alone, Components, conditioned, read_features
from experiments.pose_modes import Pairs, Weighted, neighbours
from unnoise.spaces import Rotations

VOLUME = math.pi**2  # of all rotations, in Implicit-PDF's convention
WAVES = 3  # octaves of the entries of a rotation, from pi, as published
AT_ONCE = 2**18  # pairs of view and rotation


def spiral(count: int) -> Tensor:
    r"""Evenly spread rotations (count, 3, 3): super-Fibonacci spirals of quaternions (Alexa 2022).

    >>> grid = spiral(1000)
    >>> bool((grid.mean(0).abs() < 1e-2).all())
    True
    """
    place = torch.arange(count, dtype=torch.float64) + 0.5
    inner, outer = (place / count).sqrt(), (1 - place / count).sqrt()
    one, other = 2 * math.pi * place / math.sqrt(2), 2 * math.pi * place / 1.533751168755204288118041
    quaternions = torch.stack([inner * one.sin(), inner * one.cos(), outer * other.sin(), outer * other.cos()], -1)
    return Rotations.from_quaternion(quaternions).float()


class _Scores(nn.Module):
    """f(features, R): four layers of 256, as published."""

    def __init__(self, features: int, width: int = 256, depth: int = 4) -> None:
        super().__init__()
        self.view, self.rotation = nn.Linear(features, width), nn.Linear(9 * 2 * WAVES, width)
        hidden = [part for _ in range(depth - 1) for part in (nn.Linear(width, width), nn.ReLU())]
        self.layers = nn.Sequential(nn.ReLU(), *hidden, nn.Linear(width, 1))

    def forward(self, x: Tensor, level: Tensor | None, code: Tensor) -> Tensor:
        """Of rotations (m, 3, 3), the same for all, or (n, m, 3, 3), and features (n, f): (n, m)."""
        entries = x.flatten(-2)
        angles = torch.cat([2.0**octave * math.pi * entries for octave in range(WAVES)], -1)
        h = self.rotation(torch.cat([angles.sin(), angles.cos()], -1)) + self.view(code)[:, None]
        scores: Tensor = self.layers(h)[..., 0]
        return scores


class Grid(nn.Module):
    """Implicit-PDF.

    Args:
        components: of the pictures.
        queries: of the grid in training.
        fine: of the grid that densities and draws are of.
    """

    coarse: Tensor
    fine: Tensor

    def __init__(self, components: Components, queries: int = 128, fine: int = 18_432) -> None:
        super().__init__()
        self.network = conditioned(_Scores(read_features()), components)
        self.register_buffer("coarse", spiral(queries), persistent=False)
        self.register_buffer("fine", spiral(fine), persistent=False)

    def loss(self, rotations: Tensor, cond: Tensor, rng: torch.Generator) -> Tensor:
        """Minus the mean log share of the truth on a turned grid that holds it, nats."""
        held = torch.randint(len(self.coarse), (len(rotations),), generator=rng)
        turn = self.coarse[held].mT.double() @ rotations.double()
        asked = (self.coarse.double() @ turn[:, None]).float()
        scores = self.network(asked, None, cond).float()
        loss: Tensor = torch.logsumexp(scores, -1).mean() - scores.gather(1, held[:, None]).mean()
        return loss

    @torch.no_grad()
    def scores(self, cond: Tensor) -> Tensor:
        """Of the fine grid, (n, fine): the logarithms of its shares, up to a constant."""
        code = self.network.read(cond)
        each = max(1, AT_ONCE // len(self.fine))
        parts = torch.split(code, each)
        return torch.cat([self.network.network(self.fine, None, part) for part in parts])

    @torch.no_grad()
    def log_prob(self, rotations: Tensor, cond: Tensor, scores: Tensor) -> Tensor:
        r"""Log densities (n,) for the volume $\pi^2$, given the scores (n, fine) of the same views."""
        found: Tensor = self.network(rotations[:, None], None, cond)[:, 0]
        return found - torch.logsumexp(scores, -1) + math.log(len(self.fine) / VOLUME)

    @cached_property
    def near(self) -> Pairs:
        """Which points of the fine grid are neighbours."""
        return neighbours(self.fine)

    def weighted(self, scores: Tensor) -> list[Weighted]:
        """The law of each view as the points of the fine grid, with their scores and shares."""
        return [(self.fine, row, torch.softmax(row, -1)) for row in scores]

    def draws(self, scores: Tensor, count: int, rng: torch.Generator) -> Tensor:
        """Rotations (n, count, 3, 3) of the fine grid."""
        return self.fine[torch.multinomial(torch.softmax(scores, -1), count, replacement=True, generator=rng)]


class Single(nn.Module):
    """One rotation for each view."""

    def __init__(self, components: Components) -> None:
        super().__init__()
        self.network = conditioned(Alone((6,), depth=1), components)

    def forward(self, cond: Tensor) -> Tensor:
        """Rotations (n, 3, 3)."""
        first, second = self.network(cond, None, cond).float().reshape(-1, 2, 3).unbind(1)
        first = nn.functional.normalize(first, dim=-1)
        second = nn.functional.normalize(second - (first * second).sum(-1, keepdim=True) * first, dim=-1)
        return torch.stack([first, second, torch.linalg.cross(first, second)], -1)

    def loss(self, rotations: Tensor, cond: Tensor, rng: torch.Generator) -> Tensor:
        """The mean square of the entries of the difference."""
        loss: Tensor = (self(cond) - rotations).square().sum((-2, -1)).mean()
        return loss
