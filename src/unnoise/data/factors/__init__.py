"""Factors: how columns of the data become points of spaces. A new kind of data is one class here, and two lines."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from unnoise.data._checked import check
from unnoise.data.factors.angles import WHOLE_TURN
from unnoise.data.factors.angles import AngleFactor as AngleFactor
from unnoise.data.factors.base import Columns
from unnoise.data.factors.base import Factor as Factor
from unnoise.data.factors.discrete import CategoryFactor as CategoryFactor
from unnoise.data.factors.discrete import CountFactor as CountFactor
from unnoise.data.factors.discrete import OrderedFactor as OrderedFactor
from unnoise.data.factors.missing import MissingFactor as MissingFactor
from unnoise.data.factors.numbers import NumberFactor as NumberFactor
from unnoise.data.factors.places import PlaceFactor as PlaceFactor
from unnoise.data.factors.proportions import ProportionFactor as ProportionFactor
from unnoise.data.factors.resolved import ResolvedFactor as ResolvedFactor
from unnoise.data.factors.rotations import RotationFactor as RotationFactor
from unnoise.data.factors.sequences import SequenceFactor as SequenceFactor
from unnoise.data.factors.ties import TieFactor as TieFactor

_TOGETHER = (CategoryFactor, ResolvedFactor, CountFactor, AngleFactor)  # all columns of such a kind are one point
_APART = (OrderedFactor, PlaceFactor, RotationFactor, ProportionFactor, SequenceFactor)  # each declaration is a point
BY_DECLARATION: dict[str, Callable[[Columns], Factor]] = {factor.kind: factor.fit for factor in _APART}
BY_KIND: dict[str, Callable[[Columns], Factor]] = {
    **{factor.kind: factor.fit for factor in _TOGETHER},
    "degrees": partial(AngleFactor.fit, turn=360.0),
    "radians": partial(AngleFactor.fit, turn=WHOLE_TURN),
    **BY_DECLARATION,
}
JOINT = frozenset(factor.kind for factor in (*_TOGETHER, *_APART) if factor.joint)
ALIASES = {"binary": CategoryFactor.kind}


def from_config(config: Mapping[str, Any]) -> Factor:
    """The factor that `to_config` described.

    Args:
        config: with its `kind` and its fields, as `schema.json` of a model folder holds them; else InputError.

    >>> import numpy as np
    >>> factor = OrderedFactor.fit({"grade": np.array(["C", "A", "B"], dtype=object)})
    >>> from_config(factor.to_config()) == factor
    True
    """
    every: tuple[type[Factor], ...] = (NumberFactor, *_TOGETHER, *_APART, MissingFactor, TieFactor)
    classes = {factor.kind: factor for factor in every}
    kind = config.get("kind")
    check(kind in list(classes), "kind", kind, f"one of {', '.join(classes)}")
    return classes[str(kind)].from_config(config)
