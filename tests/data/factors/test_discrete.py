"""Levels, tokens, counts and proportions, and all kinds in one table."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
import torch

from unnoise import _tree
from unnoise._errors import InputError
from unnoise.data import Schema
from unnoise.data.factors import ProportionFactor


def test_levels_are_places_and_come_back_with_their_types() -> None:
    frame = pl.DataFrame({"a": ["u", "v", "u", "w"], "b": [True, False, True, True], "c": [1, 2, 3, 2]})
    schema = Schema.infer(frame, kinds={"c": "category"})
    x = schema.encode(frame).x
    assert x.dtype == torch.int64
    assert x.tolist() == [[0, 1, 0], [1, 0, 1], [0, 1, 2], [2, 1, 1]]
    assert schema.decode(x).equals(frame)
    assert Schema.from_config(schema.to_config()) == schema
    with pytest.raises(InputError, match=r"Column 'a' has no level 'z'; the levels are u, v, w"):
        schema.encode(frame.with_columns(a=pl.lit("z")))


def test_ordered_columns_stand_apart() -> None:
    frame = pl.DataFrame({"size": [1, 2, 3, 2], "grade": ["a", "b", "c", "c"]})
    schema = Schema.infer(frame, kinds={"size,grade": "ordered"})
    assert list(schema.factors) == ["size", "grade"]
    assert schema.decode(schema.encode(frame).x).equals(frame)


@pytest.mark.parametrize("shape", [(6, 10), (6, 4, 4)])
def test_arrays_of_tokens(shape: tuple[int, ...]) -> None:
    data = np.random.default_rng(0).integers(0, 5, size=shape)
    data.flat[0] = 4
    schema = Schema.infer(data, kinds={"x": "sequence"})
    x = schema.encode(data).x
    assert torch.equal(x, torch.from_numpy(data))
    back = schema.decode(x)
    assert back.dtype == data.dtype
    assert (back == data).all()
    with pytest.raises(InputError, match=r"Row 0 .* holds a token 9; expected whole numbers from 0 to 4"):
        schema.encode(np.full(shape, 9))


def test_texts_are_sequences_of_letters() -> None:
    frame = pl.DataFrame({"rna": ["GAC", "GA", "UUA"]})
    schema = Schema.infer(frame, kinds={"rna": "sequence"})
    x = schema.encode(frame).x
    assert x.shape == (3, 3)
    assert schema.decode(x).equals(frame)
    assert Schema.from_config(schema.to_config()) == schema
    with pytest.raises(InputError, match="holds 'X' in row 0; the fitted letters are ACGU"):
        schema.encode(pl.DataFrame({"rna": ["XA"]}))
    with pytest.raises(InputError, match="holds a text of 4 letters in row 0; the model was fitted on at most 3"):
        schema.encode(pl.DataFrame({"rna": ["GGGG"]}))


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        (["u" * 65_537, "w"], "holds a text of 65537 letters; cut it to 65536 or fewer"),
        (["u\x00v", "w"], r"is declared a sequence, but holds 'u\\x00v'; expected texts"),
        (["", "w"], "is declared a sequence, but holds ''; expected texts"),
    ],
)
def test_texts_that_are_no_sequences(texts: list[str], message: str) -> None:
    with pytest.raises(InputError, match=message):
        Schema.infer(pl.DataFrame({"a": texts}), kinds={"a": "sequence"})


def test_a_sequence_of_one_token() -> None:
    data = np.array([[0, 1], [2, 5], [1, 3]])
    schema = Schema.infer(data, kinds={"x1": "sequence"})
    assert (schema.decode(schema.encode(data).x) == data).all()


def test_the_token_of_the_row_that_is_named() -> None:
    with pytest.raises(InputError, match="Row 1 of columns 'x0', 'x1' holds a token -1; expected"):
        Schema.infer(np.array([[0, 1], [2, -1], [70_000, 3]]), kinds={"x0,x1": "sequence"})


def test_floating_tokens_are_refused() -> None:
    with pytest.raises(InputError, match=r"A sequence is made of whole numbers from 0, but columns .* hold float64"):
        Schema.infer(np.random.default_rng(0).normal(size=(4, 3)), kinds={"x": "sequence"})


def test_counts() -> None:
    data = np.array([[0, 3], [2, 1], [5, 0]])
    schema = Schema.infer(data, kinds={"x": "count"})
    x = schema.encode(data).x
    assert x.dtype == torch.int64
    assert (schema.decode(x) == data).all()
    with pytest.raises(InputError, match=r"Column 'x1' is declared a count, but holds -1 in row 0"):
        schema.encode(-data[1:] * [0, 1])
    with pytest.raises(InputError, match=r"holds 1e\+300 in row 0; expected whole numbers from 0 to 2147483647"):
        schema.encode(np.array([[1e300, 0]]))


@pytest.mark.parametrize("total", [1.0, 100.0])
def test_proportions(total: float) -> None:
    data = np.random.default_rng(0).dirichlet([2.0, 3.0, 4.0], size=20) * total
    schema = Schema.infer(data, kinds={"x": "proportions"})
    x = schema.encode(data).x
    torch.testing.assert_close(x.sum(1), torch.ones(20))
    np.testing.assert_allclose(schema.decode(x), data, rtol=1e-4)
    assert schema.log_volume == pytest.approx(-2 * np.log(total))
    with pytest.raises(InputError, match=r"sums to .*; expected .*: divide each row by its sum"):
        schema.encode(data * 0.9)
    with pytest.raises(InputError, match="Were these logits"):
        schema.encode(np.log(data / data.sum(1, keepdims=True)))


def test_whole_percentages_come_back_rounded() -> None:
    data = pl.DataFrame({"a": [20, 33, 50], "b": [80.0, 67.0, 50.0]})
    for frame in (data, data.to_pandas(), data.to_arrow(), data.cast(pl.Int64).to_numpy()):
        schema = Schema.infer(frame, kinds={"x0,x1" if isinstance(frame, np.ndarray) else "a,b": "proportions"})
        back = schema.decode(torch.tensor([[0.1999, 0.8001], [0.3301, 0.6699], [0.5, 0.5]]))
        assert np.asarray(back)[:, 0].tolist() == [20, 33, 50]


def test_a_table_of_everything_is_a_nested_state() -> None:
    draws = np.random.default_rng(0)
    shares = draws.dirichlet([1.0, 2.0], size=30)
    frame = pl.DataFrame(
        {
            "height": draws.normal(size=30),
            "sex": draws.choice(["f", "m"], size=30),
            "wind": draws.uniform(0, 360, size=30),
            "lat": draws.uniform(-60, 60, size=30),
            "lon": draws.uniform(-170, 170, size=30),
            "calls": draws.poisson(3.0, size=30),
            "work": shares[:, 0],
            "rest": shares[:, 1],
            "age": draws.integers(1, 90, size=30),
        }
    )
    kinds = {
        "height": "real",
        "age": "integer",
        "wind": "angle",
        "lat,lon": "latlon",
        "calls": "count",
        "work,rest": "proportions",
    }
    schema = Schema.infer(frame, kinds=kinds)
    encoded = schema.encode(frame)
    assert set(encoded.x) == {"numbers", "category", "angle", "count", "lat,lon", "work,rest"}
    batch, _ = encoded.batch(torch.arange(4), torch.Generator().manual_seed(0))
    assert all(len(leaf) == 4 for _, leaf in _tree.leaves(batch))
    back = schema.decode(encoded.x)
    assert back.columns == frame.columns
    assert back.schema == frame.schema
    assert back["sex"].equals(frame["sex"])
    assert back["calls"].equals(frame["calls"])
    np.testing.assert_allclose(back["lat"].to_numpy(), frame["lat"].to_numpy(), atol=1e-3)
    assert Schema.from_config(schema.to_config()) == schema


def test_noise_arrives_at_the_mean_of_each_count() -> None:
    draws = np.random.default_rng(0).poisson([0.5, 6.0], size=(50, 2))
    schema = Schema.infer(draws, kinds={"x": "count"})
    assert schema.process().mean == pytest.approx(tuple(draws.mean(0)))


def test_a_text_ends_at_its_first_end() -> None:
    """A model may put an end anywhere; what stands after it is no part of the text."""
    table = pl.DataFrame({"word": ["ab", "abc", "a"]})
    schema = Schema.infer(table, kinds={"word": "sequence"})
    end, a, b, c = range(4)
    decoded = schema.decode(torch.tensor([[a, end, c], [end, b, c], [c, b, end], [b, b, b]]))
    assert decoded["word"].to_list() == ["a", "", "cb", "bbb"]


@pytest.mark.parametrize(("total", "decimals"), [(1, 2), (1, 3), (100, 0), (100, 1)])
def test_shares_that_were_rounded_sum_to_a_whole(total: int, decimals: int) -> None:
    shares = np.random.default_rng(0).dirichlet([1, 2, 3], size=200) * total
    columns = {name: part for name, part in zip("abc", np.round(shares, decimals).T, strict=True)}
    sums = ProportionFactor.fit(columns).encode(columns).sum(1)
    assert torch.allclose(sums, torch.ones(200))
    with pytest.raises(InputError, match="divide each row by its sum"):
        ProportionFactor.fit(columns | {"c": columns["c"] + 0.03 * total})
