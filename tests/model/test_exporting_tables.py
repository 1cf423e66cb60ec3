"""An exported table draws the same rows with torch alone."""

from __future__ import annotations

import json
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import torch

from unnoise import DenoisingMarkovModel, InputError
from unnoise.model import standalone_table
from unnoise.model.exporting import DENOISER, LAW, PLAN, SAMPLER
from unnoise.networks import ResNet

pytestmark = pytest.mark.filterwarnings("ignore:1 column holds a single value")
N = 80
TINY = partial(ResNet, width=16, depth=1)
BRIEF: dict[str, Any] = {"steps": 3, "batch_size": 16, "validation": 0, "network": TINY}
BUILDS = [{"quick": True}, pytest.param(BRIEF, marks=pytest.mark.slow)]


def table(holes: bool = False) -> pl.DataFrame:
    """Whole numbers, cents, real numbers of both widths, levels, truth values and what is always the same."""
    rng = np.random.default_rng(0)
    frame = pl.DataFrame(
        {
            "age": rng.integers(17, 90, N),
            "pay": np.round(rng.lognormal(3, 1, N), 2),
            "height": rng.normal(1.7, 0.1, N),
            "small": rng.normal(size=N).astype(np.float32),
            "sex": rng.choice(["f", "m"], N),
            "ill": rng.random(N) < 0.2,
            "one": ["same"] * N,
        }
    )
    if not holes:
        return frame
    return frame.with_columns(
        pl.when(pl.Series(rng.random(N) < 0.3)).then(None).otherwise(pl.col(name)).alias(name)
        for name in ("age", "sex", "ill")
    )


def alike(rows: dict[str, list[Any]], expected: pl.DataFrame) -> bool:
    return list(rows) == expected.columns and pl.DataFrame(rows, schema=expected.schema).equals(expected)


@pytest.mark.parametrize("holes", [False, True])
@pytest.mark.parametrize("options", BUILDS)
def test_it_makes_the_same_rows_of_the_same_seed(options: dict[str, Any], holes: bool, tmp_path: Path) -> None:
    model = DenoisingMarkovModel(**options).fit(table(holes))
    model.export(tmp_path / "model")
    expected = model.sample(40, seed=3)
    assert alike(standalone_table.sample(40, 3, tmp_path / "model"), expected)
    assert not alike(standalone_table.sample(40, 4, tmp_path / "model"), expected)
    assert bool(holes) == any(expected.null_count().row(0))


