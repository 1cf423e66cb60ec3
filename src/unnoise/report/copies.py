"""Are samples new, or copies of the training rows? And are held-out rows any?"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from unnoise.evaluation import Copying, Memorisation
from unnoise.report.answer import LEVEL, Answer
from unnoise.report.markup import NONE, percent
from unnoise.report.rivals import Floats


def answer(found: Copying | None, near: Memorisation | None) -> Answer:
    """Whether samples are copies of the training rows, or tell who was among them."""
    question = "Are samples new, no copies of training rows?"
    if found is not None:
        why = list(reasons(found))
        number = f"duplicates {percent(found.duplicates)} (held-out {percent(found.held_out_duplicates)})"
        if np.isfinite(found.ratio):  # else most held-out rows repeat training rows
            number = f"distance ratio {found.ratio:.3g}, {number}"
        sentence = (
            f"Samples repeat training rows no more often than held-out rows do, and {100 * found.nearer_train:.0f} % "
            "lie nearer to a training row than to a held-out row, no more than chance."
        )
        return Answer("copies", question, number, "; ".join(why) + "." if why else sentence, not why)
    if near is None:
        return Answer("copies", question, NONE, "Without the training rows nobody knows: give --train.", None)
    n, m = len(near.sample_distances), len(near.held_out_distances)
    nearer = _more(near.near_share, n, near.held_out_near_share, m)
    sentence = (
        f"{percent(near.near_share)} of samples are as near to a training row as the nearest "
        f"{percent(near.held_out_near_share)} of held-out rows."
    )
    return Answer("copies", question, f"distance ratio {near.ratio:.3g}", sentence, not nearer)


def reasons(found: Copying) -> Iterator[str]:
    """What says that samples are copies."""
    from scipy.special import ndtr

    n, m = found.rows
    if _more(found.duplicates, n, found.held_out_duplicates, m):
        yield (
            f"{percent(found.duplicates)} of samples repeat a training row, of held-out rows "
            f"{percent(found.held_out_duplicates)}"
        )
    excess = found.nearer_train - 0.5
    if excess > 0 and (found.nearer_train_se == 0 or ndtr(-excess / found.nearer_train_se) <= LEVEL):
        yield (
            f"{100 * found.nearer_train:.0f} % of samples lie nearer to a training row than to a held-out row, "
            "so they tell who was in the training data"
        )
    if _more(found.rare, n, found.held_out_rare, m):
        yield (
            f"{percent(found.rare)} of samples have a level that fewer than 3 training rows have, of held-out rows "
            f"{percent(found.held_out_rare)}"
        )


def _more(share: float, n: int, usual: float, m: int) -> bool:
    """Whether a share is larger than the usual one, by Fisher's exact test."""
    from scipy.stats import hypergeom

    ours, theirs = round(share * n), round(usual * m)
    return bool(hypergeom.sf(ours - 1, n + m, ours + theirs, n) <= LEVEL)


def repeated(test: Floats, train: Floats) -> float:
    """The share of rows that are training rows; 0 if halves of the training rows repeat each other as often."""
    from unnoise.evaluation.copying import duplicates

    share, usual = duplicates(test, train), duplicates(train[::2], train[1::2])
    return share if _more(share, len(test), usual, len(train[::2])) else 0.0
