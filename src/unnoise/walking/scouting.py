r"""Where a density on $R^d$ has its mass, when nothing is known of its scale: climbs from points of every length."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from unnoise.laws import LogDensity
from unnoise.laws.base import standard_normal
from unnoise.laws.students import Students
from unnoise.walking.climbing import Climbs, climbed
from unnoise.walking.probing import beside, unexplained
from unnoise.walking.verdict import VAIN

LENGTHS = (1e-3, 1e2)  # of the first points, spread evenly in the logarithm
ABOVE = 0.02  # share of climbs, above all modes, from which on a density seems to have no top
PROPER = 1e11  # deviations from where nothing falls: such a density has no integral
DROP = 0.5  # of log p at the distance that is taken for a deviation
MOST_MODES, REFUSED = 64, 16  # modes at most; ends of climbs that are no tops, after which no others are looked at
FARTHER = 8  # times as many steps of the first climbs, if none came to its end, as down exp(-exp(x))
BESIDE_TOP, HIGHER = (0.03, 0.1, 0.3, 1.0), 0.05  # deviations from a top, where log p may be so much higher
UNSEEN = 1e-12  # of the steepest slopes, below which there are none but rounding
TAILS = 5.0  # degrees of freedom around a mode
WAVES, WAVE, MET = 8, 256, 3  # of so many climbs from elsewhere, two at least, until every mode was met so often
BESIDE = (1.0, 150.0)  # deviations from a mode where climbs begin
LOOKS, EYES, EYES_NUMBERS = 8, 2**16, 2**22  # for narrow modes: how often at most, draws each time, numbers of these
PROBES, PROBED = 2**17, 4  # points beside known modes, whose slopes may lead elsewhere, at so many looks
LINES = 64  # along which a density without gradients must fall
SPREADS = (0.3, 0.6, 0.85, 1.0)  # quantiles of where climbs came by, for the wide part of a first guess

Once = Callable[[str, Callable[[], Any]], Any]


@dataclass(frozen=True)
class Mode:
    r"""A place of high density, and a factor A of the covariance there, (d, d): at A z log p drops by $|z|^2/2$."""

    centre: Tensor
    height: float
    factor: Tensor
    met: int = 0  # climbs that ended here

    @property
    def reach(self) -> float:
        """How far from zero it lies, or how wide it is."""
        return max(float(self.centre.abs().max()), float(self.factor.norm(dim=0).max()))

    def met_by(self, climbs: Climbs) -> Mode:
        """The same, with the number of these climbs that ended here."""
        return replace(self, met=int(self.holds(climbs).sum()))

    def near(self, x: Tensor) -> Tensor:
        """Which points lie within a few deviations, (n,)."""
        away: Tensor = torch.linalg.solve(self.factor, (x - self.centre).T).square().sum(0)
        return away < max(4.0, 0.3 * len(self.centre))

    def holds(self, climbs: Climbs) -> Tensor:
        """Which climbs ended here, and no higher, as they do at a narrow mode within a wide one, (n,)."""
        return self.near(climbs.ends) & (climbs.heights < self.height + DROP)

    @property
    def log_mass(self) -> float:
        """Laplace's, up to a constant that all modes share."""
        return self.height + float(torch.linalg.slogdet(self.factor)[1])


