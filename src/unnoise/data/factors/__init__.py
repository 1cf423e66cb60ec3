"""Factors: how columns of the data become points of spaces. A new kind of data is one file here, and two lines."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from unnoise.data.factors.angles import WHOLE_TURN
from unnoise.data.factors.angles import AngleFactor as AngleFactor
from unnoise.data.factors.base import Columns
from unnoise.data.factors.base import Factor as Factor
from unnoise.data.factors.categories import CategoryFactor as CategoryFactor
from unnoise.data.factors.categories import OrderedFactor as OrderedFactor
from unnoise.data.factors.counts import CountFactor as CountFactor
from unnoise.data.factors.numbers import NumberFactor as NumberFactor
from unnoise.data.factors.places import PlaceFactor as PlaceFactor
from unnoise.data.factors.proportions import ProportionFactor as ProportionFactor
from unnoise.data.factors.rotations import RotationFactor as RotationFactor
from unnoise.data.factors.sequences import SequenceFactor as SequenceFactor

Fit = Callable[[Columns], Factor]

CLASSES: tuple[type[Factor], ...] = (
    NumberFactor,
    CategoryFactor,
    OrderedFactor,
    CountFactor,
    AngleFactor,
    PlaceFactor,
    RotationFactor,
    ProportionFactor,
    SequenceFactor,
)
# All columns of one of these kinds together are one point ...
TOGETHER: dict[str, Fit] = {
    CategoryFactor.kind: CategoryFactor.fit,
    CountFactor.kind: CountFactor.fit,
    AngleFactor.kind: AngleFactor.fit,
    "degrees": partial(AngleFactor.fit, turn=360.0),
    "radians": partial(AngleFactor.fit, turn=WHOLE_TURN),
}
# ... and of one of these, the columns of each declaration.
BY_DECLARATION: dict[str, Fit] = {
    OrderedFactor.kind: OrderedFactor.fit,
    PlaceFactor.kind: PlaceFactor.fit,
    RotationFactor.kind: RotationFactor.fit,
    ProportionFactor.kind: ProportionFactor.fit,
    SequenceFactor.kind: SequenceFactor.fit,
}
BY_KIND = TOGETHER | BY_DECLARATION
ALIASES = {"binary": CategoryFactor.kind}


def from_config(config: Mapping[str, Any]) -> Factor:
    """The factor that `to_config` described."""
    return {factor.kind: factor for factor in CLASSES}[config["kind"]].from_config(config)
