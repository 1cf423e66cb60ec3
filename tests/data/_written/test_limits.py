"""Words for limits among numbers: values of their own, in their order, that come back as they were written."""

from __future__ import annotations

import json
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pytest
import torch

from unnoise import DenoisingMarkovModel
from unnoise._errors import InputError
from unnoise.data import Schema, files
from unnoise.data._written.limits import limits_of
from unnoise.testing import assert_mean

TEXTS = {
    "signs": (["0.7", "<0.5", "1.2", ">50", "12"], ["<0.5", ">50"], "0.#"),
    "blanks": (["0.70", "< 0.5", "1.25", "≥ 50", "3.00"], ["< 0.5", "≥ 50"], "0.00"),
    "names": (["0.7", "ND", "<LOD", "1.2", "<0.5", "3.1"], ["ND", "<LOD", "<0.5"], "0.0"),
    "commas": (["0,7", "<0,5", "1,2", "12,9", ">LOQ"], ["<0,5", ">LOQ"], "0,0"),
    "units": (["7 mg", "<2 mg", "11 mg", "9 mg"], ["<2 mg"], "0 mg"),
    "exponents": (["1.5E-03", "<1.0E-03", "2.5E+00", "9.5E-01"], ["<1.0E-03"], "0.0E+00"),
    "phrases": (
        ["7", "below detection limit", "9", "12", "more than 50"],
        ["below detection limit", "more than 50"],
        "0",
    ),
    "no steady decimals": (["0.50", "<0.5", "1.5", "3"], ["<0.5"], "0.##"),
    "words before numbers": (["7", "9", "12", "under 1", "more than 50"], ["under 1", "more than 50"], "0"),
    "words behind numbers": ([*map(str, range(1, 30)), "30 or more", "0 or less"], ["0 or less", "30 or more"], "0"),
    "units behind words": (
        ["1 year", *(f"{i} years" for i in range(2, 30)), "30+ years"],
        ["30+ years"],
        "0 years| year",
    ),
    "many before a plus": ([*map(str, range(30)), "30+"], ["30+"], "0"),
}


@pytest.mark.parametrize("name", TEXTS)
def test_words_are_found_in_their_order(name: str) -> None:
    texts, words, form = TEXTS[name]
    found = limits_of(pl.Series(texts))
    assert found is not None
    assert [*found.less, *found.more] == words
    assert str(found.form) == form


@pytest.mark.parametrize(
    "texts",
    [
        ["1", "2", "3+"],
        ["0", "1", "2", "3 or more"],
        ["1", "2", "5", "ND"],
        ["<1", "<2", "<3"],
        ["low", "1", "2", "3"],
        ["under 18", "18-25", "over 65"],
    ],
)
def test_levels_and_other_words_are_none(texts: list[str]) -> None:
    assert limits_of(pl.Series(texts)) is None


def among(*words: str, low: int = 0, count: int = 30) -> list[str]:
    return [*map(str, range(low, low + count)), *words]


@pytest.mark.parametrize(
    ("texts", "others", "less", "guess"),
    [
        (among("ERR", "refused"), ["ERR", "refused"], [], None),
        (among("ERR", "<0.5"), ["ERR"], ["<0.5"], None),
        (among("ND"), [], ["ND"], "ND"),  # amounts
        (among("ND", low=-5), ["ND"], [], None),  # below zero nothing is detected less
        (among("ND", "<LOD"), [], ["ND", "<LOD"], None),
    ],
)
def test_words_that_say_nothing_of_how_much_stand_apart(
    texts: list[str], others: list[str], less: list[str], guess: str | None
) -> None:
    found = limits_of(pl.Series(texts))
    assert found is not None
    assert (list(found.others), list(found.less), found.guess) == (others, less, guess)
    assert list(found.places(0.0, 9.0)) == sorted(found.places(0.0, 9.0)), "in the order of the words"


@pytest.mark.parametrize(
    "texts",
    [
        among("ERR", count=19),  # levels
        [*among(), *["ERR"] * 31],  # in most rows
        among("a", "b", "c", "d", "e", "f"),
        [f"{i:03}" for i in range(30)] + ["none"],  # codes
        [f"+49 {i}" for i in range(30)] + ["none"],
        among("12a"),
    ],
)
def test_levels_and_codes_beside_words_stay_text(texts: list[str]) -> None:
    assert limits_of(pl.Series(texts)) is None


