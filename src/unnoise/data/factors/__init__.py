"""Factors: how columns of the data become points of spaces. A new kind of data is one file here, and a line below."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from unnoise.data.factors.angles import Angles, Degrees, Radians
from unnoise.data.factors.base import Factor as Factor
from unnoise.data.factors.counts import Tallies
from unnoise.data.factors.levels import Levels as Levels
from unnoise.data.factors.levels import Ordered as Ordered
from unnoise.data.factors.numbers import Numbers as Numbers
from unnoise.data.factors.places import Places
from unnoise.data.factors.proportions import Proportions
from unnoise.data.factors.rotations import Orientations
from unnoise.data.factors.tokens import Tokens

POOLED: tuple[type[Factor], ...] = (Levels, Tallies, Angles, Degrees, Radians)  # all columns make one point
APART: tuple[type[Factor], ...] = (Ordered, Places, Orientations, Proportions, Tokens)  # one point for each declaration
BY_KIND: dict[str, type[Factor]] = {factor.kind: factor for factor in (*POOLED, *APART)}
ALIASES = {"binary": Levels.kind}


def from_config(config: Mapping[str, Any]) -> Factor:
    """The factor that `to_config` described."""
    known: dict[str, type[Factor]] = {**BY_KIND, Numbers.kind: Numbers}
    return known[config["kind"]].from_config(config)
