"""Durations with their units come back as they were written."""

from __future__ import annotations

import polars as pl
import pytest

from unnoise.data._written import dates, durations
from unnoise.data.schema import Schema

SECONDS = {
    "[h]h [m]m": {"0h 5m": 300, "12h 30m": 45_000},
    "[h]h [mm]m": {"0h 05m": 300, "12h 30m": 45_000},
    "?[h]h [m]m": {"5m": 300, "12h": 43_200, "12h 30m": 45_000, "30h 1m": 108_060},
    "[m]m [s]s": {"3m 0s": 180, "90m 59s": 5459},
    "[h] h [m] min": {"1 h 5 min": 3900, "0 h 45 min": 2700},
    "PT[h]H[m]M": {"PT1H0M": 3600, "PT12H30M": 45_000},
    "?P[d]DT[h]H[m]M[s]S": {"P1D": 86_400, "PT5H": 18_000, "P1DT1S": 86_401, "PT0S": 0},
}


@pytest.mark.parametrize("form", SECONDS)
def test_durations_are_read_and_written_again(form: str) -> None:
    texts = pl.Series(list(SECONDS[form]))
    assert dates.pattern_of(texts, "time") == form
    found = dates.parsed(texts, form)
    assert found.dt.total_seconds().to_list() == list(SECONDS[form].values())
    assert dates.written(found, form).to_list() == texts.to_list()
    dates.check_pattern(form)


@pytest.mark.parametrize("form", durations.FORMS)
def test_every_form_gives_back_what_it_writes(form: str) -> None:
    values = pl.Series([3_661, 0, 90_000, 59]).cast(pl.Duration("ms")) * 1000
    texts = durations.written(values, form)
    assert durations.written(durations.parsed(texts, form), form).equals(texts)


@pytest.mark.parametrize("texts", [["1m", "2m"], ["5h 30m", "5h30m"], ["1h 2x", "3h 4x"]])
def test_other_texts_are_no_durations(texts: list[str]) -> None:
    assert dates.pattern_of(pl.Series(texts), "time") is None


def test_durations_of_a_table_come_back() -> None:
    texts = [f"{i % 5}h {i % 60}m" for i in range(1, 100)]
    frame = pl.DataFrame({"time": texts, "x": list(range(99))})
    container = Schema.infer(frame).container
    held = container.split(frame)
    assert held["time"].tolist() == [60 * (i % 5) + i % 60 for i in range(1, 100)]
    assert container.join(held).equals(frame)
