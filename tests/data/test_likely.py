"""Places, angles, ids and codes that nobody declared: what looks like them, and what does not."""

from __future__ import annotations

import math

import numpy as np
import polars as pl
import pytest

from unnoise.data import Schema
from unnoise.data._likely import likely
from unnoise.data.offering import offered_by

RNG = np.random.default_rng(0)
TURN = np.linspace(-179.9, 179.9, 300)
HALF = RNG.permutation(TURN) / 2.001


@pytest.mark.parametrize(
    ("latitude", "longitude"),
    [
        ("lat", "lon"),
        ("Latitude", "Longitude"),
        ("LAT", "LONG"),
        ("pickup_latitude", "pickup_longitude"),
        ("startLat", "startLng"),
        ("lat (deg)", "lon (deg)"),
        ("GPSLat", "GPSLon"),
        ("lat.", "lng."),
        ("latitud", "longitud"),
        ("Breitengrad", "La\u0308ngengrad"),
        ("geografische Breite", "geografische L\u00e4nge"),
        ("geo_breite", "geo_laenge"),
        ("\u7def\u5ea6", "\u7d4c\u5ea6"),
    ],
)
def test_names_of_places_are_seen(latitude: str, longitude: str) -> None:
    expected = [((latitude, longitude), "latlon", "places on the globe")]
    assert likely({latitude: HALF, "other": HALF, longitude: TURN}) == expected
    assert likely({longitude: TURN + 180, latitude: HALF}) == expected


def test_two_places_are_told_apart() -> None:
    found = likely({"from_lat": HALF, "to_lat": HALF, "to_lon": TURN, "from_lon": TURN})
    assert [columns for columns, *_ in found] == [("from_lat", "from_lon"), ("to_lat", "to_lon")]


def test_metres_and_lengths_are_no_places() -> None:
    assert likely({"lat": 5_000 + HALF, "lon": 300 + TURN / 9}) == []
    assert likely({"long": TURN / 9, "short": HALF}) == []
    assert likely({"Breite": HALF, "L\u00e4nge": TURN / 9}) == []  # of things
    assert likely({"from_lat": HALF, "to_lon": TURN / 9}) == []


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (TURN, "degrees"),
        (TURN + 180, "degrees"),
        (np.radians(TURN), "radians"),
        (np.radians(TURN) + math.pi, "radians"),
    ],
)
def test_angles_are_seen_with_their_unit(values: np.ndarray[tuple[int], np.dtype[np.float64]], kind: str) -> None:
    assert likely({"phi": values, "a": HALF, "psi": values}) == [(("phi", "psi"), kind, f"angles in {kind}")]


def test_numbers_that_fill_a_turn_of_degrees_need_no_name() -> None:
    assert likely({"x3": TURN}) == [(("x3",), "degrees", "angles in degrees")]
    assert likely({"x3": np.radians(TURN)}) == []  # which normal numbers may look like
    assert likely({"x3": TURN[::2]}) == []  # few
    assert likely({"x3": TURN * 0.95}) == []


def test_a_name_alone_makes_no_angle() -> None:
    assert likely({"alpha": HALF / 90, "beta": TURN * 1.1, "direction": TURN / 2}) == []


def test_a_table_says_how_to_model_them_until_it_does() -> None:
    table = pl.DataFrame(
        {
            "lat": HALF,
            "lon": TURN,
            "wind dir": np.where(np.arange(300) % 7 == 0, np.nan, 180 - TURN[::-1][RNG.permutation(300)]),
        }
    )
    assert offered_by(Schema.infer(table), table) == [
        "columns 'lat', 'lon' look like places on the globe: model them so by a network, with --column lat,lon=latlon",
        "column 'wind dir' looks like angles in degrees: model it so with --column 'wind dir=degrees'",
    ]
    kinds = {"lat,lon": "latlon", "wind dir": "degrees"}
    assert offered_by(Schema.infer(table, kinds=kinds), table) == []


@pytest.mark.parametrize(
    ("name", "values", "kind"),
    [
        ("customer_id", RNG.choice(10**6, 300, replace=False), "identifier"),
        ("patientNo", RNG.choice(10**6, 300, replace=False).astype(np.float64), "identifier"),
        ("Phone", RNG.integers(10**9, 10**10, 300), "identifier"),
        ("zip", RNG.integers(10_000, 99_999, 300), "category"),
        ("PLZ", RNG.integers(10_000, 10_050, 300), "category"),
        ("number_of_rooms", RNG.choice(10**6, 300, replace=False), None),
        ("card", RNG.integers(1, 5, 300), None),  # one of few
        ("phone_bill", RNG.uniform(5, 90, 300).round(2), None),
        ("id", RNG.normal(size=300).round(), None),
        ("income", RNG.choice(10**6, 300, replace=False), None),
        ("zipf", RNG.integers(1, 90, 300), None),
    ],
)
def test_whole_numbers_that_are_called_ids_or_codes_are_seen(name: str, values: np.ndarray, kind: str | None) -> None:
    assert [(columns, own) for columns, own, _ in likely({name: values})] == ([((name,), kind)] if kind else [])


def test_ids_are_said_with_what_to_type() -> None:
    frame = pl.DataFrame({"customer id": RNG.choice(10**6, 300, replace=False), "x": TURN / 7})
    assert offered_by(Schema.infer(frame), frame) == [
        "column 'customer id' looks like ids, as each row has its own: model it so with --column 'customer "
        "id=identifier'"
    ]
