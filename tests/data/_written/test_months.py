"""Months, quarters and weeks, and dates with names of months, come back as they were written."""

from __future__ import annotations

import datetime
import json

import numpy as np
import polars as pl
import pytest

from unnoise._errors import InputError
from unnoise.data._written import dates, months
from unnoise.data.schema import Schema

DATE = datetime.date
WRITTEN = {
    "%m/%Y": {"01/2010": DATE(2010, 1, 1), "12/2011": DATE(2011, 12, 1)},
    "%-m/%Y": {"1/2010": DATE(2010, 1, 1), "12/2011": DATE(2011, 12, 1)},
    "%m.%Y": {"01.2010": DATE(2010, 1, 1), "12.2011": DATE(2011, 12, 1)},
    "%b %Y": {"Jan 2010": DATE(2010, 1, 1), "Dec 2011": DATE(2011, 12, 1)},
    "%B %Y@de": {"januar 2010": DATE(2010, 1, 1), "m\u00e4rz 2011": DATE(2011, 3, 1)},
    "%B %Y": {"January 2010": DATE(2010, 1, 1), "March 2011": DATE(2011, 3, 1)},
    "%YQ%q": {"2010Q1": DATE(2010, 1, 1), "2011Q4": DATE(2011, 10, 1)},
    "Q%q %Y": {"Q1 2010": DATE(2010, 1, 1), "Q3 2011": DATE(2011, 7, 1)},
    "%Y-Q%q": {"2010-Q1": DATE(2010, 1, 1), "2011-Q3": DATE(2011, 7, 1)},
    "%G-W%V": {"2020-W01": DATE(2019, 12, 30), "2020-W53": DATE(2020, 12, 28)},
    "%-d. %B %Y@De": {"3. M\u00e4rz 2024": DATE(2024, 3, 3), "12. Mai 2024": DATE(2024, 5, 12)},
    "%-d %B %Y@fr": {"3 mai 2023": DATE(2023, 5, 3), "14 ao\u00fbt 2023": DATE(2023, 8, 14)},
    "%B %O, %Y": {
        "May 1st, 2023": DATE(2023, 5, 1),
        "June 2nd, 2023": DATE(2023, 6, 2),
        "August 3rd, 2023": DATE(2023, 8, 3),
        "July 11th, 2023": DATE(2023, 7, 11),
        "July 22nd, 2023": DATE(2023, 7, 22),
    },
    "%O of %B %Y": {"31st of August 2023": DATE(2023, 8, 31), "12th of March 2023": DATE(2023, 3, 12)},
    "%O %b %Y": {"23rd Aug 2023": DATE(2023, 8, 23), "4th Mar 2023": DATE(2023, 3, 4)},
    "%^b-%Y": {"AUG-2023": DATE(2023, 8, 1), "MAR-2023": DATE(2023, 3, 1)},
    "%d de %B de %Y@es": {"03 de mayo de 2023": DATE(2023, 5, 3), "14 de enero de 2023": DATE(2023, 1, 14)},
}


@pytest.mark.parametrize("pattern", WRITTEN)
def test_dates_are_read_and_written_again(pattern: str) -> None:
    texts = pl.Series(list(WRITTEN[pattern]))
    assert dates.pattern_of(texts, "when") == pattern
    found = dates.parsed(texts, pattern)
    assert found.to_list() == list(WRITTEN[pattern].values())
    assert dates.written(found, pattern).equals(texts)
    dates.check_pattern(pattern)


@pytest.mark.parametrize(
    "texts",
    [
        ["2010Q5", "2011Q1"],
        ["13/2010", "01/2011"],
        ["Golf 2010", "Mai 2011"],
        ["2010-W54", "2010-W01"],
        ["May 1th, 2023"],
    ],
)
def test_what_is_no_date_stays_text(texts: list[str]) -> None:
    assert dates.pattern_of(pl.Series(texts), "when") is None


@pytest.mark.parametrize("pattern", ["%B %Y@xx", "%q", "%B %Y@De@De"])
def test_patterns_that_no_text_has_are_refused(pattern: str) -> None:
    with pytest.raises(InputError, match="expected one of dates or times"):
        dates.check_pattern(pattern)


def test_quarters_of_a_table_are_counted_in_months_and_come_back() -> None:
    quarters = [f"{year}Q{quarter}" for year in range(2000, 2010) for quarter in (1, 2, 3, 4)]
    frame = pl.DataFrame({"when": quarters, "x": np.arange(40) % 7})
    schema = Schema.infer(frame)
    held = schema.container.split(frame)
    assert np.diff(held["when"]).tolist() == [3] * 39
    assert schema.container.join(held).equals(frame)
    assert schema.container.layout[0].unit == "M"  # type: ignore[attr-defined]
    again = Schema.from_config(json.loads(json.dumps(schema.to_config())))
    assert again == schema
    assert months.is_months("%YQ%q")
    assert not months.is_months("%d/%m/%Y")
