"""Where a walk begins: points with a density, and a first guess that covers the target."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from unnoise import _tree
from unnoise._errors import InputError
from unnoise.chains import blocks_of
from unnoise.laws import Law
from unnoise.spaces import Affine, FiniteSites, Space
from unnoise.walking.asking import Asked
from unnoise.walking.functions import MOST_DIFFERENCES, Differences, Tried
from unnoise.walking.keeping import Checkpoint
from unnoise.walking.scouting import PROPER, Mode, first_guess, reach, scattered
from unnoise.walking.searching import MOST_NUMBERS, NearPlaces, Numbers, falls_along, searched
from unnoise.walking.tails import falls, heavy_directions
from unnoise.walking.wide import wide_law

TRIED = 64  # points a function is tried on, where climbs begin
MORE_TRIED = ((2**10, 1.0), (2**10, 1e3), (2**12, 1.0))  # where there is hardly a density, and how many times as far
FLAT = f"along some line its logarithm does not fall by one half within {PROPER:.0e}"
WIDE = "change its units, if it is that wide"
FALLEN = 0.5  # of its highest value, below which a positive function falls
SHALLOW = "far out its logarithm does not go on falling"
HELD = "leave out what holds it, such as a small number that is added within a logarithm, or "
COARSE = 0.5  # nats between a log density and the next number
FEWEST = 8  # of these points that must have a density, where no start is given
ASKED, MOST_BLOCKS = 4, 16  # points by which it is told which sites see which; blocks that cost less than they give


def is_flat(space: Space[Any, Any]) -> bool:
    """Whether points are vectors, on which climbs and mixtures work."""
    return isinstance(space, Affine) and len(space.event_shape) == 1


def first_points(question: Asked, n: int, rng: torch.Generator) -> Any:
    """Points to try the density on, in float64; climbs start there."""
    space = question.space
    if is_flat(space):
        return question.near(scattered(n, space.event_shape[0], rng))
    return wide_law(space).sample(rng, (n,))


def somewhere(target: Tried, first: Any, question: Asked, fewest: int, rng: torch.Generator) -> Any:
    """First points, most of which have a density: others are drawn, ever more and ever farther, until some have one."""
    good = torch.isfinite(target.log_prob(first))
    tried = len(good)
    found = [_tree.map(lambda leaf: leaf[good], first)]
    enough = len(good) // 2
    for count, farther in MORE_TRIED:
        if sum(map(_tree.length, found)) >= enough:
            break
        more = first_points(question, count, rng)
        more = _tree.map(lambda leaf: farther * leaf, more) if is_flat(question.space) else more  # noqa: B023
        good = torch.isfinite(target.log_prob(more))
        tried += count
        found.append(_tree.map(lambda leaf: leaf[good][:enough], more))  # noqa: B023
    points = _tree.concatenate(found)
    if (count := _tree.length(points)) < fewest:
        if target.refused == target.evaluations:
            raise InputError(
                f"the log density is NaN or plus infinity at all of {tried:,} points that were tried; expected finite "
                "values: try it on one point"
            )
        few = f"more than {count}" if count else "any"
        raise InputError(
            f"the log density is not finite at {few} of {tried:,} points that were tried; give the bounds "
            "of its points as parameters, or points to start from where it is finite"
        )
    return points


def guessed(
    target: Tried, question: Asked, first: Any, flat: bool, sloped: bool, rng: torch.Generator, checkpoint: Checkpoint
) -> tuple[Law[Any], list[Mode], float | None]:
    """A law that covers the target, its modes, and the share of climbs that were in vain.

    Of spaces that are not flat a law from all over, and near where a search finds their numbers, and no modes; None
    where there are no climbs.

    Raises:
        InputError: a density that does not seem to be integrable, or is infinite somewhere.
    """
    if not flat:
        return _with_numbers(target, wide_law(question.space), first, checkpoint), [], None
    if not sloped and first.shape[1] > MOST_DIFFERENCES:
        _check_proper(target, first, float(reach(target, first, rng).max()) < PROPER, FLAT)
        return wide_law(question.space), [], None
    values = target.log_prob(first)
    top = float(values.nan_to_num(nan=-math.inf).max())
    if int((values == top).sum()) > len(values) // 4:  # which rounding makes equal
        _check_precise(values, top)
    climbable = target if sloped else Differences(target)

    def once(name: str, compute: Callable[[], Any]) -> Any:
        return checkpoint.once(f"climbs/{name}", compute, target)

    guess, modes, vain = checkpoint.once("climbs", lambda: first_guess(climbable, first, rng, once), target)
    farthest = modes[0].centre.abs() + 3 * modes[0].factor.norm(dim=1)
    _check_proper(target, first, modes[0].reach < PROPER and not question.reaches_its_end(farthest), FLAT)
    if any(not math.isfinite(mode.height) for mode in modes):
        raise InputError("the density is infinite somewhere; a log density must be finite where it is positive")
    _check_proper(target, first, falls(target, modes[0]), SHALLOW)
    _check_precise(values, modes[0].height)
    return guess, modes, vain


def stretched(target: Tried, modes: list[Mode], sloped: bool) -> tuple[Tensor, Tensor, Tensor] | None:
    """The highest mode, and directions and coordinates along which tails are powers; None of light ones, or unknown."""
    found = heavy_directions(target if sloped else Differences(target), modes[0]) if modes else None
    return None if found is None else (modes[0].centre, *found)


def apart(target: Tried, first: Any) -> tuple[tuple[int, ...], ...]:
    """Blocks of sites that do not see each other, on a finite space; none elsewhere."""
    return blocks_of(target, first[:ASKED], MOST_BLOCKS) if isinstance(target.space, FiniteSites) else ()


def _with_numbers(target: Tried, wide: Law[Any], first: Any, checkpoint: Checkpoint) -> Law[Any]:
    """A wide law that covers, by half, where real numbers and counts have their mass, if there are some, not many."""
    numbers = Numbers(target.space)
    if not 0 < int(numbers.kinds[0].sum()) <= MOST_NUMBERS:
        return wide
    places = checkpoint.once("searches", lambda: searched(target, first, numbers), target)
    if not bool((places.widths < PROPER).all()):
        raise InputError(f"the density does not seem to be integrable: {FLAT}; add a prior")
    if not falls_along(target, first, numbers, places):
        raise InputError(f"the density does not seem to be integrable: {SHALLOW}; add a prior")
    return NearPlaces(wide, numbers, places.merged())


def _check_proper(target: Tried, first: Tensor, proper: bool, why: str) -> None:
    if proper:
        return
    values, lengths = target.log_prob(first), first.norm(dim=1)
    todo = "add a prior, or give the bounds of its points as parameters, or points to start from where it is finite"
    todo = HELD + todo if why == SHALLOW else f"{WIDE}, or {todo}"
    if bool((values >= 0).all()):
        if float(values[lengths.argmax()]) > float(values[lengths.argmin()]):
            todo = "it rises far out, as an energy does: return minus the energy"
        elif float(values.min()) < FALLEN * float(values.max()):
            todo = "it is positive and falls to zero, as a density itself does: return its logarithm"
    raise InputError(f"the density does not seem to be integrable: {why}; {todo}")


def _check_precise(values: Tensor, height: float) -> None:
    """Raise InputError where a log density is so large that rounding hides its differences."""
    finite = values[values.isfinite()]
    single = torch.equal(finite.float().double(), finite.double())
    apart = abs(height) * torch.finfo(torch.float32 if single else torch.float64).eps
    if apart > COARSE:
        raise InputError(
            f"the log density is about {height:.3g} in {'single' if single else 'double'} precision, where numbers are "
            f"{apart:.2g} apart: leave out its constant{', or compute it in double precision' if single else ''}"
        )
