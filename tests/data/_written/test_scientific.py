"""Numbers with exponents go to texts and back, in every form."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from unnoise import InputError
from unnoise.data._written.scientific import Scientific, scientific_of

FORMS = [
    Scientific(least=4, most=4),
    Scientific(",", 2, 2, "e"),
    Scientific(least=2, most=2, letter="D", shifted=True),
    Scientific(least=1, most=3, plus=False, power=1),
    Scientific(least=3, most=3, power=3, signed=True),
]
EXACT = np.array([1.5, -20.0, 3e7, 1e-9])  # in every form


@pytest.mark.parametrize("form", FORMS, ids=str)
def test_texts_are_the_numbers(form: Scientific) -> None:
    texts = pl.Series(form.texts(EXACT).tolist())
    assert form.numbers(texts).to_list() == EXACT.tolist()
    assert Scientific.of(str(form)) == form


@pytest.mark.parametrize("form", FORMS, ids=str)
def test_texts_show_their_form(form: Scientific) -> None:
    numbers = np.concatenate([EXACT, [2.25, 1.0]])
    texts = form.texts(numbers).tolist()
    found = scientific_of(pl.Series(texts))
    assert found is not None
    assert found.texts(numbers).tolist() == texts


def test_digits_beyond_the_most_are_rounded() -> None:
    assert Scientific(least=1, most=1).texts(np.array([1.26, -9.99e5])).tolist() == ["1.3E+00", "-1.0E+06"]


@pytest.mark.parametrize("texts", [["1.5E+03", "1.5D+03"], ["1.5e3", "1,5e3"], ["1.5", "1.5E+03"], ["1e400"], [None]])
def test_columns_without_one_form_have_none(texts: list[str | None]) -> None:
    assert scientific_of(pl.Series(texts, dtype=pl.String)) is None


@pytest.mark.parametrize("pattern", ["0.00", "0E", "0.0E+0000", f"0.{'0' * 21}E+00", "0E+00;0.1"])
def test_other_patterns_are_refused(pattern: str) -> None:
    with pytest.raises(InputError, match="expected one of numbers with an exponent"):
        Scientific.of(pattern)