def of_a_survey(n: int = 400) -> pl.DataFrame:
    """A quarter of the women do not say their income, and none of the men."""
    rng = np.random.default_rng(0)
    texts = [str(int(value)) for value in rng.lognormal(8, 0.5, n)]
    texts = ["refused" if i % 8 == 0 else text for i, text in enumerate(texts)]
    return pl.DataFrame({"sex": ["fm"[i % 2] for i in range(n)], "income": texts})


def test_words_apart_keep_their_share_and_their_links_and_lie_in_no_range() -> None:
    frame = of_a_survey()
    with pytest.warns(UserWarning, match="'income' holds numbers beside 'refused', a value of its own"):
        schema = Schema.infer(frame)
    config = json.loads(json.dumps(schema.to_config()))
    assert Schema.from_config(config) == schema
    drawn = schema.decode(schema.encode(frame).x, rng=torch.Generator().manual_seed(0))["income"]
    assert (drawn == "refused").equals(frame["income"] == "refused")
    with warnings.catch_warnings(action="ignore"):
        model = DenoisingMarkovModel(quick=True, progress=False).fit(frame)
    drawn = model.sample(2000, seed=0)
    women = drawn.filter(pl.col("sex") == "f")["income"] == "refused"
    assert_mean(women.cast(pl.Float64).to_torch(), 0.25, tolerance=0.05)
    men = drawn.filter(pl.col("sex") == "m")["income"] == "refused"
    assert_mean(men.cast(pl.Float64).to_torch(), 0.0, tolerance=0.05)
    for ends in ((None, 2500), (0, 2500)):
        inside = model.sample(200, given={"income": ends}, seed=0)["income"].cast(pl.Int64)
        assert inside.is_between(0, 2500).all()
    assert set(model.sample(50, given={"income": "Refused"}, seed=0)["sex"]) == {"f"}
    assert "%" not in schema.describe().partition("written")[0].partition("income")[2], "of numbers, not of words"


def test_a_later_file_keeps_the_words_of_the_model(tmp_path: Path) -> None:
    """In a file of few rows nothing tells that ND is a word, and - is a hole."""
    path = tmp_path / "few.csv"
    path.write_text("c,k\nND,1\n-,ND\n")
    with pytest.warns(UserWarning, match="'-' is read as missing in 'c'|'ND' is read as missing in 'k'") as said:
        read = files.read(path, words={"c": ["ND"]})
    assert len(said) == 2
    assert read.rows() == [("ND", 1), (None, None)]  # type: ignore[union-attr]


def test_marks_beside_words_among_dates_are_missing(tmp_path: Path) -> None:
    path = tmp_path / "d.csv"
    days = [f"2023-01-{i:02}" for i in range(1, 31)]
    path.write_text("d,k\n" + "".join(f"{text},1\n" for text in [*days, "never", "-"]))
    with pytest.warns(UserWarning, match="'-' is read as missing in 'd'"):
        read = files.read(path)
    assert read["d"].to_list() == [*days, "never", None]  # type: ignore[union-attr,call-overload]


def of_a_laboratory(n: int = 400) -> pl.DataFrame:
    """Of site a 30 % below the limit, of b none, and two rows in all above the other."""
    rng = np.random.default_rng(0)
    site = np.arange(n) % 2
    texts = [f"{value:.3f}" for value in rng.lognormal(1 + site, 0.4, n) + 0.5]
    for i in range(0, n, 2):
        texts[i] = "<0.5" if i % 20 < 6 else texts[i]
    texts[1] = texts[3] = ">50"
    return pl.DataFrame({"site": ["ab"[i] for i in site], "conc": texts})


def test_each_word_is_a_cell_of_its_own_and_comes_back() -> None:
    frame = of_a_laboratory()
    schema = Schema.from_config(json.loads(json.dumps(Schema.infer(frame).to_config())))
    numbers = schema.container.split(frame)["conc"]
    assert (numbers[(frame["conc"] == "<0.5").to_numpy()] < 0.5).all()
    assert (numbers[(frame["conc"] == ">50").to_numpy()] > 50).all()
    x = schema.encode(frame).x
    for seed in range(3):
        drawn = schema.decode(x, rng=torch.Generator().manual_seed(seed))["conc"]
        for word in ("<0.5", ">50"):
            assert (drawn == word).equals(frame["conc"] == word), "a cell holds a word alone, however rare it is"
        rest = drawn.filter(~drawn.is_in(["<0.5", ">50"]))
        assert rest.str.contains(r"^\d+\.\d{3}$").all()
    assert schema.describe().count("beside the words <0.5, >50") == 1
    assert "numbers with 3 decimals 1." in schema.describe()


