"""The form of a pattern, and the one that texts have."""

from __future__ import annotations

import polars as pl
import pytest

from unnoise._errors import InputError
from unnoise.data._forms import form, plain_form


@pytest.mark.parametrize("texts", [["1.50", "2.25"], ["1.50E+03", "2.25E-01"], ["0.15D+01", "0.20D-03"]])
def test_a_form_is_that_of_its_pattern(texts: list[str]) -> None:
    found = plain_form(pl.Series(texts), ".")
    assert found is not None
    assert form(str(found)) == found
    assert found.texts(found.numbers(pl.Series(texts)).to_numpy()).tolist() == texts


def test_what_is_no_form_is_refused() -> None:
    with pytest.raises(InputError, match="got the form 'x0y0'"):
        form("x0y0")
    assert plain_form(pl.Series(["1.5", "2.50E+01"]), ".") is None
