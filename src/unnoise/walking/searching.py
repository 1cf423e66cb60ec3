r"""Where the real numbers and counts of a point have their mass, given its other parts, beside letters or on counts.

There are no climbs there, and a law that is as wide as all numbers are takes very many temperatures. So from some
points of it a search goes along one number after the other (Hooke, Jeeves 1961), by values alone.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from unnoise import _tree
from unnoise.laws import Independent, Law, LogDensity
from unnoise.laws.product import total
from unnoise.spaces import Space
from unnoise.walking.packing import kept
from unnoise.walking.wide import WideCounts, WideNumbers

POINTS, MOST_NUMBERS = 64, 256  # from which searches begin; numbers of a point, above which they cost too much
SWEEPS, SAME, QUIET = 200, 1e-3, 10  # over all numbers; nats by which a point is no better, in so many sweeps
DROP, LENGTHS = 0.5, 80  # of log p at a deviation; lengths that are tried for it
SMALLEST, GREATEST = 1e-12, 1e12  # deviations
FAR = 1e15  # deviations, where a density has fallen faster than one that has no integral
ALIKE = 1.5  # ratio of widths, up to which places that lie together are one
AT_ONCE = 2**16  # numbers of points beside all places, which stay in the cache
MOST = 2.0**53  # count, above which floating point skips some


@dataclass(frozen=True)
class Numbers:
    """The real numbers and counts of points of a space, side by side.

    Args:
        space: on which the points live.
    """

    space: Space[Any, Any]

    @property
    def kinds(self) -> tuple[Tensor, Tensor]:
        """Which numbers of a point are walked on, (numbers,), and which of these are counts, (k,)."""
        real, whole = self.space.numbers()
        return real | whole, whole[real | whole]

    def of(self, x: Any) -> Tensor:
        """(n, k), in double precision."""
        return _tree.ravel(_tree.map(Tensor.double, x))[:, self.kinds[0]]

    def put(self, x: Any, numbers: Tensor) -> Any:
        """The points with others, (n, k)."""
        flat = _tree.ravel(_tree.map(Tensor.double, x)).clone()
        flat[:, self.kinds[0]] = numbers
        return _tree.map(lambda new, old: new.to(old.dtype), _tree.unravel(flat, x), x)


@kept
@dataclass(frozen=True)
class Places:
    """Where numbers have their mass, given what stood beside them.

    Attributes:
        centres: the highest places, (m, k).
        widths: how far it is along each number until log p drops by one half, (m, k).
        weights: about the mass of each, (m,), of sum 1; half of it is the same for all.
    """

    centres: Tensor
    widths: Tensor
    weights: Tensor

    def merged(self) -> Places:
        """One of all that lie within a width of it, which is about theirs, with the weights of all."""
        left, rows, weights = torch.ones_like(self.weights, dtype=torch.bool), [], []
        while bool(left.any()):
            best = int(torch.where(left, self.weights, -1.0).argmax())
            centre, width = self.centres[best], self.widths[best]
            near = ((self.centres - centre).abs() < width) & ((self.widths / width).log().abs() < math.log(ALIKE))
            same = left & near.all(1)
            rows.append(best)
            weights.append(self.weights[same].sum())
            left &= ~same
        return Places(self.centres[rows], self.widths[rows], torch.stack(weights))


@dataclass(frozen=True)
class NearPlaces(Law[Any]):
    r"""By half a wide law; by half its numbers are Cauchy's around places, each number by itself.

    A count n gets Cauchy's chance of $[n - \frac12, n + \frac12]$ over that of all counts.

    Args:
        wide: the law of the space.
        numbers: of its points.
        places: where.
    """

    wide: Law[Any]
    numbers: Numbers
    places: Places

    def sample(self, rng: torch.Generator, shape: tuple[int, ...] = ()) -> Any:
        """Draw (*shape, *event)."""
        x = self.wide.sample(rng, shape)
        (n,), whole = shape, self.numbers.kinds[1]
        part = torch.multinomial(self.places.weights, n, replacement=True, generator=rng)
        centre, width = self.places.centres[part], self.places.widths[part]
        least = torch.where(whole, _below_zero(centre, width), 0.0)
        uniform = torch.rand(centre.shape, generator=rng, dtype=torch.float64)
        near = centre + width * torch.tan(math.pi * (least + (1 - least) * uniform - 0.5))
        near = torch.where(whole, near.round().clamp(0, MOST), near)
        wide = torch.rand((n, 1), generator=rng) < 0.5
        return self.numbers.put(x, torch.where(wide, self.numbers.of(x), near))

    def log_prob(self, x: Any) -> Tensor:
        """In nats."""
        others, wide = _apart(self.wide, x)
        return others + torch.logaddexp(wide, self._near(self.numbers.of(x))) - math.log(2)

    def _near(self, x: Tensor) -> Tensor:
        """The log density of numbers (n, k) around places."""
        (centres, widths), whole = (self.places.centres, self.places.widths), self.numbers.kinds[1]
        heights = self.places.weights.log() - centres.shape[1] * math.log(math.pi)
        heights = heights - widths[:, ~whole].log().sum(1)
        heights = heights - torch.log1p(-_below_zero(centres, widths)[:, whole]).sum(1)
        real, counts = ((centres[:, some], widths[:, some]) for some in (~whole, whole))

        def each(numbers: Tensor, count: Tensor) -> Tensor:
            found = heights
            if numbers.shape[1]:
                found = found - torch.log1p(((numbers[:, None] - real[0]) / real[1]).square()).sum(-1)
            if count.shape[1]:
                squared = counts[1].square() + (count[:, None] - counts[0]).square() - 0.25
                found = found + torch.atan2(counts[1], squared).log().sum(-1)
            return torch.logsumexp(found, -1)

        rows = max(1, AT_ONCE // centres.numel())
        pieces = zip(torch.split(x[:, ~whole], rows), torch.split(x[:, whole], rows), strict=True)
        return torch.cat([each(*piece) for piece in pieces])


@torch.no_grad()
def searched(target: LogDensity[Any], x: Any, numbers: Numbers) -> Places:
    """Places where searches from points x, (n, *event), end; whatever is no number stays.

    Each goes on along a number as long as it rises, by steps that double, and turns with half of the step.
    """
    x = _tree.map(lambda leaf: leaf[:POINTS], x)
    whole, at, height = numbers.kinds[1], numbers.of(x), target.log_prob(x)
    steps = (0.5 * at.abs()).clamp(min=1.0)
    heights_so_far = [height]
    for _ in range(SWEEPS):
        for k in range(at.shape[1]):
            there, heights = _tried(target, x, numbers, at, k, steps[:, k])
            best = heights.argmax(0, keepdim=True)
            better = heights.gather(0, best)[0] > height
            at[:, k] = torch.where(better, there.gather(0, best)[0], at[:, k])
            height = torch.where(better, heights.gather(0, best)[0], height)
            steps[:, k] = (steps[:, k] * torch.where(better, 2.0, 0.5)).clamp(1.0 if whole[k] else SMALLEST, MOST)
        heights_so_far.append(height)
        if len(heights_so_far) > QUIET and bool((height - heights_so_far[-1 - QUIET] < SAME).all()):
            break
    widths = torch.stack([_width(target, x, numbers, at, k, height) for k in range(at.shape[1])], 1)
    mass = torch.softmax(height + widths.log().sum(1), 0)
    return Places(at, widths, 0.5 * mass + 0.5 / len(mass))


@torch.no_grad()
def falls_along(target: LogDensity[Any], x: Any, numbers: Numbers, places: Places) -> bool:
    r"""Whether log p falls by more than $\log r$ at r deviations from all places, far along every number.

    Args:
        target: as of `searched`.
        x: from which it searched.
        numbers: of these.
        places: that it found.
    """
    x = _tree.map(lambda leaf: leaf[:POINTS], x)
    at, height = places.centres, target.log_prob(numbers.put(x, places.centres))
    for k, width in enumerate(places.widths.T):
        length = FAR * width
        length = torch.minimum(length, MOST - at[:, k]) if numbers.kinds[1][k] else length
        far = _tried(target, x, numbers, at, k, length)[1]
        if not bool((height - far > (length / width).log()).all()):
            return False
    return True


def _tried(
    target: LogDensity[Any], x: Any, numbers: Numbers, at: Tensor, k: int, length: Tensor
) -> tuple[Tensor, Tensor]:
    """Number k so far above and below, (2, n), and the heights there; below zero no count is."""
    there, whole = torch.stack([at[:, k] + length, at[:, k] - length]), bool(numbers.kinds[1][k])
    there = there.round().clamp(max=MOST) if whole else there
    outside = (there < 0) & whole
    points = at.repeat(2, 1)
    points[:, k] = torch.where(outside, at[:, k], there).flatten()
    both = numbers.put(_tree.map(lambda leaf: torch.cat([leaf, leaf]), x), points)
    return there, torch.where(outside, -math.inf, target.log_prob(both).reshape(2, -1))


def _width(target: LogDensity[Any], x: Any, numbers: Numbers, at: Tensor, k: int, height: Tensor) -> Tensor:
    """How far it is along number k until log p drops by DROP, on the farther side, (n,)."""
    length = torch.ones_like(height)
    near, far = torch.zeros_like(length), torch.full_like(length, math.inf)
    for _ in range(LENGTHS):
        inside = (_tried(target, x, numbers, at, k, length)[1] > height - DROP).any(0)
        near, far = torch.where(inside, length, near), torch.where(inside, far, length)
        between = torch.where(near == 0, length / 3, (near * far).sqrt())
        length = torch.where(far.isinf(), 3 * length, between)
        if bool(((far < 1.3 * near) | (length > GREATEST) | (length < SMALLEST)).all()):
            break
    return length.clamp(0.5 if numbers.kinds[1][k] else SMALLEST, GREATEST)


def _below_zero(centre: Tensor, width: Tensor) -> Tensor:
    """Cauchy's chance of what rounds to less than zero."""
    return 0.5 - torch.atan((centre + 0.5) / width) / math.pi


def _apart(law: Law[Any], x: Any) -> tuple[Tensor, Tensor]:
    """The log densities of all other factors, and of those that are numbers, by a law that is wide in each of them."""
    if isinstance(law, Independent):
        both = [_apart(part, x[name]) for name, part in law.parts.items()]
        return total(other for other, _ in both), total(numbers for _, numbers in both)
    value = law.log_prob(x)
    none = torch.zeros_like(value)
    return (none, value) if isinstance(law, WideNumbers | WideCounts) else (value, none)
