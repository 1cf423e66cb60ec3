"""Whether samples are copies of the training rows, and whether held-out rows are training rows."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from unnoise.evaluation import Copying, Memorisation
from unnoise.report import copies
from unnoise.report.answer import LEVEL

NEW = Copying(1.0, 0.1, 0.1, 0.02, 0.02, 0.5, 0.02, (1000, 1000))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"duplicates": 0.2}, "20 % of samples repeat a training row, of held-out rows 10 %"),
        ({"nearer_train": 0.6}, "60 % of samples lie nearer to a training row than to a held-out row"),
        ({"rare": 0.1}, "10 % of samples have a level that fewer than 3 training rows have, of held-out rows 2 %"),
    ],
)
def test_copies_are_bad_in_each_way(changes: dict, words: str) -> None:
    assert copies.answer(NEW, None).good
    found = copies.answer(dataclasses.replace(NEW, **changes), None)
    assert not found.good
    assert words in found.sentence


def test_fewer_copies_than_held_out_rows_are_no_copies() -> None:
    less = dataclasses.replace(NEW, duplicates=0.0, nearer_train=0.2, rare=0.0, ratio=float("inf"))
    found = copies.answer(less, None)
    assert found.good
    assert found.number == "duplicates 0 % (held-out 10 %)"
    assert copies.answer(NEW, None).number == "distance ratio 1, duplicates 10 % (held-out 10 %)"


def test_shares_are_compared_by_fishers_exact_test() -> None:
    from scipy.stats import fisher_exact

    for ours, theirs in [(12, 3), (9, 3), (3, 3), (0, 9)]:
        p_value = fisher_exact([[ours, 100 - ours], [theirs, 50 - theirs]], "greater").pvalue
        assert copies._more(ours / 100, 100, theirs / 50, 50) == bool(p_value <= LEVEL)
    assert copies._more(0.12, 1000, 0.03, 1000)


def test_of_images_near_rows_are_counted() -> None:
    distances = np.zeros(100)
    near = Memorisation(1.0, 0.1, 0.01, 0.01, distances, distances)
    assert copies.answer(None, near).good
    assert not copies.answer(None, dataclasses.replace(near, near_share=0.3)).good
    assert copies.answer(None, None).good is None


def test_rows_that_repeat_by_themselves_are_held_out_all_the_same() -> None:
    rng = np.random.default_rng(0)
    wide, narrow = rng.normal(size=(400, 2)), rng.integers(0, 3, (400, 2)).astype(float)
    assert copies.repeated(wide[:200], wide) == 1.0
    assert copies.repeated(wide[:200], wide[200:]) == 0.0
    assert copies.repeated(narrow[:200], narrow[200:]) == 0.0, "nine kinds of rows are in every set"