def test_groups_of_columns_that_are_independent_are_drawn_alike(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    a, c = rng.integers(0, 30, (2, 400))
    frame = pl.DataFrame({"a": a, "b": [None if x > 25 else 3 * x for x in a.tolist()], "c": c, "d": c // 2})
    model = DenoisingMarkovModel(quick=True).fit(frame)
    assert model.denoiser_.law.groups is not None
    model.export(tmp_path / "model")
    assert alike(standalone_table.sample(60, 3, tmp_path / "model"), model.sample(60, seed=3))


@pytest.mark.slow
@pytest.mark.parametrize("n", [0, 1, 21])
def test_any_number_of_rows_is_welcome(n: int, tmp_path: Path) -> None:
    """Also in groups, as of many rows."""
    for options in ({"quick": True}, BRIEF):
        model = DenoisingMarkovModel(**options).fit(table(holes=True))
        model.export(tmp_path / "model", overwrite=True)
        assert alike(standalone_table.sample(n, 5, tmp_path / "model"), model.sample(n, seed=5))


@pytest.mark.slow
def test_columns_of_conditions_are_given(tmp_path: Path) -> None:
    model = DenoisingMarkovModel(condition="sex", **BRIEF).fit(table())
    model.export(tmp_path / "model")
    assert alike(
        standalone_table.sample(9, 3, tmp_path / "model", sex="m"), model.sample(9, given={"sex": "m"}, seed=3)
    )
    with pytest.raises(ValueError, match=r"got levels of \[\]; expected those of \['sex'\]"):
        standalone_table.sample(1, 0, tmp_path / "model")


@pytest.mark.slow
def test_a_single_column_is_a_table(tmp_path: Path) -> None:
    for name in ("age", "height", "sex"):
        model = DenoisingMarkovModel(**BRIEF).fit(table().select(name))
        model.export(tmp_path / "model", overwrite=True)
        assert alike(standalone_table.sample(9, 3, tmp_path / "model"), model.sample(9, seed=3))


@pytest.mark.slow
def test_numbers_of_two_digits_are_the_same(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    frame = pl.DataFrame({"x": rng.normal(size=3000), "n": rng.integers(-(10**12), 10**12, 3000)})
    model = DenoisingMarkovModel(**BRIEF).fit(frame)
    model.export(tmp_path / "model")
    plan = json.loads((tmp_path / "model" / PLAN).read_text(encoding="utf-8"))
    assert [one["digits"] for one in plan["columns"]] == [2, 2]
    assert alike(standalone_table.sample(50, 3, tmp_path / "model"), model.sample(50, seed=3))


@pytest.mark.slow
def test_large_groups_are_drawn_in_parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As those of the sampler."""
    model = DenoisingMarkovModel(**BRIEF).fit(table())
    model.export(tmp_path / "model")
    plan = json.loads((tmp_path / "model" / PLAN).read_text(encoding="utf-8"))
    (tmp_path / "model" / PLAN).write_text(json.dumps(plan | {"batch": 4}), encoding="utf-8")
    monkeypatch.setattr("unnoise.samplers.base.default_batch_size", lambda event_shape: 4)
    assert alike(standalone_table.sample(10, 3, tmp_path / "model"), model.sample(10, seed=3))


@pytest.mark.slow
def test_it_needs_torch_alone(tmp_path: Path) -> None:
    """In a process that finds no unnoise, nor what unnoise needs besides torch."""
    for options, files in (({"quick": True}, {LAW, PLAN, SAMPLER}), (BRIEF, {DENOISER, PLAN, SAMPLER})):
        model = DenoisingMarkovModel(**options).fit(table(holes=True))
        model.export(tmp_path / "model", overwrite=True)
        assert {path.name for path in (tmp_path / "model").iterdir()} == files
        code = (
            "import runpy, sys\n"
            "for name in ('unnoise', 'polars', 'pandas', 'sklearn', 'narwhals'): sys.modules[name] = None\n"
            f"sys.argv = ['sampler.py', '-n', '12', '--seed', '2', '-o', {str(tmp_path / 'rows.csv')!r}]\n"
            f"runpy.run_path({str(tmp_path / 'model' / SAMPLER)!r}, run_name='__main__')\n"
        )
        subprocess.run(
            [sys.executable, "-W", "error", "-c", code], check=True, timeout=300, env={"PATH": ""}, cwd=tmp_path
        )
        expected = model.sample(12, seed=2)
        assert pl.read_csv(tmp_path / "rows.csv", schema=expected.schema).equals(expected)


def refusals() -> list[Any]:
    days = pl.Series("day", np.arange(60).astype("datetime64[D]"))
    ordered = pl.DataFrame({"a": np.arange(60.0), "b": np.arange(60.0) + np.random.default_rng(0).random(60)})
    wide = pl.DataFrame({f"x{i}": np.random.default_rng(i).integers(0, 3, 60) for i in range(129)})
    return [
        ({}, pl.DataFrame({"day": days, "n": range(60)}), "the column 'day', whose dates"),
        ({"constraints": "a <= b"}, ordered, "constraints"),
        ({}, wide, "so many cells"),
    ]


@pytest.mark.parametrize(("options", "data", "match"), refusals())
def test_what_torch_alone_cannot_do_is_told(options: dict[str, Any], data: Any, match: str, tmp_path: Path) -> None:
    model = DenoisingMarkovModel(**options | BRIEF).fit(data)
    with pytest.raises(InputError, match=f"got {match}.*expected a table of numbers and levels"):
        model.export(tmp_path / "model")
    assert not (tmp_path / "model").exists()


def test_numbers_of_steps_are_for_others(tmp_path: Path) -> None:
    model = DenoisingMarkovModel(quick=True).fit(table())
    with pytest.raises(InputError, match=r"got steps = 7 for a table.*leave it out"):
        model.export(tmp_path / "model", steps=7)


def test_laws_are_those_of_the_denoiser() -> None:
    """A tensor for every factor, where the graph gives a tuple."""
    from unnoise.model.exporting_tables import Laws

    model = DenoisingMarkovModel(**BRIEF).fit(table())
    state = {name: factor.process().blank().expand(2, -1) for name, factor in model.schema_.factors.items()}
    expected = model.denoiser_(state, torch.ones((), dtype=torch.float64))
    found = Laws(model.denoiser_, model.schema_)(torch.cat(list(state.values()), 1))
    for one, law in zip(found, expected.values(), strict=True):
        torch.testing.assert_close(one, law)


def test_names_of_rows_are_made_as_the_model_makes_them(tmp_path: Path) -> None:
    spread = np.random.default_rng(0).choice(10**6, N, replace=False)
    named = {
        "id": [f"P-{i:03}" for i in range(N)],
        "plate": [f"{'AB'[i % 2]}{number:x}" for i, number in enumerate((spread + 2**20).tolist())],
        "phone": [f"+49 {number}" for number in spread.tolist()],
        "who": ["x" * (i + 1) for i in range(N)],
    }
    frame = table().select("age").with_columns(**{name: pl.Series(texts) for name, texts in named.items()}, row=spread)
    model = DenoisingMarkovModel(quick=True, kinds=dict.fromkeys((*named, "row"), "identifier")).fit(frame)
    model.export(tmp_path / "model")
    expected = model.sample(40, seed=3)
    assert alike(standalone_table.sample(40, 3, tmp_path / "model"), expected)
    assert expected["id"].to_list()[:2] == ["P-080", "P-081"]
    assert all(not set(expected[name]) & set(frame[name]) for name in (*named, "row"))


@pytest.mark.parametrize("holes", [False, True])
@pytest.mark.parametrize("options", BUILDS)
def test_columns_that_are_others_are_the_same_too(options: dict[str, Any], holes: bool, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    bill, paid = rng.integers(1, 10**6, (2, 300))
    paid = np.where(rng.random(300) < 0.4, bill, paid)
    back = np.where(rng.random(300) < 0.4, paid, rng.random(300).round(2))
    rows = pl.DataFrame({"bill": bill, "paid": paid, "back": back})
    if holes:
        rows = rows.with_columns(
            pl.when(pl.Series(rng.random(300) < 0.3)).then(None).otherwise(pl.col("bill")).alias("bill")
        )
    model = DenoisingMarkovModel(**options).fit(rows)
    model.export(tmp_path / "model")
    expected = model.sample(60, seed=3)
    assert (expected["bill"] == expected["paid"]).sum() > 5
    assert alike(standalone_table.sample(60, 3, tmp_path / "model"), expected)
