"""Climbs from many points at once, by L-BFGS."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from unnoise.laws import LogDensity

CLIMBS, MEMORY = 150, 12  # steps of a climb, and how many it remembers
TRIES, SHORTER, RISE = 25, 0.3, 1e-4  # of a line search (Armijo 1966)
LONGEST = 1024.0  # step along a slope that does not change
STUCK = 1e6  # nats below others, where a climb that does not rise is stuck rather than at a top
ROUNDED = 1e-12  # of a slope, by which it may change through rounding alone


@dataclass(frozen=True)
class Climbs:
    """What climbs found.

    Attributes:
        ends: where they ended, (n, d).
        heights: the log density there, (n,); minus infinity where a climb had not ended but was cut short.
        visited: all points on the way, (m, d).
        ended: whether any came to its end, and is not stuck far below others.
    """

    ends: Tensor
    heights: Tensor
    visited: Tensor
    ended: bool

    def and_then(self, later: Climbs) -> Climbs:
        """With the ends of later ones; what was visited stays, lest wide places grow without bound."""
        return Climbs(
            torch.cat([self.ends, later.ends]),
            torch.cat([self.heights, later.heights]),
            self.visited,
            self.ended or later.ended,
        )


@torch.no_grad()
def climbed(target: LogDensity[Tensor], x: Tensor) -> Climbs:
    """Uphill from every point at once, by L-BFGS with a memory of its own (Nocedal 1980)."""
    height, slope = target.log_prob_and_score(x)
    memory = _Memory(x)
    visited, done = [x], ~torch.isfinite(height)
    still = done
    for index in range(CLIMBS):
        direction, rise = memory.direction(slope)
        new, new_height, new_slope = _searched(target, x, height, slope, direction, rise, done)
        memory.remember(new - x, slope - new_slope, slope)
        still, before = new_height - height < 1e-9, still  # once more along the gradient, before a climb has ended
        done = done | (still & before & (index > 5))
        x, height, slope = new, new_height, new_slope
        visited.append(x)
        if done.all():
            break
    real = height.nan_to_num(nan=-math.inf, posinf=-math.inf)
    if bool((done & torch.isfinite(height)).any()):
        height = torch.where(done, height, -math.inf)
    ended = bool((done & torch.isfinite(real) & (real > max(real.tolist(), default=0.0) - STUCK)).any())
    seen = torch.cat(visited)
    return Climbs(x, height, seen[torch.isfinite(target.log_prob(seen))], ended)


class _Memory:
    """The last steps of every climb, and how the slope fell along them."""

    def __init__(self, x: Tensor) -> None:
        self.steps, self.falls = (x.new_zeros(MEMORY, *x.shape) for _ in range(2))
        self.inverse = x.new_zeros(MEMORY, len(x))  # of their products; 0 where nothing is remembered
        self.reach = x.new_ones(len(x))  # of a step where the slope is the same everywhere, as in a long tail

    def direction(self, slope: Tensor) -> tuple[Tensor, Tensor]:
        """Newton's, nearly, and the slope along it; the gradient's where this one does not rise."""
        v, weights = slope.clone(), []
        for step, fall, inverse in zip(self.steps, self.falls, self.inverse, strict=True):
            weights.append(inverse * (step * v).sum(1))
            v = v - weights[-1][:, None] * fall
        scale = (self.steps[0] * self.falls[0]).sum(1) / self.falls[0].square().sum(1).clamp(min=1e-300)
        scale = torch.where(self.inverse[0] == 0, self.reach / slope.norm(dim=1).clamp(min=1e-300), scale)[:, None]
        v = scale * v
        for i in reversed(range(MEMORY)):
            back = self.inverse[i] * (self.falls[i] * v).sum(1)
            v = v + self.steps[i] * (weights[i] - back)[:, None]
        rises = (slope * v).sum(1) > 0
        v = torch.where(rises[:, None], v, scale * slope)
        return v, (slope * v).sum(1)

    def remember(self, step: Tensor, fall: Tensor, slope: Tensor) -> None:
        product = (step * fall).sum(1)
        curved = product > 1e-12 * fall.square().sum(1).clamp(min=1e-300)
        curved &= fall.norm(dim=1) > ROUNDED * slope.norm(dim=1)
        inverse = 1 / torch.where(curved, product, 1.0)
        stuck = (step == 0).all(1)
        self.reach = torch.where(curved | stuck, 1.0, 2 * self.reach).clamp(max=LONGEST)
        for kept, new in ((self.steps, step), (self.falls, fall), (self.inverse, inverse)):
            moved = torch.cat([new[None], kept[:-1]])
            kept.copy_(torch.where(curved.reshape(1, -1, *[1] * (kept.ndim - 2)), moved, kept))
        self.inverse[:, stuck] = 0.0


def _searched(
    target: LogDensity[Tensor], x: Tensor, height: Tensor, slope: Tensor, way: Tensor, rise: Tensor, done: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """The first of ever shorter steps that rises enough, for every climb; none where none does."""
    x, height, slope = x.clone(), height.clone(), slope.clone()
    todo, length = (~done).nonzero()[:, 0], torch.ones_like(height)
    for _ in range(TRIES):
        if not len(todo):
            break
        there = x[todo] + length[todo, None] * way[todo]
        value, new_slope = target.log_prob_and_score(there)
        enough = value >= height[todo] + RISE * length[todo] * rise[todo]
        good, todo = todo[enough], todo[~enough]
        x[good], height[good], slope[good] = there[enough], value[enough], new_slope[enough]
        length[todo] *= SHORTER
    return x, height, slope
