"""Columns that are others in another unit are found, to rounding, and others are not."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from unnoise.data import Schema
from unnoise.data._lines import lines
from unnoise.data.offering import offered_by

rng = np.random.default_rng(0)
KILOS = rng.normal(70, 9, 300).round(1)


@pytest.mark.parametrize(
    ("made", "line"),
    [
        (KILOS * 1.8 + 32, (1.8, 32.0)),
        ((KILOS * 2.2046).round(1), (2.2046, 0.0)),
        ((KILOS * 2.2046).round(0), (2.2046, 0.0)),
        (100 - KILOS, (-1.0, 100.0)),
        ((KILOS * 1000).round().astype(np.int64), (1000.0, 0.0)),
        (KILOS, None),  # which a constraint keeps
        (KILOS + 5, None),
        ((KILOS * 2.2046).round(1) + 2 * (np.arange(300) == 7), None),  # but for one row
        (KILOS * 2.2046 + rng.normal(0, 0.2, 300), None),
        (KILOS**2, None),
        ((KILOS > 70) * 2.0, None),
        (KILOS * 1e306, None),
        (KILOS * 1e-200, (1e-200, 0.0)),
    ],
)
def test_what_follows_by_a_line_is_found(made: np.ndarray, line: tuple[float, float] | None) -> None:
    found = lines({"x": KILOS, "y": made})
    assert len(found) == (line is not None)
    if line is not None:
        (y, x, slope, intercept) = found[0]
        assert (y, x) == ("y", "x")
        assert slope == pytest.approx(line[0], rel=1e-3)
        assert intercept == pytest.approx(line[1], abs=0.02)


def test_holes_of_the_source_are_none_of_what_follows() -> None:
    there = np.arange(300) % 5 > 0
    held = [value if one else None for value, one in zip((2 * KILOS).tolist(), there.tolist(), strict=True)]
    full, holed = pl.DataFrame({"x": KILOS, "y": held}), pl.DataFrame({"x": held, "y": KILOS})
    for frame, target, source in ((full, "y", "x"), (holed, "x", "y")):
        (found,) = lines(Schema.infer(frame).container.split(frame))
        assert found == (target, source, pytest.approx(2.0), 0.0)
    some = np.arange(300) % 7 > 0
    both = {"x": pl.Series(held), "y": pl.Series(np.where(some, KILOS, np.nan)).fill_nan(None)}
    assert lines(Schema.infer(pl.DataFrame(both)).container.split(pl.DataFrame(both))) == []  # neither has all


def test_it_is_said() -> None:
    frame = pl.DataFrame({"c": KILOS, "f": KILOS * 1.8 + 32})
    assert offered_by(Schema.infer(frame), frame) == [
        "f is 1.8 times c + 32 in all rows, to rounding, and only roughly in new ones: leave it out, and compute it "
        "from c"
    ]