def test_words_keep_their_shares_and_links_and_are_given_in_ranges() -> None:
    frame = of_a_laboratory()
    model = DenoisingMarkovModel(quick=True, progress=False).fit(frame)
    drawn = model.sample(2000, seed=0).group_by("site").agg(share=(pl.col("conc") == "<0.5").mean())
    shares = dict(drawn.iter_rows())
    assert abs(shares["a"] - 0.3) < 4 * (0.3 * 0.7 / 200 + 0.3 * 0.7 / 1000) ** 0.5
    assert shares["b"] < 0.03
    assert set(model.sample(20, given={"conc": "< 0.5"}, seed=0)["conc"]) == {"<0.5"}
    assert set(model.sample(20, given={"conc": {"<0.5", ">50"}}, seed=0)["conc"]) <= {"<0.5", ">50"}
    inside = model.sample(20, given={"conc": (0.4, "2")}, seed=0)["conc"].cast(pl.Float64)
    assert inside.is_between(0.4, 2).all()
    assert model.schema_.given({"conc": (None, 2)}, 1).within["conc"].holds(np.array([-100.0, 1.0, 3.0])).tolist() == [
        True,
        True,
        False,
    ]
    with pytest.raises(InputError, match=r"holds '<7'; expected numbers as then, or <0\.5 or >50"):
        model.sample(1, given={"conc": "<7"})


def test_a_column_of_numbers_is_filled_with_words() -> None:
    frame = of_a_laboratory()
    schema = Schema.infer(frame)
    x = schema.encode(frame[:2]).x  # <0.5 and >50
    for holes in (
        pl.DataFrame({"site": ["a", "b", "a"], "conc": [None, None, 1.5]}),
        pd.DataFrame({"site": ["a", "b", "a"], "conc": [None, None, 1.5]}),
    ):
        both = {name: part[[0, 1, 1]] for name, part in x.items()}
        assert list(schema.filled(holes, both)["conc"])[:2] == ["<0.5", ">50"]


def test_objects_of_pandas_and_files_with_marks(tmp_path: Path) -> None:
    frame = pd.DataFrame({"c": [0.7, 1.25, "<0.5", 3.1, None, 7] * 10, "x": range(60)})
    schema = Schema.infer(frame)
    assert schema.container.words("c").keys() == {"<0.5"}
    assert schema.decode(schema.encode(frame).x)["c"][:4].tolist() == [0.7, 1.25, "<0.5", 3.1]
    (tmp_path / "c.csv").write_text("c,k\n0.7,u\n-,u\n<0.5,u\nND,u\n2.5,v\n3.5,v\n")
    with pytest.warns(UserWarning, match="'-' is read as missing in 'c'"):
        read = files.read(tmp_path / "c.csv")
    assert read["c"].to_list() == ["0.7", None, "<0.5", "ND", "2.5", "3.5"]  # type: ignore[union-attr,call-overload]


def test_what_is_declared_is_no_column_of_words() -> None:
    schema = Schema.infer(of_a_laboratory(), kinds={"conc": "category"})
    assert "<0.5" in schema.levels("conc")


def test_numbers_among_objects_of_pandas_come_back_as_numbers() -> None:
    values = [float(i) / 2 for i in range(2, 40)]
    codes: list[object] = ["ERR" if i % 9 == 0 else i for i in range(40)]
    frame = pd.DataFrame({"lod": pd.Series(["<1.0", "<1.0", *values], dtype=object), "code": codes, "x": range(40)})
    with pytest.warns(UserWarning, match="'code' holds numbers beside 'ERR'"):
        schema = Schema.infer(frame)
    schema = Schema.from_config(schema.to_config())
    again = schema.container.join(schema.container.split(frame))
    assert again["lod"].tolist() == frame["lod"].tolist()
    assert {type(value) for value in again["lod"]} == {float, str}
    assert again["code"].tolist() == codes
    assert {type(value) for value in again["code"]} == {int, str}
    texts = Schema.infer(frame.assign(lod=frame["lod"].astype(str), code=range(40)))
    assert {
        type(value) for value in texts.container.join(texts.container.split(frame.assign(code=range(40))))["lod"]
    } == {str}
