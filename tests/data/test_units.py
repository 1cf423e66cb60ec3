"""Units of tables of many kinds: each column changes the likelihood by the volume of its own change of units."""

from __future__ import annotations

import math
from functools import partial

import numpy as np
import polars as pl
import pytest
import torch

from unnoise import DenoisingMarkovModel
from unnoise.data import Schema
from unnoise.evaluation import Bound
from unnoise.networks import MLP

N = 40
DRAWS = np.random.default_rng(0)
SHARES = DRAWS.dirichlet([2.0, 3.0, 4.0], N)
NUMBERS = DRAWS.normal(size=N)
TURNS = DRAWS.uniform(0, 1, (2, N))
KINDS = {"a,b,c": "proportions", "u": "angle", "v": "angle", "x": "real"}


def mixed(whole: float = 1.0, turn: float = 2 * math.pi, unit: float = 1.0) -> pl.DataFrame:
    """Shares of `whole`, two angles of which a turn is `turn`, and a number in units of 1 / `unit`."""
    columns = {"x": unit * NUMBERS, "u": turn * TURNS[0], "v": turn * TURNS[1]}
    return pl.DataFrame({name: whole * share for name, share in zip("abc", SHARES.T, strict=True)} | columns)


CHANGES = {  # of the table -> how much the log density of a row falls
    "per cent": ({"whole": 100.0}, 2 * math.log(100)),
    "degrees": ({"turn": 360.0}, 2 * math.log(180 / math.pi)),
    "thousandths": ({"unit": 1000.0}, math.log(1000)),
}


@pytest.mark.parametrize(("change", "volume"), CHANGES.values(), ids=CHANGES)
def test_every_factor_counts_its_own_units(change: dict[str, float], volume: float) -> None:
    one, other = (Schema.infer(table, kinds=KINDS) for table in (mixed(), mixed(**change)))
    assert one.log_volume - other.log_volume == pytest.approx(volume)


def test_scores_of_a_mixed_table_fall_by_the_volume_of_all_changes() -> None:
    """The same standardised rows, and so the same weights: only the units differ."""
    tables = mixed(), mixed(100.0, 360.0, 1000.0)
    network = partial(MLP, width=8, depth=1, embedding=8)
    one, other = (DenoisingMarkovModel(kinds=KINDS, steps=2, network=network).fit(table) for table in tables)
    scores = [
        model.score_samples(table[:6], likelihood=Bound(draws=2))
        for model, table in zip((one, other), tables, strict=True)
    ]
    np.testing.assert_allclose(scores[0] - scores[1], sum(volume for _, volume in CHANGES.values()), atol=1e-3)


def test_one_column_of_whole_numbers_beside_others_has_cells() -> None:
    table = mixed().with_columns(count=pl.Series(DRAWS.poisson(3, N)), kind=pl.Series(["p", "q"] * (N // 2)))
    for drop in ([], ["x"]):  # cells of one column of numbers among several, or of the only one
        kinds = {name: kind for name, kind in KINDS.items() if name not in drop}
        schema = Schema.infer(table.drop(drop), kinds=kinds | {"count": "integer"})
        assert schema.has_cells
        assert schema.encode(table.drop(drop)).jitter is not None
    assert not Schema.infer(mixed(), kinds=KINDS).has_cells


def test_a_round_trip_puts_whole_numbers_on_the_edges_of_their_cells(rng: torch.Generator) -> None:
    table = pl.DataFrame({"count": DRAWS.poisson(3, N), "x": NUMBERS})
    schema = Schema.infer(table, kinds={"count": "integer", "x": "real"})
    encoded = schema.encode(table)
    filled, _ = encoded.all(rng)
    assert not torch.equal(filled, encoded.x)
    torch.testing.assert_close(schema.round_trip(filled), encoded.x)
