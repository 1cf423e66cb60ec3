"""Factors: how columns of the data become points of spaces. A new kind of data is one file here, and a line below."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from unnoise.data.factors.angles import AngleFactor as AngleFactor
from unnoise.data.factors.angles import DegreesFactor, RadiansFactor
from unnoise.data.factors.base import Factor as Factor
from unnoise.data.factors.categories import CategoryFactor as CategoryFactor
from unnoise.data.factors.categories import OrderedFactor as OrderedFactor
from unnoise.data.factors.counts import CountFactor as CountFactor
from unnoise.data.factors.numbers import NumberFactor as NumberFactor
from unnoise.data.factors.places import PlaceFactor as PlaceFactor
from unnoise.data.factors.proportions import ProportionFactor as ProportionFactor
from unnoise.data.factors.rotations import RotationFactor as RotationFactor
from unnoise.data.factors.sequences import SequenceFactor as SequenceFactor

# All columns of one of these kinds together are one point ...
TOGETHER: tuple[type[Factor], ...] = (CategoryFactor, CountFactor, AngleFactor, DegreesFactor, RadiansFactor)
# ... and of one of these, the columns of each declaration.
BY_DECLARATION: tuple[type[Factor], ...] = (
    OrderedFactor,
    PlaceFactor,
    RotationFactor,
    ProportionFactor,
    SequenceFactor,
)
BY_KIND: dict[str, type[Factor]] = {factor.kind: factor for factor in (*TOGETHER, *BY_DECLARATION)}
ALIASES = {"binary": CategoryFactor.kind}


def from_config(config: Mapping[str, Any]) -> Factor:
    """The factor that `to_config` described."""
    known: dict[str, type[Factor]] = {**BY_KIND, NumberFactor.kind: NumberFactor}
    return known[config["kind"]].from_config(config)
