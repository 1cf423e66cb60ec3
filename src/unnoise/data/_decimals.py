"""Numbers of few decimals as whole steps, in which sums and differences are exact."""

from __future__ import annotations

import numpy as np

from unnoise.data._numerics import Values

MOST_DECIMALS = 6
_EXACT = 2**53


def decimals_of(*columns: Values) -> int | None:
    """The fewest decimals that all numbers of these columns have; None for real numbers."""
    found = 0
    for values in columns:
        if values.dtype.kind != "f":
            continue
        numbers = values.astype(np.float64)
        most = float(np.abs(numbers).max(initial=0.0))
        for decimals in range(found, MOST_DECIMALS + 1):
            scale = 10**decimals
            if most * scale >= _EXACT:
                return None
            if np.array_equal((np.rint(numbers * scale) / scale).astype(values.dtype), values):
                found = decimals
                break
        else:
            return None
    return found


def ticks(values: Values, decimals: int) -> Values:
    """Numbers in whole steps of the last decimal, int64, or uint64 as they are."""
    if values.dtype.kind == "f":
        steps = np.clip(np.rint(values.astype(np.float64) * 10**decimals), -(2.0**62), 2.0**62)
        return np.asarray(steps.astype(np.int64))
    held = values if values.dtype == np.uint64 and not decimals else values.astype(np.int64)
    scaled: Values = held * 10**decimals if decimals else held
    return scaled
