"""Numbers that are written with signs around them: in which form, and back in the same."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from unnoise._errors import InputError
from unnoise.data._written.notations import Notation, notation_of

FORMS = {
    "$#,##0.00": {"$1,234.50": 1234.5, "$5.00": 5, "-$0.25": -0.25},
    "#.##0,00 €": {"1.234,50 €": 1234.5, "-0,99 €": -0.99, "1.000.000,00 €": 1e6},
    "# ##0,0 kr": {"1 234,5 kr": 1234.5, "1,0 kr": 1},
    "R$ #.##0,00": {"R$ 1.200,00": 1200, "R$ 3,00": 3},
    "CHF #'##0": {"CHF 1'234'567": 1234567, "CHF 12": 12},
    "0.0%": {"12.5%": 12.5, "3.0%": 3},
    "0.#%": {"12.5%": 12.5, "3%": 3},
    "0,0 %": {"87,5 %": 87.5, "1,0 %": 1},
    "0.# kg": {"70 kg": 70, "70.5 kg": 70.5},
    "0°C": {"10°C": 10, "-3°C": -3},
    "#,##0": {"678,250": 678250, "1,234,567": 1234567},
    "#\u202f##0,00": {"1\u202f234,50": 1234.5, "5,00": 5},
    "0.0;−0.0": {"−1.5": -1.5, "2.0": 2, "−0.0": 0},
    "$#,##0;($#,##0)": {"($1,234,500)": -1234500, "$7": 7},
    "$0.00;$-0.00": {"$-5.00": -5, "$4.00": 4},
    "$ #,##0.00;$ (#,##0.00)": {"$ (1,234.50)": -1234.5, "$ 5.00": 5},
    "#,##0.00;#,##0.00-": {"1,234.50-": -1234.5, "5.00": 5},
    "0.00;0.00-": {"12.50-": -12.5, "5.00": 5},
    "0 kg;0 kg−": {"12 kg−": -12, "5 kg": 5},
    "0 days| day": {"34 days": 34, "1 day": 1, "0 days": 0, "-1 day": -1},
    "0.0 hrs| hr": {"1.0 hr": 1, "2.5 hrs": 2.5, "1.5 hrs": 1.5},
    "#\u2009##0": {"1\u2009234": 1234, "5": 5},
    "0.0;–0.0": {"–1.5": -1.5, "2.0": 2},
    "+0.0%;-0.0%": {"+1.5%": 1.5, "-2.0%": -2, "+0.0%": 0},
    "+$0;-$0;$0": {"+$15": 15, "-$2": -2, "$0": 0},
}


@pytest.mark.parametrize("pattern", FORMS)
def test_texts_are_their_numbers_and_come_back(pattern: str) -> None:
    texts = pl.Series([*FORMS[pattern], None])
    form = notation_of(texts)
    assert str(form) == pattern
    assert Notation.of(pattern) == form
    assert form.numbers(texts).to_list() == [*FORMS[pattern].values(), None]
    back = form.texts(np.array(list(FORMS[pattern].values()))).tolist()
    assert back == ["0.0" if text == "−0.0" else text for text in FORMS[pattern]]


@pytest.mark.parametrize(
    "texts",
    [
        ["00501%", "00200%"],  # the zeros would be lost
        ["$5.00", "$1234.50", "$1,234.50"],  # of two forms
        ["$5", "€5"],
        ["5%", "five"],
        ["1,234", "5,678"],  # what the comma means is not known
        ["1,234 kg", "3,234 kg"],
        ["1.234", "1.500"],
        ["100", "200"],
        ["1,2", "3,4"],  # may be two things
        ["(1)", "(2)"],
        ["A1", "A2"],
        ["99999999999999999999%"],  # beyond 64 bits
        ["0.12345678901234567%"],
        ["1/2 kg"],
        ["1 kg", "500 g", "1 g"],
        ["2 days", "1 day", "1 days"],
        [""],
    ],
)
def test_other_texts_stay_texts(texts: list[str]) -> None:
    assert notation_of(pl.Series(texts)) is None
    assert notation_of(pl.Series([None], dtype=pl.String)) is None


@pytest.mark.parametrize(("text", "number"), [("$1,234", 1234), ("1.234 €", 1234), ("$3.459", 3.459)])
def test_money_with_one_sign_is_read_as_is_likely_and_said(text: str, number: float) -> None:
    with pytest.warns(UserWarning, match=rf"Column 'n' is read as numbers: .* is {number}; write it otherwise"):
        form = notation_of(pl.Series([text]), "n", aloud=True)
    assert form.numbers(pl.Series([text])).to_list() == [number]


def test_later_texts_may_have_no_signs_and_other_decimals_but_no_other_point() -> None:
    euros = Notation.of("#.##0,00 €")
    texts = pl.Series(["1234,5", "€ 3", "1.234.567,125 €", "12.5", "x"])
    assert euros.numbers(texts).to_list() == [1234.5, None, 1234567.125, None, None]


def test_more_decimals_are_rounded_and_many_digits_kept() -> None:
    assert Notation.of("0.0%").texts(np.array([0.26, 99.99, -0.04])).tolist() == ["0.3%", "100.0%", "0.0%"]
    assert Notation.of("$0").texts(np.array([2**60 + 1])).tolist() == [f"${2**60 + 1}"]


@pytest.mark.parametrize("pattern", ["", "$", "0.0.0", "0;+0", "#,##0,0", "x" * 13 + "0"])
def test_a_pattern_that_is_none_is_refused(pattern: str) -> None:
    with pytest.raises(InputError, match="expected one of numbers, as"):
        Notation.of(pattern)


LAKHS = {
    "#,##,##0": {"1,23,100": 123100, "12,34,56,789": 123456789, "950": 950},
    "₹#,##,##0.00": {"₹1,23,456.50": 123456.5},
}


@pytest.mark.parametrize("pattern", LAKHS)
def test_groups_of_two_digits_as_in_india(pattern: str) -> None:
    form = notation_of(pl.Series(list(LAKHS[pattern])))
    assert str(form) == pattern
    assert Notation.of(pattern) == form
    assert form.numbers(pl.Series(list(LAKHS[pattern]))).to_list() == list(LAKHS[pattern].values())
    values = np.array([0, 99, 1000, 99999, 100000, 12345678, -4500000])
    wanted = ["0", "99", "1,000", "99,999", "1,00,000", "1,23,45,678", "-45,00,000"]
    assert Notation.of("#,##,##0").texts(values).tolist() == wanted


def test_many_plain_numbers_with_signs_are_thousands_and_said() -> None:
    values = np.arange(30) * 1017 + 12_345
    texts = pl.Series([f"{value:,}" for value in values])
    with pytest.warns(UserWarning, match="'n' is read as numbers: '12,345' is 12345; write it otherwise"):
        form = notation_of(texts, "n", aloud=True)
    assert (str(form), form.numbers(texts).to_list()) == ("#,##0", values.tolist())
    assert notation_of(texts[:20]) is None, "a few may be levels, or have three decimals"


@pytest.mark.parametrize(
    ("written", "pattern"),
    [
        ("Rs. {:.2f}", "Rs. 0.00"),
        ("{:.1f} mmHg", "0.# mmHg"),
        ("{:.0f} mg/dL", "0 mg/dL"),
        ("{:.0f} m2", "0 m2"),
        ("~{:.2f}", "~0.00"),
        ("{:.2f} million", "0.00 million"),
        ("{:.2f}x", "0.00x"),
        ("item {:.0f}", None),
        ("L{:.0f}", None),
        ("{:.0f}-A", None),
        ("{:.0f}:30", None),
        ("{:03.0f} m2", None),
        ("{:.2f} l/100km", None),
    ],
)
def test_measures_in_units_that_nobody_listed(written: str, pattern: str | None) -> None:
    texts = pl.Series([written.format(5 + 1.37 * i) for i in range(40)])
    form = notation_of(texts)
    assert (form and str(form)) == (pattern and pattern.replace("0.#", "0.0"))
    assert form is None or form.texts(form.numbers(texts).to_numpy()).tolist() == texts.to_list()
    assert notation_of(texts[:20]) is None, "a few texts may be levels"
