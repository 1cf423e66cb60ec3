"""Tables in .arff, with their quotes, comments, levels and holes."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from unnoise import InputError
from unnoise.data import Schema, read

WEATHER = """% collected by hand
@RELATION 'the weather'
@attribute outlook {sunny, 'partly cloudy', rainy}
@attribute 'air temperature' NUMERIC
@ATTRIBUTE days integer
@attribute note string

@data
sunny, 85.5, 1, 'it''s'
% a pause
'partly cloudy',?,2,"hot, dry"
rainy,70,?,?
"""


def written(folder: Path, text: str) -> Path:
    path = folder / "weather.arff"
    path.write_text(text)
    return path


def test_types_levels_and_holes_are_read(tmp_path: Path) -> None:
    frame = read(written(tmp_path, WEATHER.replace("it''s", r"it\'s")))
    assert isinstance(frame, pl.DataFrame)
    assert frame.to_dict(as_series=False) == {
        "outlook": ["sunny", "partly cloudy", "rainy"],
        "air temperature": [85.5, None, 70.0],
        "days": [1, 2, None],
        "note": ["it's", "hot, dry", None],
    }
    assert frame.schema == {
        "outlook": pl.Enum(["sunny", "partly cloudy", "rainy"]),
        "air temperature": pl.Float64,
        "days": pl.Int64,
        "note": pl.String,
    }
    assert Schema.infer(frame.select("outlook", "days")).levels("outlook") == ("sunny", "partly cloudy", "rainy")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("rainy,70,?,?", "{0 rainy, 1 70}", "has sparse rows"),
        ("rainy,70,?,?", "rainy,70,?", "row 2 has 3 fields; expected 4"),
        ("rainy,70,?,?", "rainy,70,?,?,?", "row 2 has 5 fields; expected 4"),
        ("rainy,70", "foggy,70", "row 2 has 'foggy' as 'outlook'; expected {sunny"),
        ("rainy,70", "rainy,warm", "row 2 has 'warm' as 'air temperature'; expected NUMERIC"),
        ("@data", "", "it has no lines of @attribute and @data"),
    ],
)
def test_what_is_wrong_is_said(old: str, new: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=message):
        read(written(tmp_path, WEATHER.replace("it''s", "its").replace(old, new)))
