"""Degrees with minutes and seconds are numbers, and come back as they were written."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from unnoise import InputError
from unnoise.data import Schema
from unnoise.data._written import forms
from unnoise.data._written.degrees import Degrees, degrees_of

WAYS = {
    "0°00'N/S": {"52°31'N": 52 + 31 / 60, "0°07'S": -7 / 60, "5°00'N": 5.0},
    "00°00'00.0\"E/W": {"08°02'34.6\"E": 8 + 2 / 60 + 34.6 / 3600, "00°00'00.1\"W": -0.1 / 3600},
    "000° 00.000′E/W": {"013° 24.500′E": 13 + 24.5 / 60, "179° 59.999′W": -(179 + 59.999 / 60)},
    "N/S 00º 0' 0''": {"N 52º 1' 2''": 52 + 1 / 60 + 2 / 3600, "S 10º 11' 12''": -(10 + 11 / 60 + 12 / 3600)},
    "+00°00'00″": {"+05°12'30″": 5 + 12.5 / 60, "-89°00'01″": -(89 + 1 / 3600)},
    "0°00'00,00\"": {"-0°07'30,00\"": -0.125, "12°00'36,50\"": 12 + 36.5 / 3600},
}


@pytest.mark.parametrize("pattern", WAYS)
def test_degrees_are_read_and_written_again(pattern: str) -> None:
    texts = pl.Series(list(WAYS[pattern]))
    found = degrees_of(texts)
    assert str(found) == pattern
    assert found == forms.form(pattern)
    np.testing.assert_allclose(found.numbers(texts), list(WAYS[pattern].values()), rtol=0, atol=1e-12)
    assert found.texts(found.numbers(texts).to_numpy()).tolist() == texts.to_list()


def test_one_of_many_that_was_rounded_to_sixty_is_read() -> None:
    texts = pl.Series([*(f"5°{i:02}'07.5\"N" for i in range(30)), "5°59'60.0\"N"])
    found = degrees_of(texts)
    assert found is not None
    assert found.numbers(texts)[30] == 6.0
    assert degrees_of(texts.tail(5)) is None


def test_sixty_is_carried_and_plain_numbers_are_degrees() -> None:
    form = Degrees.of("0°00'00\"N/S")
    assert form.texts(np.array([9.99999, -0.99999])).tolist() == ["10°00'00\"N", "1°00'00\"S"]
    assert form.numbers(pl.Series(["52.5", "-7", "52°30'00\"S", "north"])).to_list() == [52.5, -7.0, -52.5, None]


@pytest.mark.parametrize(
    "texts",
    [["52°31'N", "13°24'E"], ["52°31'N", "52°31'12\"N"], ["52°71'N", "1°2'N"], ["5°3'N", "5°03'N"], ["52.5°N"], ["N"]],
)
def test_what_would_not_come_back_is_none(texts: list[str]) -> None:
    assert degrees_of(pl.Series(texts)) is None


@pytest.mark.parametrize("pattern", ["00'N/S", "N/S 00°00'N/S", "00°00.0000000'N/S", "0000°00'"])
def test_patterns_of_none_are_refused(pattern: str) -> None:
    with pytest.raises(InputError, match="expected one of degrees"):
        Degrees.of(pattern)


def test_a_table_of_places_has_numbers_and_its_own_texts() -> None:
    rng = np.random.default_rng(0)
    texts = Degrees.of("00°00'00.0\"N/S").texts(rng.uniform(-60, 60, 100))
    frame = pl.DataFrame({"lat": texts.tolist(), "depth": rng.gamma(2, 3, 100)})
    schema = Schema.infer(frame)
    assert Schema.from_config(schema.to_config()) == schema
    values = schema.container.split(frame)["lat"]
    assert values.dtype == np.float64
    assert (values.min(), values.max()) > (-60.01, 59.0)
    assert schema.container.join(schema.container.split(frame)).equals(frame)
    known = schema.given({"lat": "10°30'00.0\"S"}, 1)
    assert known.columns["lat"][0].tolist() == [-10.5]
    made = schema.decode(schema.encode(frame).x)["lat"]
    assert made.str.contains(r"^\d\d°[0-5]\d'[0-5]\d\.\d\"[NS]$").all()
