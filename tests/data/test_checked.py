"""Descriptions that are damaged or hostile: a sentence, or a schema that works; never a traceback, a NaN or a hang."""

from __future__ import annotations

import copy
import json
import math
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
import torch

from unnoise import _tree
from unnoise._errors import InputError
from unnoise._renamed import translated_schema
from unnoise.data import Schema
from unnoise.data._checked import check, entries
from unnoise.data.factors import CategoryFactor, Factor, ResolvedFactor, SequenceFactor

FOLDER = Path(__file__).parents[1] / "saved_models"
SAVED = {
    path.parent.name: translated_schema(json.loads(path.read_text(encoding="utf-8"))["schema"])
    for path in sorted(FOLDER.glob("*/config.json"))
}
FRAME = pd.DataFrame(
    {
        "grade": pd.Categorical(["low", "high", "low"], categories=["low", "mid", "high"], ordered=True),
        "count": [1, 2, 9],
        "place": ["u", "v", "u"],
    }
)
MADE = {
    "pandas": Schema.infer(FRAME, kinds={"count": "count"}, condition="place"),
    "globe": Schema.infer(
        pl.DataFrame({"lat": [1.0, 9.0], "lon": [3.0, 200.0], "h": [1, 2]}), kinds={"lat,lon": "latlon"}
    ),
    "holes": Schema.infer(
        pl.DataFrame(
            {"a": [1.0, None, 2.5, 4.0], "b": ["u", "v", None, "u"], "c": [1, 2, None, 2], "d": [3, 3, None, 3]}
        )
    ),
    "matrices": Schema.infer(np.stack([np.eye(3)] * 3), kinds={"x": "rotation"}),
    "tensors": Schema.infer(torch.randn(4, 2, dtype=torch.bfloat16)),
}
CONFIGS = SAVED | {name: schema.to_config() for name, schema in MADE.items()}
NONSENSE: list[Any] = [
    *(None, True, False, 0, -1, 1, 2, 3, 10**20, -(10**20), 10**400, 0.5, -0.5, 1e-320, 1e300, math.nan, math.inf),
    *(
        "",
        "x",
        "\x00",
        "\ud800",
        "a" * 100_000,
        "float64",
        "int8",
        "object",
        "O",
        "V10",
        "<U1000000000",
        "datetime64[ns]",
    ),
    *("Int64", "String", "pandas", "pyarrow", "real", "count", "category", "quaternion", "label"),
    *([], [1], ["x"], ["x", "x"], [[]], [0, 0], [10**10, 10**10], {}, {"kind": "real"}, {"name": "x"}),
]


def nodes(config: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield path
    parts = config.items() if isinstance(config, dict) else enumerate(config) if isinstance(config, list) else ()
    for key, value in parts:
        yield from nodes(value, (*path, key))


def replaced(config: Any, path: tuple[Any, ...], value: Any) -> Any:
    if not path:
        return value
    config = copy.copy(config)
    config[path[0]] = replaced(config[path[0]], path[1:], value)
    return config


def states(schema: Schema) -> Any:
    """Two states of each factor; tokens are none of the mask."""
    rng = torch.Generator().manual_seed(0)
    parts = {
        name: torch.full((2, *factor.shape), min(1, factor.states - 1))
        if isinstance(factor, SequenceFactor)
        else levels_of(factor, factor.process().prior(2).sample(rng))
        for name, factor in schema.factors.items()
    }
    return next(iter(parts.values())) if len(parts) == 1 else parts


def levels_of(factor: Factor, x: torch.Tensor) -> torch.Tensor:
    """Of levels and digits, which noise hides behind a mask, the first."""
    hidden = isinstance(factor, ResolvedFactor) or (isinstance(factor, CategoryFactor) and factor.masked)
    return torch.zeros_like(x) if hidden else x


def use(schema: Schema) -> None:
    """All that a model asks of a schema; everything is finite."""
    x = states(schema)
    given = {name: [kind.example] * 2 for name, kind in schema.conditions.items()}
    outside = {name: value for name, value in given.items() if name not in schema.container.columns}
    encoded = schema.encode(schema.decode(x, given or None), pd.DataFrame(outside) if outside else None)
    for tree in (encoded.x, encoded.jitter, encoded.cond):
        assert all(leaf is None or bool(leaf.isfinite().all()) for _, leaf in _tree.leaves(tree))
    assert all(a.dtype == object or np.isfinite(a.astype(np.float64)).all() for a in schema.values(x).values())
    assert math.isfinite(schema.log_volume)
    assert schema.describe()
    assert schema.measure


def fuzz(seed: int, count: int) -> None:
    chance = random.Random(seed)
    lengths = []
    for _ in range(count):
        name = chance.choice(list(CONFIGS))
        path = chance.choice(list(nodes(CONFIGS[name])))
        value = chance.choice(NONSENSE)
        try:
            use(Schema.from_config(replaced(CONFIGS[name], path, value)))
        except InputError as error:
            lengths.append(len(str(error)))
        except BaseException as error:
            error.add_note(f"{name} {path} {value!r:.60}")
            raise
    assert max(lengths) < 1000  # of the sentences


@pytest.mark.parametrize("name", CONFIGS)
def test_sound_descriptions_work(name: str) -> None:
    use(Schema.from_config(json.loads(json.dumps(CONFIGS[name]))))


def test_any_node_may_be_nonsense() -> None:
    fuzz(0, 5000)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(1, 11))
