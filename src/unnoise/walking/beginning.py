"""Where a walk begins: points with a density, and a first guess that covers the target."""

from __future__ import annotations

import math
from typing import Any

import torch

from unnoise import _tree
from unnoise._errors import InputError
from unnoise.laws import Law
from unnoise.spaces import Affine, Space
from unnoise.walking.asking import Asked
from unnoise.walking.functions import Differences, Tried
from unnoise.walking.keeping import Checkpoint
from unnoise.walking.scouting import PROPER, Mode, first_guess, reach, scattered
from unnoise.walking.wide import wide_law

TRIED = 64  # points a function is tried on, where climbs begin
MORE_TRIED = ((2**10, 1.0), (2**10, 1e3), (2**12, 1.0))  # where there is hardly a density, and how many times as far
FEWEST = 8  # of these points that must have a density, where no start is given
MOST_DIFFERENCES = 50  # dimensions in which slopes by differences are affordable


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
) -> tuple[Law[Any], list[Mode]]:
    """A law that covers the target, and its modes; of spaces that are not flat a law from all over, and none.

    Raises:
        InputError: a density that does not seem to be integrable, or is infinite somewhere.
    """
    if not flat:
        return wide_law(question.space), []
    if not sloped and first.shape[1] > MOST_DIFFERENCES:
        _check_proper(float(reach(target, first, rng).max()) < PROPER)
        return wide_law(question.space), []
    climbable = target if sloped else Differences(target)
    guess, modes = checkpoint.once("climbs", lambda: first_guess(climbable, first, rng), target)
    farthest = modes[0].centre.abs() + 3 * modes[0].factor.norm(dim=1)
    _check_proper(modes[0].reach < PROPER and not question.reaches_its_end(farthest))
    if any(not math.isfinite(mode.height) for mode in modes):
        raise InputError("the density is infinite somewhere; a log density must be finite where it is positive")
    return guess, modes


def _check_proper(proper: bool) -> None:
    if not proper:
        raise InputError(
            "the density does not seem to be integrable: along some line its logarithm does not fall by one half within"
            f" {PROPER:.0e}; add a prior, or give the bounds of its points as parameters, or points to start from "
            "where it is finite"
        )
