"""The kinds of a column: there and back, change of variables, the ends of float64, refusals."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from scipy import integrate, stats

from unnoise._errors import InputError
from unnoise.data import kinds
from unnoise.data.base import Kind
from unnoise.data.kinds import Category, Constant, Integer, Real


@pytest.fixture
def numbers() -> np.random.Generator:
    return np.random.default_rng(0)


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", "longdouble"])
def test_real_goes_there_and_back(numbers: np.random.Generator, dtype: str) -> None:
    u = (numbers.normal(size=1000) * 7 - 3).astype(dtype)
    kind = Real.fit(u, "a")
    x = kind.encode(u)
    assert abs(x.mean()) < 1e-12
    assert abs(x.std() - 1) < 1e-12
    back = kind.decode(x.astype(np.float32).astype(np.float64))
    assert back.dtype == dtype
    rounding = max(1e-6, float(np.finfo(dtype).eps))
    np.testing.assert_allclose(back.astype(float), u.astype(float), rtol=rounding, atol=rounding)


@pytest.mark.parametrize("size", [1e300, 1.7e308, 1e-300, 1e-307, 1.0])
def test_real_at_the_ends_of_float64(numbers: np.random.Generator, size: float) -> None:
    u = numbers.uniform(-1, 1, size=1000) * size
    kind = Real.fit(u, "a")
    x = kind.encode(u)
    assert math.isfinite(kind.log_volume)
    assert kind.scale == pytest.approx(np.std(u / size) * size)
    np.testing.assert_allclose(x, stats.zscore(u / size), atol=1e-9)
    np.testing.assert_allclose(kind.decode(x) / size, u / size, rtol=1e-12, atol=1e-12)


def test_real_far_from_zero_keeps_its_differences(numbers: np.random.Generator) -> None:
    u = 1e12 + numbers.normal(size=1000)
    np.testing.assert_allclose(Real.fit(u, "a").encode(u), stats.zscore(u - 1e12), atol=1e-3)


def test_real_is_clipped_to_what_its_type_holds() -> None:
    kind = Real(mean=0.0, scale=1e38, dtype="float32")
    assert kind.decode(np.array([-9.0, 9.0])).tolist() == pytest.approx([-3.4028235e38, 3.4028235e38])
    assert Real(0.0, 1e308, "float64").decode(np.array([9.0]))[0] == np.finfo(np.float64).max


def test_real_on_whole_numbers_comes_back_whole() -> None:
    kind = Real.fit(np.array([0, 255], dtype=np.uint8), "a")
    back = kind.decode(kind.encode(np.array([0.4, 254.6, 999.0, -999.0])))
    assert back.dtype == np.uint8
    assert back.tolist() == [0, 255, 255, 0]


def test_real_density_changes_variables(numbers: np.random.Generator) -> None:
    """With x normal, p(u) = exp(log p(x) + log_volume) has mass 1 in the units of u."""
    kind = Real.fit(numbers.normal(size=100) * 40 + 170, "height")

    def density(u: float) -> float:
        return math.exp(stats.norm.logpdf(kind.encode(np.array([u]))[0]) + kind.log_volume)

    assert integrate.quad(density, 170 - 400, 170 + 400, points=[170])[0] == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize("dtype", ["uint8", "int8", "int32", "int64", "uint64", "bool", "float64"])
def test_integer_goes_there_and_back_exactly(numbers: np.random.Generator, dtype: str) -> None:
    high = 2 if dtype == "bool" else 100
    u = numbers.integers(0, high, size=1000).astype(dtype)
    kind = Integer.fit(u, "a")
    lower = kind.encode(u).astype(np.float32).astype(np.float64)
    for inside in (0.0, 0.25, 0.999):
        back = kind.decode(lower + inside * kind.jitter)
        assert back.dtype == dtype
        assert (back == u).all()


def test_integer_lower_edges_survive_float32() -> None:
    """Every value of a wide column, at the very edge of its cell."""
    u = np.arange(-1_000_000, 1_000_000)
    kind = Integer.fit(u, "a")
    assert (kind.decode(kind.encode(u).astype(np.float32).astype(np.float64)) == u).all()


def test_integer_standardises_the_dequantised_variable(numbers: np.random.Generator) -> None:
    u = numbers.integers(0, 3, size=200_000)
    kind = Integer.fit(u, "a")
    x = kind.encode(u) + kind.jitter * numbers.uniform(size=u.size)
    assert abs(x.mean()) < 5 / math.sqrt(u.size)
    assert abs(x.var() - 1) < 5 / math.sqrt(u.size)
    assert kind.scale**2 == pytest.approx(u.var() + 1 / 12)


def test_integer_stays_within_what_was_fitted() -> None:
    kind = Integer.fit(np.array([3, 5, 9]), "a")
    assert kind.decode(np.array([-100.0, 100.0])).tolist() == [3, 9]


@pytest.mark.parametrize("dtype", ["int64", "uint64"])
def test_integer_at_the_ends_of_its_type(dtype: str) -> None:
    info = np.iinfo(dtype)
    u = np.array([info.min, info.max], dtype=dtype)
    kind = Integer.fit(u, "a")
    assert kind.decode(np.array([-9.0, 9.0])).tolist() == [info.min, info.max]


@pytest.mark.parametrize("dtype", ["int64", "uint64"])
@pytest.mark.parametrize("start", [2**63, -(2**62), 2**60, 2**53 - 100])
def test_integers_far_from_zero_keep_every_digit(numbers: np.random.Generator, dtype: str, start: int) -> None:
    start = max(start, 0) if dtype == "uint64" else min(start, 2**63 - 2000)
    steps = np.r_[0, 999, numbers.integers(0, 1000, size=1000)]
    u = (np.full(1002, start, dtype=dtype) + steps.astype(dtype)).astype(dtype)
    kind = kinds.from_config(json.loads(json.dumps(Integer.fit(u, "a").to_config())))
    assert isinstance(kind, Integer)
    x = kind.encode(u)
    np.testing.assert_allclose(x, (steps - steps.mean() - 0.5) / kind.scale, atol=1 / kind.scale)
    assert (kind.decode(x.astype(np.float32).astype(np.float64) + 0.5 * kind.jitter) == u).all()
    assert kind.decode(np.array([-99.0, 99.0])).tolist() == [start, start + 999]
    if start < 2**62:
        np.testing.assert_allclose(kind.encode(u.astype(np.float64)), x, atol=2**10 / kind.scale)


def test_reals_refuse_whole_numbers_that_float64_cannot_tell_apart() -> None:
    with pytest.raises(InputError, match=r"got column 'a' = 9223372036854775\d+; expected less than 9007199254740992"):
        Real.fit(2**63 - 1 - np.arange(1000), "a")
    Real.fit(np.array([2**62, -(2**62)]), "a")


def test_integer_dequantised_likelihood_is_a_lower_bound() -> None:
    """E_U log p(u + U) <= log of the mass of the cell, for a density that is not constant in it."""
    kind = Integer.fit(np.array([0, 1, 2, 3, 4]), "a")
    offsets = (np.arange(1000) + 0.5) / 1000
    for u in range(5):
        cell = kind.encode(np.array([u])) + kind.jitter * offsets
        log_density = stats.norm.logpdf(cell) + kind.log_volume
        edges = kind.encode(np.array([u, u + 1]))
        log_mass = math.log(stats.norm.cdf(edges[1]) - stats.norm.cdf(edges[0]))
        assert log_density.mean() < log_mass
        assert math.log(np.exp(log_density).mean()) == pytest.approx(log_mass, abs=1e-5)


def test_integer_refuses_fractions() -> None:
    with pytest.raises(InputError, match=r"Column 'a' holds whole numbers, but row 1 holds 2\.5; round it"):
        Integer.fit(np.array([1.0, 2.5]), "a")


def test_blocks_share_one_mean_and_scale(numbers: np.random.Generator) -> None:
    u = numbers.integers(0, 256, size=(50, 3, 8, 8), dtype=np.uint8)
    kind = Integer.fit(u, "x")
    assert kind.mean == pytest.approx(u.mean() + 0.5)
    assert kind.scale**2 == pytest.approx(u.var() + 1 / 12)
    assert (kind.decode(kind.encode(u)) == u).all()


def test_constant_gives_its_value_back_and_refuses_others() -> None:
    kind = Constant.fit(np.full(4, 3, dtype=np.int16), "a")
    assert kind.values(2).tolist() == [3, 3]
    assert kind.values(2).dtype == np.int16
    kind.check(np.array([3.0, 3.0]), "a")
    with pytest.raises(InputError, match="Column 'a' was always 3 when the model was fitted, but row 1 holds 4"):
        kind.check(np.array([3, 4]), "a")


@pytest.mark.parametrize(("fitted", "scored"), [("float32", "float64"), ("float64", "float32")])
def test_constant_is_the_same_in_both_float_types(fitted: str, scored: str) -> None:
    Constant.fit(np.full(2, 0.1, dtype=fitted), "a").check(np.full(2, 0.1, dtype=scored), "a")


def test_category_is_one_hot_and_restores_levels() -> None:
    kind = Category.fit(np.array(["b", "a", "b"], dtype=object), "c")
    assert kind.features(np.array(["a", "b"], dtype=object), "c").tolist() == [[1, 0], [0, 1]]
    assert kind.restore(np.array(["b"], dtype=object), "c").tolist() == ["b"]
    with pytest.raises(InputError, match="Condition 'c' has no level 'z'; the levels are a, b"):
        kind.features(np.array(["z"]), "c")


def test_category_refuses_more_levels_than_memory_should_hold() -> None:
    with pytest.raises(InputError, match="Condition 'c' has 10001 levels as a category; expected at most 10000"):
        Category.fit(np.arange(10_001), "c")


@pytest.mark.parametrize(
    ("levels", "given", "restored"),
    [
        ([0, 1, 2], ["2"], [2]),
        ([0, 1, 2], [2.0], [2]),
        ([False, True], ["true"], [True]),
        ([False, True], ["False"], [False]),
        ([0.5, 1.5], ["1.5"], [1.5]),
    ],
)
def test_category_knows_a_level_by_its_text(levels: list, given: list, restored: list) -> None:
    kind = Category.fit(np.array(levels), "c")
    assert kind.restore(np.array(given), "c").tolist() == restored


def test_category_refuses_what_json_cannot_hold() -> None:
    with pytest.raises(InputError, match="'c' holds 2020-01-01; a level of a category is a text or a num"):
        Category.fit(np.array([np.datetime64("2020-01-01")], dtype=object), "c")


def test_a_condition_that_never_varies_is_only_centred() -> None:
    assert Real.fit(np.full(3, 0.1), "c").features(np.array([0.1, 1.1]), "c")[:, 0] == pytest.approx([0, 1])


@pytest.mark.parametrize(("given", "message"), [(["old"], "is a number, but 'old' was"), ([np.nan], "NaN or inf")])
def test_a_real_condition_refuses_what_is_no_number(given: list, message: str) -> None:
    with pytest.raises(InputError, match=message):
        Real.fit(np.array([1.0, 2.0]), "c").features(np.array(given), "c")


@pytest.mark.parametrize(
    "kind",
    [
        Real.fit(np.array([0.1, 1 / 3, 1e-300]), "a"),
        Integer.fit(np.array([-(2**63), 2**63 - 1]), "a"),
        Constant.fit(np.array([0.1]), "a"),
        Constant.fit(np.array([0.1], dtype="longdouble"), "a"),
        Constant.fit(np.array([2**63 + 1], dtype=np.uint64), "a"),
        Constant.fit(np.array([True]), "a"),
        Category.fit(np.array(["é", "a"]), "a"),
        Category.fit(np.array([1, 2]), "a"),
    ],
    ids=str,
)
def test_kinds_survive_json(kind: Kind) -> None:
    assert kinds.from_config(json.loads(json.dumps(kind.to_config()))) == kind