@torch.no_grad()
def first_guess(
    target: LogDensity[Tensor], start: Tensor, rng: torch.Generator, once: Once = lambda name, compute: compute()
) -> tuple[Students, list[Mode], float]:
    """A law that covers the target, the modes that climbs find, and the share of climbs in vain.

    Half of the law lies around the modes, half is wide. Climbs begin at `start`, then at wide places and at all
    distances from modes, until every mode was met several times: modes are like species, and climbs like catches, so
    where none was met but once or twice, few are missing (Good 1953). Narrow modes catch no climb from afar, so of very
    many draws of the law those begin climbs too where the density is highest beside it, and of very many points around
    modes those where the slope leads elsewhere. In vain are climbs that came to no mode, and went higher than all.

    Args:
        target: it.
        start: points, (n, d).
        rng: of all randomness.
        once: gets the name of every part that takes long, and what computes it, and gives what that gives.
    """
    climbs, modes = once("first", lambda: _first(target, start))
    if not modes[0].reach < PROPER:  # which no more climbs will mend
        return _covering(climbs, modes), modes, 0.0
    for wave in range(WAVES):
        climbs, modes = once(f"wave {wave}", lambda: _from_afar(target, climbs, modes, rng))  # noqa: B023
        if len(modes) == MOST_MODES or (wave > 0 and min(mode.met for mode in modes) >= MET):
            break
        if wave > 0 and (vain := _in_vain(target, climbs, modes)) > VAIN:  # more climbs will show it again
            return _covering(climbs, modes), modes, vain
    guess = _covering(climbs, modes)
    for look in range(LOOKS):
        known, probes = len(modes), PROBES if look < PROBED else 0  # a flat top has ever more modes, and nothing new
        climbs, modes = once(f"look {look}", lambda: _from_above(target, guess, climbs, modes, len(start), probes, rng))  # noqa: B023
        guess = _covering(climbs, modes)
        if len(modes) == known:
            break
    return guess, modes, _in_vain(target, climbs, modes)


def _first(target: LogDensity[Tensor], start: Tensor) -> tuple[Climbs, list[Mode]]:
    """Climbs from points, (n, d), that go on until one came to its end, and where they ended."""
    climbs = climbed(target, start)
    for _ in range(FARTHER):
        if climbs.ended:
            break
        climbs = climbed(target, climbs.ends)
    if not climbs.ended:  # the highest on its way is nearer to a top than those that are stuck
        climbs = replace(climbs, heights=target.log_prob(climbs.ends))
    return climbs, modes_of(target, climbs)


