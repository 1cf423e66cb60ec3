"""Batches: the same from the same seed, uniform within the cells of integers, and fast."""

from __future__ import annotations

import math
import time

import numpy as np
import pytest
import torch

from unnoise.data import Encoded, Schema
from unnoise.testing import ImprobableError, assert_law
from unnoise.training.dataset import digest


def mixed(n: int = 1000) -> tuple[np.ndarray, Schema]:
    numbers = np.random.default_rng(0)
    data = np.column_stack([numbers.normal(size=n), numbers.integers(0, 5, size=n)])
    return data, Schema.infer(data, kinds={"x1": "integer"})


def test_batches_are_rows_with_their_conditions(rng: torch.Generator) -> None:
    encoded = Encoded(torch.arange(12.0).reshape(4, 3), None, torch.arange(4.0)[:, None])
    x, cond = encoded.batch(torch.tensor([2, 0]), rng)
    assert len(encoded) == 4
    assert x.tolist() == [[6, 7, 8], [0, 1, 2]]
    assert cond is not None
    assert cond.tolist() == [[2], [0]]


def test_the_same_seed_gives_the_same_noise() -> None:
    data, schema = mixed()
    encoded, indices = schema.encode(data), torch.tensor([5, 7, 5])

    def draw(seed: int) -> torch.Tensor:
        return encoded.batch(indices, torch.Generator().manual_seed(seed))[0]

    assert torch.equal(draw(1), draw(1))
    assert not torch.equal(draw(1), draw(2))
    assert draw(1)[0, 1] != draw(1)[2, 1]  # fresh noise for a row that is drawn twice
    assert torch.equal(draw(1)[:, 0], encoded.x[indices, 0])  # none for real columns


def test_noise_is_uniform_on_the_cell(rng: torch.Generator) -> None:
    data, schema = mixed(20_000)
    encoded = schema.encode(data)
    x, _ = encoded.all(rng)
    assert encoded.jitter is not None
    places = ((x - encoded.x) / encoded.jitter)[:, 1].double()
    assert places.min() >= 0
    assert places.max() <= 1 + 1e-5
    assert_law(places, lambda u: u)
    with pytest.raises(ImprobableError):
        assert_law(places**1.1, lambda u: u)


def test_all_gives_every_row_and_decodes_to_the_data(rng: torch.Generator) -> None:
    data, schema = mixed()
    back = schema.decode(schema.encode(data).all(rng)[0])
    np.testing.assert_allclose(back[:, 0], data[:, 0], rtol=1e-5, atol=1e-6)
    assert (back[:, 1] == data[:, 1]).all()


def test_to_moves_every_part() -> None:
    data, schema = mixed()
    moved = schema.encode(data).to("meta")
    assert moved.x.is_meta
    assert moved.jitter is not None
    assert moved.jitter.is_meta
    assert moved.cond is None


def with_holes() -> Encoded:
    data = np.array([[1.0, 0.5], [np.nan, 1.5], [3.0, np.nan], [4.5, 2.5]])
    return Schema.infer(data).encode(data)


def test_what_is_known_goes_with_its_rows() -> None:
    encoded = with_holes()
    rows = encoded.rows(torch.tensor([2, 1]))
    assert rows.known["numbers"].tolist() == [[True, False], [False, True]]
    assert rows.x["missing"].tolist() == [[0, 1], [1, 0]]
    assert encoded.to("meta").known["missing"].is_meta
    assert mixed()[1].encode(mixed()[0]).rows(torch.tensor([1])).known is None


def test_the_fingerprint_counts_what_is_known() -> None:
    encoded = with_holes()
    whole = Encoded(encoded.x, encoded.jitter, encoded.cond)
    assert encoded.digest() != whole.digest()
    assert whole.digest() == digest(encoded.x, encoded.jitter, encoded.cond)  # as before there were holes


def test_a_batch_costs_little(rng: torch.Generator) -> None:
    encoded = Encoded(torch.zeros(10_000, 32), torch.full((32,), 0.1), None)
    indices = torch.arange(512)
    best = math.inf
    for _ in range(50):
        start = time.perf_counter()
        encoded.batch(indices, rng)
        best = min(best, time.perf_counter() - start)
    assert best < 2e-3  # measured: below 0.1 ms; a loop over columns in Python costs several
