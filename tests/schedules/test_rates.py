"""Schedules of the noise rate: impossible ends are refused."""

from __future__ import annotations

import math
import re

import pytest

from unnoise._errors import InputError
from unnoise.schedules import (
    Cosine,
    Erasing,
    Exponential,
    Geometric,
    Linear,
)

BAD = {
    "linear, a floor beyond the end": (lambda: Linear(tau_min=2.0), "0 <= tau_min < 1"),
    "linear, no noise": (lambda: Linear(0.0, 0.0), "end > 0"),
    "linear, negative": (lambda: Linear(-1.0), "start >= 0"),
    "linear, infinite": (lambda: Linear(end=math.inf), "expected a finite number"),
    "linear, not a number": (lambda: Linear(end=math.nan), "expected a finite number"),
    "cosine, no signal": (lambda: Cosine(tau_max=1.0), "at tau = 1 no signal is left"),
    "cosine, reversed": (lambda: Cosine(0.9, 0.1), "0 <= tau_min < tau_max < 1"),
    "cosine, overlong": (lambda: Cosine(tau_max=1.5), "0 <= tau_min < tau_max < 1"),
    "cosine, negative": (lambda: Cosine(tau_min=-0.1), "0 <= tau_min < tau_max < 1"),
    "erasing, nothing left": (lambda: Erasing(survival=0.0), "what does not survive cannot be undone"),
    "erasing, too much": (lambda: Erasing(0.5, 0.5), "together below 1"),
    "erasing, negative": (lambda: Erasing(lost=-0.1), "lost >= 0"),
    "geometric, reversed": (lambda: Geometric(2.0, 1.0), "0 < start < end"),
    "geometric, from nothing": (lambda: Geometric(0.0, 1.0), "0 < start < end"),
    "geometric, infinite": (lambda: Geometric(1.0, math.inf), "expected a finite number"),
    "exponential, falling": (lambda: Exponential(3.0, 0.5), "base > 1"),
    "exponential, nothing": (lambda: Exponential(0.0), "scale > 0"),
    "exponential, a floor beyond the end": (lambda: Exponential(tau_min=1.0), "0 <= tau_min < 1"),
}


@pytest.mark.parametrize(("build", "message"), BAD.values(), ids=BAD)
def test_what_is_no_schedule_is_refused(build, message):
    with pytest.raises(InputError, match=re.escape(message)):
        build()
