"""The colours of the pages of `look` and of the report, as WCAG 2.2 computes their contrast."""

from __future__ import annotations

import re
from importlib.resources import files
from itertools import product

import pytest

SHEETS = {name: files("unnoise").joinpath(name).read_text("utf-8") for name in ("look/look.css", "report/page.css")}
WORDS = {"ink", "quiet", "accent", "bad", "good", "note", "model"}  # what words are written in, and marks
MARKS = {"edge", "alike", "k1", "k2", "k3"}  # lines and large letters of pictures


def bright(colour: str) -> float:
    digits = colour.lstrip("#") if len(colour) == 7 else "".join(2 * one for one in colour.lstrip("#"))
    parts = [int(digits[i : i + 2], 16) / 255 for i in (0, 2, 4)]
    linear = [one / 12.92 if one <= 0.03928 else ((one + 0.055) / 1.055) ** 2.4 for one in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    low, high = sorted((bright(one), bright(other)))
    return (high + 0.05) / (low + 0.05)


def schemes(sheet: str) -> list[dict[str, str]]:
    """The colours by their names: light, dark, and on paper."""
    found = [dict(re.findall(r"--(\w+): (#\w+)", block)) for block in re.findall(r":root \{(.*?)\}", sheet, re.DOTALL)]
    return [found[0], *({**found[0], **more} for more in found[1:])]


def test_contrast_by_hand() -> None:
    assert contrast("#000000", "#fff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.005)  # the example of WCAG


@pytest.mark.parametrize("name", SHEETS)
def test_words_and_marks_stand_out(name: str) -> None:
    """Words by 4.5 on paper and panels, what pictures are made of by 3; and words on buttons and signs."""
    for colours in schemes(SHEETS[name]):
        for one, back in product(colours.keys() & (WORDS | MARKS), ("paper", "panel")):
            least = 4.5 if one in WORDS else 3
            assert contrast(colours[one], colours[back]) >= least, (one, back, colours)


@pytest.mark.parametrize("name", SHEETS)
def test_no_colour_of_words_stands_beside_the_names(name: str) -> None:
    _, _, rules = SHEETS[name].partition("* {")
    own = re.findall(r"(?<![-\w])(?:color|fill|stroke): (#\w+)", rules)
    assert not own