def test_any_node_may_be_nonsense_for_long(seed: int) -> None:
    fuzz(seed, 3000)


REAL = ("factors", 0, "coordinates", 0)


@pytest.mark.parametrize(
    ("name", "path", "value", "message"),
    [
        ("betas", (*REAL, "scale"), math.nan, "got scale = nan; expected a finite number"),
        ("betas", (*REAL, "scale"), 0.0, r"got scale = 0\.0; expected a finite number from 2\.23e-308"),
        ("betas", (*REAL, "mean"), True, "got mean = True; expected a finite number"),
        ("betas", (*REAL, "mean"), 10**400, "got mean = a number of 1329 bits; expected a finite number"),
        ("betas", (*REAL, "dtype"), "<U1000000000", "'<U1000000000'; expected one of numbers, such as 'float64'"),
        ("betas", REAL, {"kind": "category", "levels": [1]}, r"got coordinates = Category.*; expected a Coordinate"),
        ("betas", ("factors", 0, "columns"), ["x0", "x0"], r"got columns = \('x0', 'x0'\); expected .* all different"),
        ("betas", ("factors", 0, "columns"), ["x0", "x7"], r"got columns = .*; expected each of the data, once"),
        ("betas", ("factors",), [], "expected one or more"),
        ("betas", ("container", "width"), 10**20, r"got width = 1000.*; expected 1 to"),
        ("betas", ("container", "colour"), "red", "got the fields .* of Matrix; expected"),
        ("images", ("factors", 0, "block"), [1, 8, 9], r"got the shape of a value = \(1, 8, 9\); expected \(1, 8, 8\)"),
        ("images", (*REAL, "low"), 256, r"got low, high = \(256, 255\); expected a range of uint8"),
        ("images", (*REAL, "scale"), 1e-9, r"got scale = 1e-09; expected a finite number from 0\.288"),
        ("uniform", ("factors", 0, "levels", 0), [0, 0, 1], r"got levels = \(0, 0, 1\); expected .* all different"),
        ("uniform", ("factors", 0, "levels", 0, 1), None, "got levels = None; expected a text or a whole number"),
        ("uniform", ("factors", 0, "levels"), [[0, 1]], "expected 2, one for each column"),
        ("text", ("factors", 0, "states"), 6, "got states = 6; expected the number of letters"),
        ("sequence", ("factors", 0, "shape"), [10**20], "got the shape = .*; expected one of an array"),
        ("product", ("factors", 1, "turn"), 1.0, "got turn = 1.0; expected 360 or 2 pi"),
        ("product", ("factors", 1, "name"), "numbers", "got names of factors .*; expected all different"),
        ("numbers", ("conditions", 0, "name"), "height", "expected each of the data, once"),
        ("numbers", ("constants", 0, "value"), "three", "got value = 'three'; expected one of the type int64"),
        ("numbers", ("container", "layout", 0, "type"), "List", "got the type = 'List'; expected one of polars"),
        ("pandas", ("container", "layout", 0, "categories"), [0, 0], r"got categories = \(0, 0\); expected different"),
    ],
)
def test_damage_is_named(name: str, path: tuple[Any, ...], value: Any, message: str) -> None:
    config = copy.deepcopy(CONFIGS[name])
    *above, key = path
    node = config
    for step in above:
        node = node[step]
    node[key] = value
    with pytest.raises(InputError, match=f"(?s)The schema of the model is damaged: .*{message}"):
        Schema.from_config(config)


def test_what_was_got_is_cut() -> None:
    with pytest.raises(InputError, match=r"^got mean = 'a{12}\.\.\.a{13}'; expected a number$"):
        check(False, "mean", "a" * 1000, "a number")
    with pytest.raises(InputError, match=r"got factors = \[1\]; expected a list of descriptions"):
        entries([1], "factors")


def test_levels_that_a_column_cannot_hold_are_said_when_the_frame_is_built() -> None:
    config = copy.deepcopy(CONFIGS["everything"])
    for column in config["container"]["layout"]:
        column |= {"type": "Int64", "categories": None}
    schema = Schema.from_config(config)
    with pytest.raises(InputError, match=r"cannot be of the types .*; the schema of the model is damaged"):
        schema.decode(states(schema), {name: [kind.example] * 2 for name, kind in schema.conditions.items()} or None)
