"""Timing two pieces of work against each other on a noisy machine: in turn, and as ratios."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from pathlib import Path

RESULTS = Path(__file__).resolve().parents[1] / "results"


def seconds(work: Callable[[], object]) -> float:
    """Wall time of one call."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def compare(ours: Callable[[], object], theirs: Callable[[], object], repeats: int) -> dict[str, float]:
    """Run both in turn, changing who is first, after one warm-up each.

    Returns median seconds of each and the median of the paired ratios ours / theirs, with its quartiles.
    """
    ours(), theirs()
    pairs = []
    for index in range(repeats):
        first, second = (ours, theirs) if index % 2 else (theirs, ours)
        a, b = seconds(first), seconds(second)
        pairs.append((a, b) if index % 2 else (b, a))
    ratios = [a / b for a, b in pairs]
    low, middle, high = statistics.quantiles(ratios, n=4)
    return {
        "seconds_ours": statistics.median(a for a, _ in pairs),
        "seconds_theirs": statistics.median(b for _, b in pairs),
        "ratio": middle,
        "ratio_lower_quartile": low,
        "ratio_upper_quartile": high,
    }
