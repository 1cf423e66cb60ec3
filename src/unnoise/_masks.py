"""Masked arrays of NumPy, whose masks `numpy.asarray` drops without a word."""

from __future__ import annotations

from typing import Any

import numpy as np


def unmasked(values: Any) -> Any:
    """NaN in the place of what is masked, in float64; anything else as it is.

    >>> unmasked(np.ma.masked_array([1, 2], mask=[False, True]))
    array([ 1., nan])
    """
    return np.ma.filled(values.astype(np.float64), np.nan) if isinstance(values, np.ma.MaskedArray) else values
