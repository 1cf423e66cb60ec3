"""Texts that name rows: their pattern is found, and what is made by it is of the pattern, and none of the rows'."""

from __future__ import annotations

import random
import re

import pytest

from unnoise import InputError
from unnoise.data._written.serials import Serial, serial_of

CHANCE = random.Random(0)


def _hex(n: int) -> str:
    return "".join(CHANCE.choices("0123456789abcdef", k=n))


PATTERNS = {
    r"PAT-\d{4}": [f"PAT-{i:04}" for i in range(1, 201)],
    r"S\d+_[AB]": [f"S{i}_{'AB'[i % 2]}" for i in range(200)],
    r"[0-9a-f]{8}-4a-[0-9a-f]{4}": [f"{_hex(8)}-4a-{_hex(4)}" for _ in range(200)],
    r"([0-9A-F]{2}:){5}[0-9A-F]{2}": [_hex(12).upper() for _ in range(200)],
    r"\+49 30 \d{7}": [f"+49 30 {CHANCE.randrange(10**6, 10**7)}" for _ in range(200)],
    r"[A-Z]{3} \d{3}": ["".join(CHANCE.choices("ABCDEFGHIJKLMNOPQRSTUVWXYZ", k=3)) + f" {i:03}" for i in range(200)],
    r"[A-H]\d+": [f"{row}{i}" for row in "ABCDEFGH" for i in range(1, 13)],
    r"user\d+@mail\.com": [f"user{i}@mail.com" for i in range(90, 130)],
    r"[0-9A-Za-z]{11}": ["".join(CHANCE.choices("059AXZamz", k=11)) for _ in range(300)],
}
PATTERNS[r"([0-9A-F]{2}:){5}[0-9A-F]{2}"] = [":".join(re.findall("..", text)) for text in PATTERNS[list(PATTERNS)[3]]]


@pytest.mark.parametrize("pattern", PATTERNS)
def test_others_of_the_pattern_are_made_and_none_that_a_row_has(pattern: str) -> None:
    found = serial_of(PATTERNS[pattern])
    assert found is not None
    made = [found.text(i) for i in range(1000)]
    assert all(text is not None and re.fullmatch(pattern, text) for text in made)
    assert len(set(made)) == 1000
    assert not set(made) & set(PATTERNS[pattern])


@pytest.mark.parametrize(
    "texts",
    [
        [f"{CHANCE.randrange(100, 160)}/{CHANCE.randrange(60, 99)}" for _ in range(200)],  # pressures of blood
        [f"{CHANCE.random():.2f}±0.{CHANCE.randrange(99):02}" for _ in range(200)],
        ["".join(CHANCE.choices("ACDEFGHIKLMNPQRSTVWY", k=8)) for _ in range(200)],  # peptides
        [f"{CHANCE.randrange(28):02}/Mar/2024:{CHANCE.randrange(24):02}:00" for _ in range(200)],
        ["Ada Lovelace", "Bo Diddley", "Cy Twombly"],
        [f"{name} {i}" for i, name in enumerate(["Ada", "Bo", "Cy", "Di"])],  # a name that one row has
        [],
        ["01", "001"],
    ],
)
def test_measurements_names_and_sequences_have_no_pattern(texts: list[str]) -> None:
    assert serial_of(texts) is None


def test_numbers_that_count_go_on_and_others_fill_the_widest_stretch_before_they_do() -> None:
    counting, spread = serial_of(["P8", "P9", "P10"]), serial_of(["P10", "P900", "P999"])
    assert counting is not None
    assert spread is not None
    assert [counting.text(i) for i in range(2)] == ["P11", "P12"]
    assert (spread.first, spread.room, spread.beyond) == (11, 889, 1000)
    made = [spread.number(i) for i in range(891)]
    assert sorted(n for n in made[:889] if n is not None) == list(range(11, 900))
    assert made[889:] == [1000, 1001]


def test_no_more_texts_than_the_pattern_has() -> None:
    found = serial_of(["a1", "1a", "b2"])
    assert found is not None
    texts = [found.text(i) for i in range(found.room + 1)]
    assert texts[-1] is None
    assert None not in texts[:-1]


@pytest.mark.parametrize(
    "broken",
    [{"forms": ("no place",)}, {"places": ()}, {"places": ("",)}, {"first": -1}, {"beyond": -1}, {"forms": ()}],
)
def test_a_pattern_that_is_none_is_refused(broken: dict[str, object]) -> None:
    fields = {"forms": ("P\0",), "places": ("0123456789",), "padded": True, "first": 3, "room": 7, "beyond": None}
    with pytest.raises(InputError, match="expected"):
        Serial(**(fields | broken))  # type: ignore[arg-type]
