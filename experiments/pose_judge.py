"""How good draws of rotations are, given a view: how far they are from the truth, and whether they find all of it."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from experiments.solids import Solid

REACH = 20.0  # degrees from a mode, within which a draw visits it
LEAST_SHARE = 1 / 3  # of what a mode should get
MOST_ASTRAY = 0.05  # of draws, farther than that from every mode
DRAWN = 50  # draws, whose pictures are drawn


def angles(draws: Tensor, truths: Tensor) -> Tensor:
    """Angles (k, g) in degrees between rotations (k, 3, 3) and (g, 3, 3)."""
    cosine = (draws.double().flatten(1) @ truths.double().flatten(1).T - 1) / 2
    return torch.rad2deg(torch.arccos(cosine.clamp(-1, 1)))


def visits_all(found: Tensor) -> bool:
    """Whether draws, of angles (k, modes) to all modes, visit each, and little else.

    Every mode must be the nearest, within 20 degrees, of a third of its share of the draws, and at most 5 % of the
    draws may be farther than that from all.

    >>> visits_all(torch.tensor([[3.0, 90.0], [90.0, 2.0]])), visits_all(torch.tensor([[3.0, 90.0], [2.0, 90.0]]))
    (True, False)
    """
    distance, mode = found.min(1)
    near = distance <= REACH
    counts = torch.bincount(mode[near], minlength=found.shape[1])
    enough = bool((counts >= LEAST_SHARE * len(found) / found.shape[1]).all())
    return enough and float(near.double().mean()) >= 1 - MOST_ASTRAY


@dataclass
class Tally:
    """What is known of the views of one solid, row after row."""

    spread: list[float]
    astray: list[float]
    right_modes: list[float]
    hidden_kept: list[float]

    @classmethod
    def of(cls, solid: Solid, rotations: Tensor, draws: Tensor, cameras: Tensor) -> Tally:
        """Judge draws (n, k, 3, 3) for views of these rotations, (n, 3, 3), by cameras (c, 3, 3).

        Spread is the mean angle to the nearest rotation of the same picture; NaN where those fill a region (of a sphere
        whose mark is hidden), and astray the share of draws that are farther than 20 degrees from it. Modes are judged
        of solids with finitely many. Of views that hide the mark, the share of
        draws that hide it too.
        """
        spread, astray, right, kept = [], [], [], []
        shown = solid.shows(rotations, cameras) if solid.marks else torch.zeros(len(rotations))
        for rotation, drawn, shows in zip(rotations, draws, shown.tolist(), strict=True):
            truths = rotation[None] if shows else solid.equivalent(rotation, cameras)
            found = angles(drawn, truths) if len(truths) else None
            nearest = torch.full((1,), math.nan) if found is None else found.amin(1)
            spread.append(float(nearest.mean()))
            astray.append(math.nan if found is None else float((nearest > REACH).double().mean()))
            if solid.finite and not solid.marks and found is not None:
                right.append(float(visits_all(found)))
            if solid.marks and not shows:
                kept.append(1 - float(solid.shows(drawn[:DRAWN], cameras).double().mean()))
        return cls(spread, astray, right, kept)


def mean(values: list[float] | Tensor) -> float:
    """Of those that are numbers; NaN of none."""
    return float(torch.as_tensor(values, dtype=torch.float64).nanmean())


def standard_error(values: list[float] | Tensor) -> float:
    """Of that mean."""
    known = torch.as_tensor(values, dtype=torch.float64)
    known = known[~known.isnan()]
    return float(known.std() / len(known) ** 0.5)
