"""What is said of kinds that could be declared: by which model, a mixture or a network, they are learnt."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from unnoise import DenoisingMarkovModel, InputError
from unnoise.data.features import ONLY_CONDITIONS
from unnoise.data.inference import KINDS
from unnoise.data.kinds import Identifier
from unnoise.data.offering import NETWORKS_ALONE

N = 40
RNG = np.random.default_rng(0)
SHARES, TURNS = RNG.dirichlet([2.0, 3.0, 4.0], N), RNG.normal(size=(N, 4))
TURNS /= np.linalg.norm(TURNS, axis=1, keepdims=True)
NUMBERS = {
    "number": RNG.normal(size=N),
    "real": RNG.normal(size=N),
    "integer": RNG.integers(0, 1000, N),
    "count": RNG.poisson(3.0, N),
}
ANGLES = {kind: {"a": RNG.uniform(-3, 3, N)} for kind in ("angle", "degrees", "radians")}
LEVELS = {kind: {"a": RNG.choice(["u", "v"], N)} for kind in ("category", "ordered", "binary")}
COLUMNS = {
    **{kind: {"a": values} for kind, values in NUMBERS.items()},
    **ANGLES,
    **LEVELS,
    "sequence": {"a": ["".join(word) for word in RNG.choice(list("acgt"), (N, 5))]},
    "latlon": {"a": RNG.uniform(-80, 80, N), "b": RNG.uniform(-180, 180, N)},
    "rotation": {f"q{axis}": TURNS[:, i] for i, axis in enumerate("xyzw")},
    "proportions": {name: SHARES[:, i] for i, name in enumerate("abc")},
}


def has_a_mixture(kind: str) -> bool:
    """Whether a quick model takes columns of this kind."""
    frame = pl.DataFrame(COLUMNS[kind])
    model = DenoisingMarkovModel(quick=True, kinds={",".join(frame.columns): kind}, validation=0.0)
    try:
        model.fit(frame)
    except InputError as error:
        if "mixtures of product laws have no components" not in str(error):
            raise
        return False
    return True


def test_every_kind_of_columns_that_are_modelled_is_looked_at() -> None:
    assert set(COLUMNS) == set(KINDS) - {Identifier.name, *ONLY_CONDITIONS}


@pytest.mark.parametrize("kind", COLUMNS)
def test_a_network_is_asked_for_where_there_is_no_mixture(kind: str) -> None:
    assert (kind in NETWORKS_ALONE) == (not has_a_mixture(kind))