def _from_afar(
    target: LogDensity[Tensor], climbs: Climbs, modes: list[Mode], rng: torch.Generator
) -> tuple[Climbs, list[Mode]]:
    """With climbs from wide places, and from all distances of modes."""
    wide = _around(climbs, modes).sample(rng, (WAVE // 2,))
    far = torch.cat([wide, beside(law_of(modes), WAVE // 2, BESIDE, rng)])
    return _also(target, climbs, climbed_both(target, far, modes[0]), modes)


def _from_above(
    target: LogDensity[Tensor],
    guess: Students,
    climbs: Climbs,
    modes: list[Mode],
    most: int,
    probes: int,
    rng: torch.Generator,
) -> tuple[Climbs, list[Mode]]:
    """With climbs from draws of a guess, above which the density is highest, and from where slopes lead elsewhere."""
    x = guess.sample(rng, (max(1, min(EYES, EYES_NUMBERS // guess.means.shape[1])),))
    above = torch.nan_to_num(target.log_prob(x) - guess.log_prob(x), nan=-math.inf)
    x = x[above.topk(min(most, len(x))).indices]
    if probes:
        x = torch.cat([x, unexplained(target, law_of(modes), probes, WAVE, rng)])
    return _also(target, climbs, climbed_both(target, x, modes[0]), modes)


def _also(target: LogDensity[Tensor], before: Climbs, new: Climbs, modes: list[Mode]) -> tuple[Climbs, list[Mode]]:
    """All climbs, and the modes that are known with the new ones."""
    climbs = before.and_then(new)
    return climbs, [mode.met_by(climbs) for mode in modes_of(target, new, modes)]


def _in_vain(target: LogDensity[Tensor], climbs: Climbs, modes: list[Mode]) -> float:
    """The share of climbs that ended near none of the modes, of those that began; 0 where none went above the modes.

    A climb that stops at an edge or in a corner is below the mode that it did not reach; in a neck without an end,
    above.
    """
    heights = target.log_prob(climbs.ends)
    began = torch.isfinite(heights)
    away = ~torch.stack([mode.near(climbs.ends) for mode in modes]).any(0)[began]
    above = away & (heights[began] > modes[0].height)
    return float(away.double().mean()) if float(above.double().mean()) > ABOVE else 0.0


def _covering(climbs: Climbs, modes: list[Mode]) -> Students:
    near, wide = law_of(modes), _around(climbs, modes)
    weights = torch.cat([0.25 * (near.weights / near.weights.sum() + 1 / len(modes)), 0.5 * wide.weights])
    means, factors = torch.cat([near.means, wide.means]), torch.cat([near.factors, wide.factors])
    return Students(weights, means, factors, torch.cat([near.freedom, wide.freedom]))


def widened(guess: Students, law: Students, share: float) -> Students:
    """A guess that covers another law too, which gets a share of it."""
    rest, near = ((1 - share) * guess.weights / guess.weights.sum(), share * law.weights / law.weights.sum())
    return Students(
        torch.cat([rest, near]),
        *(torch.cat([getattr(guess, name), getattr(law, name)]) for name in ("means", "factors", "freedom")),
    )


def law_of(modes: list[Mode]) -> Students:
    """A Student law around every mode, with Laplace's weights."""
    centres, factors = torch.stack([mode.centre for mode in modes]), torch.stack([mode.factor for mode in modes])
    masses = torch.tensor([mode.log_mass for mode in modes], dtype=centres.dtype, device=centres.device)
    weights = torch.softmax(masses, 0).clamp(min=1e-12)
    return Students(weights, centres, factors, torch.full_like(weights, TAILS))


def scattered(n: int, dimension: int, rng: torch.Generator) -> Tensor:
    """Points of every length around zero, (n, d), in float64."""
    low, high = map(math.log, LENGTHS)
    length = torch.exp(low + (high - low) * torch.rand(n, 1, generator=rng, dtype=torch.float64))
    return length * standard_normal((n, dimension), length, rng)


@dataclass(frozen=True)
class InUnits(LogDensity[Tensor]):
    """A density in units of a mode, x = m + A z, where climbs are short if others have nearly its shape."""

    target: LogDensity[Tensor]
    mode: Mode

    @property
    def support(self) -> Any:
        """The space of the target."""
        return self.target.support

    def points(self, z: Tensor) -> Tensor:
        """In the coordinates of the target, (n, d)."""
        return self.mode.centre + z @ self.mode.factor.T

    def log_prob(self, x: Tensor) -> Tensor:
        """At x, in units, (n,)."""
        return self.target.log_prob(self.points(x))

    def log_prob_and_score(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Both, in units."""
        values, slopes = self.target.log_prob_and_score(self.points(x))
        return values, slopes @ self.mode.factor


def climbed_both(target: LogDensity[Tensor], x: Tensor, mode: Mode) -> Climbs:
    """Every other point climbs in units of a mode, others as they are, which end nowhere where scales differ much."""
    units = InUnits(target, mode)
    one, other = x[::2], torch.linalg.solve(mode.factor, (x[1::2] - mode.centre).T).T
    plain, scaled = climbed(target, one), climbed(units, other)
    return plain.and_then(Climbs(units.points(scaled.ends), scaled.heights, units.points(scaled.visited), scaled.ended))


@torch.no_grad()
def modes_of(target: LogDensity[Tensor], climbs: Climbs, known: list[Mode] | None = None) -> list[Mode]:
    """The known modes, and the other tops where climbs ended, the highest first; at most MOST_MODES, at least one.

    Where ends are no tops, as all along a neck, not all are looked at.
    """
    found, refused = list(known or []), 0
    heights = climbs.heights.clone()
    for mode in found:
        heights[mode.holds(climbs)] = -math.inf
    for _ in range(2 * MOST_MODES):
        if len(found) == MOST_MODES or refused == REFUSED or not bool(torch.isfinite(heights).any()):
            break
        best = int(heights.argmax())
        centre = climbs.ends[best]
        mode = Mode(centre, float(heights[best]), _shape_at(target, centre, heights[best]))
        heights[best] = -math.inf
        heights[mode.holds(climbs)] = -math.inf
        if not found or _is_top(target, mode):
            found.append(mode)
        else:
            refused += 1
    return sorted(found, key=lambda mode: -mode.height)


def _is_top(target: LogDensity[Tensor], mode: Mode) -> bool:
    """Whether nothing beside it is higher, as where a climb was stuck in a funnel's neck."""
    away = torch.cat([length * mode.factor.T for length in BESIDE_TOP])
    beside = target.log_prob(torch.cat([mode.centre + away, mode.centre - away]))
    return bool((beside < mode.height + HIGHER).all())


def _shape_at(target: LogDensity[Tensor], centre: Tensor, height: Tensor) -> Tensor:
    """A factor of the covariance around a mode, twice improved by the curvature in its own units.

    By differences of slopes, as a log density need not be differentiable twice; and by how far it is to a drop by one
    half along every axis, as the curvature may be zero at the mode.
    """
    size = len(centre)
    unit = torch.eye(size, dtype=centre.dtype, device=centre.device)
    factor = unit * _deviations(target, centre, height, unit, torch.ones_like(centre))
    if (endless := _unseen(target, centre, height, factor)) is not None:
        return endless
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


def _unseen(target: LogDensity[Tensor], centre: Tensor, height: Tensor, factor: Tensor) -> Tensor | None:
    """The factor with a direction along which no slope leads, and log p does not fall, for a column; None without one.

    Differences of slopes mix it with others where log p is no parabola, as of a softmax of free logits, to all of which
    any number may be added.
    """
    slopes = target.log_prob_and_score(torch.cat([centre + 0.1 * factor.T, centre - 0.1 * factor.T]))[1] @ factor
    if not bool(torch.isfinite(slopes).all()):
        return None
    _, sizes, axes = torch.linalg.svd(slopes)
    axis = factor @ axes[-1:].T
    axis = axis / axis.abs().max()
    if not sizes[-1] < UNSEEN * sizes[0] or _deviations(target, centre, height, axis, axis.new_ones(1)) < PROPER:
        return None
    return torch.where(axes[-1].abs() == axes[-1].abs().max(), PROPER * axis, factor)


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


def reach(target: LogDensity[Tensor], x: Tensor, rng: torch.Generator) -> Tensor:
    """How far from the highest of points x it is until log p drops by DROP, along axes and other lines."""
    values = target.log_prob(x)
    best = int(values.nan_to_num(nan=-math.inf).argmax())
    size = x.shape[1]
    lines = torch.cat([torch.eye(size).to(x), standard_normal((size, size), x, rng)], 1)[:, :LINES]
    return _deviations(target, x[best], values[best], lines / lines.norm(dim=0), torch.ones_like(lines[0]))


def _around(climbs: Climbs, modes: list[Mode]) -> Students:
    """Wide laws around the highest mode, as wide as climbs and modes lie apart, along the axes and in its own units.

    Along the axes they cover modes of any shape; in units of the mode a target that is turned, and has scales that
    differ much, of which a law along the axes hardly has a draw.
    """
    centre = modes[0].centre
    rows = torch.linspace(0, len(climbs.visited) - 1, min(len(climbs.visited), 2**16), device=centre.device).long()
    away = torch.cat([climbs.visited[rows], torch.stack([mode.centre for mode in modes])]) - centre
    plain = torch.eye(len(centre), dtype=centre.dtype, device=centre.device)
    factors = torch.cat([_spread(away, modes, units) for units in (plain, modes[0].factor)])
    ones = torch.ones_like(factors[:, 0, 0]) / len(factors)
    return Students(ones, centre.expand(len(factors), -1), factors, 2 * torch.ones_like(ones))


def _spread(away: Tensor, modes: list[Mode], units: Tensor) -> Tensor:
    """Factors of laws that are wide by each of SPREADS along every column of units, (levels, d, d)."""
    lengths = torch.linalg.solve(units, away.T).T.abs()
    within = torch.stack([torch.linalg.solve(units, mode.factor).square().sum(1).sqrt() for mode in modes]).amax(0)
    least = torch.maximum(2 * within, lengths[-len(modes) :].amax(0))
    levels = torch.tensor(SPREADS, dtype=away.dtype, device=away.device)
    found = torch.quantile(lengths[: -len(modes)], levels, dim=0)
    return units @ torch.diag_embed(torch.maximum(found, least))
