r"""Where a density on $R^d$ has its mass, when nothing is known of its scale: climbs from points of every length."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from unnoise.laws import LogDensity
from unnoise.laws.base import standard_normal
from unnoise.laws.students import Students

LENGTHS = (1e-3, 1e2)  # of the first points, spread evenly in the logarithm
CLIMBS, MEMORY = 150, 12  # steps of a climb, and how many it remembers
TRIES, SHORTER, RISE = 25, 0.3, 1e-4  # of a line search (Armijo 1966)
LONGEST = 1024.0  # step along a slope that does not change
ROUNDED = 1e-12  # of a slope, by which it may change through rounding alone
DROP = 0.5  # of log p at the distance that is taken for a deviation
MOST_MODES = 64
TAILS = 5.0  # degrees of freedom around a mode
WAVES = 8  # of climbs from ever wider places, as long as they find new modes
SPREADS = (0.3, 0.6, 0.85, 1.0)  # quantiles of where climbs came by, for the wide part of a first guess


@dataclass(frozen=True)
class Climbs:
    """What climbs found.

    Attributes:
        ends: where they ended, (n, d).
        heights: the log density there, (n,).
        visited: all points on the way, (m, d).
    """

    ends: Tensor
    heights: Tensor
    visited: Tensor


@dataclass(frozen=True)
class Mode:
    r"""A place of high density, and a factor A of the covariance there, (d, d): at A z log p drops by $|z|^2/2$."""

    centre: Tensor
    height: float
    factor: Tensor

    @property
    def log_mass(self) -> float:
        """Laplace's, up to a constant that all modes share."""
        return self.height + float(torch.linalg.slogdet(self.factor)[1])


@torch.no_grad()
def first_guess(target: LogDensity[Tensor], start: Tensor, rng: torch.Generator) -> tuple[Students, list[Mode]]:
    """A law that covers the target: half of it around the modes that climbs find, half of it wide.

    Climbs begin at `start`, and then where the wide half lies, until a wave finds no mode that was not known.
    """
    climbs = climbed(target, start)
    modes = modes_of(target, climbs)
    for _ in range(WAVES):
        known = len(modes)
        modes, climbs = more_modes(target, modes, climbs, _around(climbs, modes).sample(rng, (len(start),)))
        if len(modes) == known:
            break
    wide = _around(climbs, modes)
    masses = torch.softmax(torch.tensor([mode.log_mass for mode in modes], dtype=torch.float64), 0).to(start)
    weights = torch.cat([0.25 * (masses + 1 / len(modes)), 0.5 * wide.weights])
    centres = torch.stack([mode.centre for mode in modes])
    factors = torch.stack([mode.factor for mode in modes])
    freedom = torch.cat([start.new_full((len(modes),), TAILS), wide.freedom])
    return Students(weights, torch.cat([centres, wide.means]), torch.cat([factors, wide.factors]), freedom), modes


def more_modes(
    target: LogDensity[Tensor], modes: list[Mode], climbs: Climbs, start: Tensor
) -> tuple[list[Mode], Climbs]:
    """Those that are known and those that climbs from other points find, the highest first; and all climbs."""
    new = climbed(target, start)
    found = modes_of(target, new, modes)
    visited = torch.cat([climbs.visited, new.visited])
    return found, Climbs(torch.cat([climbs.ends, new.ends]), torch.cat([climbs.heights, new.heights]), visited)


def scattered(n: int, dimension: int, rng: torch.Generator) -> Tensor:
    """Points of every length around zero, (n, d), in float64."""
    low, high = map(math.log, LENGTHS)
    length = torch.exp(low + (high - low) * torch.rand(n, 1, generator=rng, dtype=torch.float64))
    return length * standard_normal((n, dimension), length, rng)


@torch.no_grad()
def climbed(target: LogDensity[Tensor], x: Tensor) -> Climbs:
    """Uphill from every point at once, by L-BFGS with a memory of its own (Nocedal 1980)."""
    height, slope = target.log_prob_and_score(x)
    memory = _Memory(x)
    visited, done = [x], ~torch.isfinite(height)
    for index in range(CLIMBS):
        direction, rise = memory.direction(slope)
        new, new_height, new_slope = _searched(target, x, height, slope, direction, rise, done)
        memory.remember(new - x, slope - new_slope, slope)
        done = done | ((new_height - height < 1e-9) & (index > 5))
        x, height, slope = new, new_height, new_slope
        visited.append(x)
        if done.all():
            break
    seen = torch.cat(visited)
    return Climbs(x, height, seen[torch.isfinite(target.log_prob(seen))])


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


