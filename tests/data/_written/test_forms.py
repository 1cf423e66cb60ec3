"""The form of a column of numbers, by its texts and by its pattern."""

from __future__ import annotations

import polars as pl
import pytest

from unnoise import InputError
from unnoise.data._written.forms import form, plain_form
from unnoise.data._written.notations import Notation
from unnoise.data._written.scientific import Scientific


@pytest.mark.parametrize(("texts", "kind"), [(["1.50", "22.25"], Notation), (["1.5E+03", "2.0E-01"], Scientific)])
def test_a_column_has_one_form_which_its_pattern_says(texts: list[str], kind: type) -> None:
    found = plain_form(pl.Series(texts), ".")
    assert isinstance(found, kind)
    assert form(str(found)) == found


def test_words_have_none() -> None:
    assert plain_form(pl.Series(["a", "1.5E+03"]), ".") is None


def test_another_pattern_is_refused() -> None:
    with pytest.raises(InputError, match="form 'General'"):
        form("General")
