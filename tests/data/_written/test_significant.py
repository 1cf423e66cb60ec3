"""Numbers of a few significant digits keep as many, in files as in what is made from them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from unnoise import DenoisingMarkovModel, InputError
from unnoise.data import files
from unnoise.data._formats.reading import Reading
from unnoise.data._written import forms
from unnoise.data._written.significant import Significant, significant_of

VALUES = 10.0 ** np.random.default_rng(0).uniform(-12, 12, 200)


@pytest.mark.parametrize("form", [Significant(4), Significant(3, exponent=False), Significant(2, ",")])
def test_the_form_of_rounded_numbers_is_found(form: Significant) -> None:
    texts = pl.Series(form.texts(VALUES).tolist())
    assert significant_of(texts, form.point) == form
    assert forms.form(str(form)) == form
    np.testing.assert_allclose(form.numbers(texts), VALUES, rtol=0.5 * 10.0 ** (1 - form.digits))


@pytest.mark.parametrize(
    "texts",
    [
        [repr(value) for value in VALUES[:50].tolist()],  # all digits
        ["0.5", "1.25", "20"],  # on a grid
        ["1.50e-09", "2.25e-09"],  # a zero at the end, of a form with an exponent
        ["1e-9", "x"],
        ["1.2e-9", "0.0000012"],
    ],
)
def test_other_numbers_have_none(texts: list[str]) -> None:
    assert significant_of(pl.Series(texts), ".") is None


def test_patterns_of_none_are_refused() -> None:
    with pytest.raises(InputError, match=r"expected one of significant digits, as %\.3g"):
        Significant.of("%.0g")


def test_new_rows_have_as_many_digits(tmp_path: Path) -> None:
    texts = Significant(4).texts(VALUES).tolist()
    path = tmp_path / "rows.csv"
    path.write_text("x,y\n" + "".join(f"{text},{i % 3}\n" for i, text in enumerate(texts)))
    frame, dialect, _ = files.read_with(path, Reading())
    assert dialect is not None
    assert dict(dialect.forms) == {"x": "%.4g"}
    rows = DenoisingMarkovModel(quick=True, random_state=0).fit(frame).sample(50, seed=0)
    files.write(rows, tmp_path / "new.csv", dialect=dialect)
    made = [line.partition(",")[0] for line in (tmp_path / "new.csv").read_text().splitlines()[1:]]
    assert made == [f"{value:.4g}" for value in rows["x"].to_list()]
