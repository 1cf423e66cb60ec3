"""Latitude and longitude: the globe, ranges, order of the columns."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
import torch

from unnoise._errors import InputError
from unnoise.data import Schema


def quakes(n: int = 50) -> pl.DataFrame:
    draws = np.random.default_rng(0)
    return pl.DataFrame({"lat": draws.uniform(-80, 80, n), "lon": draws.uniform(-180, 180, n)})


def test_places_go_to_the_globe_and_back() -> None:
    frame = quakes()
    schema = Schema.infer(frame, kinds={"lat,lon": "latlon"})
    x = schema.encode(frame).x
    torch.testing.assert_close(x.norm(dim=1), torch.ones(50))
    back = schema.decode(x)
    assert back.columns == ["lat", "lon"]
    np.testing.assert_allclose(back.to_numpy(), frame.to_numpy(), atol=1e-3)
    assert Schema.from_config(schema.to_config()) == schema
    assert list(schema.factors) == ["lat,lon"]


def test_longitudes_may_count_from_zero() -> None:
    frame = quakes().with_columns(pl.col("lon") + 180)
    schema = Schema.infer(frame, kinds={"lat,lon": "latlon"})
    np.testing.assert_allclose(schema.decode(schema.encode(frame).x).to_numpy(), frame.to_numpy(), atol=1e-3)


@pytest.mark.parametrize(
    ("frame", "kinds", "message"),
    [
        (
            quakes().select("lon", "lat"),
            {"lon,lat": "latlon"},
            "'lon' holds .* expected degrees from -90 to 90; name lat",
        ),
        (quakes().with_columns(pl.col("lat") * 10), {"lat,lon": "latlon"}, "expected degrees from -90 to 90; convert"),
        (
            quakes().with_columns(pl.col("lon") * 10),
            {"lat,lon": "latlon"},
            "expected degrees from -180 to 360; convert",
        ),
        (quakes(), {"lat": "latlon"}, "latlon takes two columns, latitude and longitude, but got 1"),
    ],
)
def test_what_is_no_place_is_refused(frame: pl.DataFrame, kinds: dict[str, str], message: str) -> None:
    with pytest.raises(InputError, match=message):
        Schema.infer(frame, kinds=kinds)
