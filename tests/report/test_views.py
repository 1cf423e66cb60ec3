"""What is drawn of each kind of column, and by which two coordinates points are shown."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pytest
import torch
from matplotlib.figure import Figure
from scipy.spatial.transform import Rotation

from unnoise.data import Schema
from unnoise.data.factors import CountFactor, Factor
from unnoise.report import views

DRAWS = np.random.default_rng(0)
DATA: dict[str, tuple[Any, dict[str, str] | None]] = {
    "number": (DRAWS.normal(size=(40, 3)), None),
    "block": (DRAWS.normal(size=(40, 3, 3)), None),
    "angle": (DRAWS.uniform(-180, 180, size=(40, 2)), {"x": "angle"}),
    "one angle": (np.c_[DRAWS.uniform(-180, 180, 40)], {"x0": "angle"}),
    "category": (DRAWS.integers(0, 3, size=(40, 2)), {"x": "category"}),
    "sequence": (DRAWS.integers(0, 3, size=(40, 5)), {"x": "sequence"}),
    "latlon": (np.c_[DRAWS.uniform(-80, 80, 40), DRAWS.uniform(-170, 170, 40)], {"x0,x1": "latlon"}),
    "rotation": (Rotation.random(40, rng=DRAWS).as_quat(), {"x": "rotation"}),
    "count": (DRAWS.poisson(3.0, size=(40, 2)), {"x": "count"}),
}
CAPTIONS = {
    "number": ["Each column", "The first columns against each other"],
    "block": ["Each column"],
    "angle": ["The first two angles", "Each column"],
    "one angle": ["Each column"],
    "category": ["Each column"],
    "sequence": ["How often each token stands"],
    "latlon": ["On the globe"],
    "rotation": ["Where each rotation takes the north pole"],
    "count": ["Each column"],
}


def prepared(kind: str) -> tuple[Factor, Any, Schema]:
    data, kinds = DATA[kind]
    schema = Schema.infer(data, kinds=kinds)
    (factor,) = schema.factors.values()
    return factor, schema.encode(data).x, schema


@pytest.mark.parametrize("kind", DATA)
def test_every_kind_is_drawn_in_its_own_way(kind: str) -> None:
    factor, x, schema = prepared(kind)
    columns = schema.values(x)
    found = views.figures(factor, columns, columns)
    assert all((isinstance(figure, Figure) and figure.axes) or figure[0].inside for figure, _ in found)
    for (_, caption), start in zip(found, CAPTIONS[kind], strict=True):
        assert caption.startswith(start)


def test_a_plane_shows_the_coordinates_that_it_says() -> None:
    places, x, schema = prepared("latlon")
    longitude, latitude = views.plane(places, x)
    np.testing.assert_array_equal(latitude, schema.values(x)["x0"])
    np.testing.assert_array_equal(longitude, schema.values(x)["x1"])
    angles, x, schema = prepared("angle")
    for shown, name in zip(views.plane(angles, x), ("x0", "x1"), strict=True):
        np.testing.assert_array_equal(shown, schema.values(x)[name])
    for kind in ("number", "block"):
        numbers, x, _ = prepared(kind)
        np.testing.assert_array_equal(np.stack(views.plane(numbers, x), 1), x.flatten(1)[:, :2].numpy())


@pytest.mark.parametrize("kind", ["one angle", "category", "sequence", "rotation", "count"])
def test_what_no_plane_shows_has_none(kind: str) -> None:
    factor, x, _ = prepared(kind)
    assert views.plane(factor, x) == []
    assert views.plane(prepared("number")[0], torch.zeros(3, 1)) == []


def test_a_factor_of_ones_own_is_drawn_by_its_own_function() -> None:
    @dataclass(frozen=True)
    class Visits(CountFactor):
        kind: ClassVar[str] = "visits"

    columns = {"visits": np.array([1, 2, 3])}
    factor = Visits.fit(columns)
    ((_, caption),) = views.figures(factor, columns, columns)
    assert caption.startswith("Each column")

    @views.figures.register(Visits)
    def _(factor: Visits, real: Any, samples: Any) -> views.Pictures:
        return [(Figure(), "Visits.")]

    ((_, caption),) = views.figures(factor, columns, columns)
    assert caption == "Visits."


@pytest.mark.parametrize("kind", DATA)
def test_rows_and_samples_are_told_apart(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Exchanged, they are drawn in each other's place."""
    factor, x, schema = prepared(kind)
    seen: list[list[Any]] = []

    def spy(*args: Any, **_: Any) -> Figure:
        pair = args[0][0][1:] if isinstance(args[0], list) and isinstance(args[0][0], tuple) else args[:2]
        seen.append([np.stack([np.asarray(part, dtype=object).ravel() for part in _parts(side)]) for side in pair])
        return Figure()

    for name in ("pairs", "token_frequencies", "world_map", "rotation_map", "angle_pairs"):
        monkeypatch.setattr(views.plots, name, spy)
    monkeypatch.setattr(views.charts, "column", lambda name, real, samples, word: spy([real], [samples]))
    real, new = schema.values(x[:20]), schema.values(x[20:])
    views.figures(factor, real, new)
    straight, seen = seen, []
    views.figures(factor, new, real)
    for (first, second), (third, fourth) in zip(straight, seen, strict=True):
        assert (first == fourth).all()
        assert (second == third).all()
        assert not (first == second).all()


def _parts(side: Any) -> list[Any]:
    return list(side.values()) if isinstance(side, dict) else list(side)


def test_what_is_not_known_is_not_drawn() -> None:
    numbers, x, schema = prepared("number")
    known = torch.arange(120).reshape(40, 3) % 4 > 0
    for i, (name, values) in enumerate(views.seen(numbers, x, known).items()):
        np.testing.assert_array_equal(values, np.where(known[:, i], schema.values(x)[name], np.nan))
    block, x, schema = prepared("block")
    known = (torch.arange(360) % 4 > 0).reshape(40, 3, 3)
    np.testing.assert_array_equal(views.seen(block, x, known)["x"], np.where(known, schema.values(x)["x"], np.nan))
    levels, x, schema = prepared("category")
    known = torch.arange(80).reshape(40, 2) % 3 > 0
    for i, (name, values) in enumerate(views.seen(levels, x, known).items()):
        assert values.tolist() == np.where(known[:, i], schema.values(x)[name].astype(object), views.EMPTY).tolist()
    whole = torch.arange(40) % 3 > 0
    for kind in ("latlon", "rotation"):
        factor, x, schema = prepared(kind)
        for name, values in views.seen(factor, x, whole).items():
            np.testing.assert_array_equal(values, schema.values(x)[name][whole])
    tokens, x, schema = prepared("sequence")
    sites = torch.ones(40, 5, dtype=torch.bool)
    sites[3, 2] = False
    assert all(len(values) == 39 for values in views.seen(tokens, x, sites).values())


@pytest.mark.parametrize("kind", ["number", "angle", "count", "category"])
def test_columns_with_holes_are_drawn(kind: str) -> None:
    factor, x, _ = prepared(kind)
    known = torch.rand(40, x.shape[1], generator=torch.Generator().manual_seed(0)) > 0.3
    found = views.figures(factor, views.seen(factor, x, known), views.seen(factor, x, ~known))
    assert all(figure.axes if isinstance(figure, Figure) else figure[0].inside for figure, _ in found)
