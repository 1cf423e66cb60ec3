"""What the sampler of exported numbers and images has to know."""

from __future__ import annotations

import math
from typing import Any

from unnoise._errors import InputError
from unnoise.data import Schema
from unnoise.data.factors import NumberFactor
from unnoise.data.kinds import Integer, Real
from unnoise.denoisers import Denoiser
from unnoise.processes import Gaussian
from unnoise.samplers.base import default_batch_size

MOST_EXACT = 2**53


def only_factor(denoiser: Denoiser, schema: Schema) -> NumberFactor:
    """The one factor of a model that can be exported."""
    factors = list(schema.factors.values())
    numbers = len(factors) == 1 and isinstance(factors[0], NumberFactor)
    gaussian = isinstance(denoiser.process, Gaussian)
    missing = bool(schema.missing or schema.chart or schema.constants)
    if not (numbers and gaussian) or missing:
        noise = f"numbers under {type(denoiser.process).__name__}" if numbers else schema.kinds
        has = "missing values, constraints or constant columns" if numbers and gaussian else noise
        raise InputError(
            f"got a model with {has}; expected numbers (kind real or integer) or images under Gaussian noise, or a "
            "table of numbers and levels: only their samplers can be written with torch alone; use 'unnoise sample'"
        )
    factor = factors[0]
    if not isinstance(factor, NumberFactor) or not all(isinstance(kind, Real | Integer) for kind in factor.coordinates):
        raise InputError("got columns of a kind that has no plain formula; expected kinds real and integer")
    if any(max(-kind.low, kind.high) > MOST_EXACT for kind in factor.coordinates if isinstance(kind, Integer)):
        raise InputError("got whole numbers beyond 2**53; expected smaller ones, which float64 holds exactly")
    return factor


def of_data(factor: NumberFactor) -> dict[str, Any]:
    """How states become numbers in the units of the data: one entry a column, or one for all of a block."""
    kinds = factor.coordinates
    columns = factor.columns if not factor.block else [f"x{i}" for i in range(math.prod(factor.block))]
    return {
        "shape": list(factor.event_shape),
        "batch": default_batch_size(factor.event_shape),
        "columns": list(columns),
        "mean": [kind.mean for kind in kinds],
        "scale": [kind.scale for kind in kinds],
        "whole": [isinstance(kind, Integer) for kind in kinds],
        "low": [kind.low if isinstance(kind, Integer) else 0 for kind in kinds],
        "high": [kind.high if isinstance(kind, Integer) else 0 for kind in kinds],
    }