@torch.no_grad()
def modes_of(target: LogDensity[Tensor], climbs: Climbs, known: list[Mode] | None = None) -> list[Mode]:
    """The known modes, and the other places where climbs ended, the highest first; at most MOST_MODES, at least one."""
    found = list(known or [])
    heights = climbs.heights.clone()
    for mode in found:
        heights[_at(mode, climbs.ends)] = -math.inf
    while len(found) < MOST_MODES and bool(torch.isfinite(heights).any()):
        best = int(heights.argmax())
        centre = climbs.ends[best]
        mode = Mode(centre, float(heights[best]), _shape_at(target, centre, heights[best]))
        found.append(mode)
        heights[_at(mode, climbs.ends)] = -math.inf
        heights[best] = -math.inf
    return sorted(found, key=lambda mode: -mode.height)


def _at(mode: Mode, x: Tensor) -> Tensor:
    """Which points lie where the mode is, and are none of their own."""
    away: Tensor = torch.linalg.solve(mode.factor, (x - mode.centre).T).square().sum(0)
    return away < max(4.0, 0.3 * len(mode.centre))


def _shape_at(target: LogDensity[Tensor], centre: Tensor, height: Tensor) -> Tensor:
    """A factor of the covariance around a mode, twice improved by the curvature in its own units.

    By differences of slopes, as a log density need not be differentiable twice; and by how far it is to a drop by one
    half along every axis, as the curvature may be zero at the mode.
    """
    size = len(centre)
    unit = torch.eye(size, dtype=centre.dtype, device=centre.device)
    factor = unit * _deviations(target, centre, height, unit, torch.ones_like(centre))
    for _ in range(2):
        points = torch.cat([centre + 0.1 * factor.T, centre - 0.1 * factor.T])
        values, slopes = target.log_prob_and_score(points)
        falls = (slopes[size:] - slopes[:size]) @ factor / 0.2
        if not bool(torch.isfinite(values).all() & torch.isfinite(falls).all()):
            break
        curvature, axes = torch.linalg.eigh(0.5 * (falls + falls.T))
        factor = factor @ axes
        factor = factor * _deviations(target, centre, height, factor, curvature.abs().clamp(1e-12, 1e12).rsqrt())
    return factor


def _deviations(target: LogDensity[Tensor], centre: Tensor, height: Tensor, axes: Tensor, guess: Tensor) -> Tensor:
    """How far it is along every column of `axes`, in its own length, until log p drops by DROP; the farther side."""
    sides = torch.cat([axes.T, -axes.T])
    length = torch.cat([guess, guess])
    near, far = torch.zeros_like(length), torch.full_like(length, math.inf)
    for _ in range(60):
        inside = target.log_prob(centre + length[:, None] * sides) > height - DROP
        near, far = torch.where(inside, length, near), torch.where(inside, far, length)
        between = torch.where(near == 0, length / 3, (near * far).sqrt())
        length = torch.where(far.isinf(), 3 * length, between)
        if bool((far < 1.15 * near).all() | (length > 1e12).any()):
            break
    return length.reshape(2, -1).amax(0).clamp(1e-12, 1e12)


def _around(climbs: Climbs, modes: list[Mode]) -> Students:
    """Wide laws around the highest mode, as wide as climbs and modes lie apart."""
    centre = modes[0].centre
    away = (climbs.visited - centre).abs()
    apart = torch.stack([(mode.centre - centre).abs() for mode in modes]).amax(0)
    within = torch.stack([mode.factor.square().sum(1).sqrt() for mode in modes]).amax(0)
    least = torch.maximum(2 * within, apart)
    away = away[torch.linspace(0, len(away) - 1, min(len(away), 2**16), device=away.device).long()]
    levels = torch.tensor(SPREADS, dtype=away.dtype, device=away.device)
    factors = torch.diag_embed(torch.maximum(torch.quantile(away, levels, dim=0), least))
    ones = torch.ones_like(levels) / len(levels)
    return Students(ones, centre.expand(len(levels), -1), factors, 2 * torch.ones_like(levels))
