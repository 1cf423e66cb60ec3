"""Schedules of the log SNR: what is none is refused."""

from __future__ import annotations

import math
import re

import pytest
import torch

from unnoise._errors import InputError
from unnoise.schedules import (
    LinearLogSNR,
    LogitLogSNR,
    LogSNR,
    PowerLogSNR,
)

BAD = {
    "flat": (
        lambda: LogSNR(lambda t: 5 - 4 * t.clamp(max=0.5)),
        "goes from 3 at t = 0.5 to 3 at t = 0.501; it must de",
    ),
    "rising": (lambda: LogSNR(lambda t: t), "goes from 0 at t = 0 to"),
    "infinite": (lambda: LogSNR(lambda t: -torch.log(t)), "the log SNR is inf at t = 0; it must be finite"),
    "one number": (lambda: LogSNR(lambda t: t.sum()), "expected one number for each of 1025 times"),
    "level, reversed": (lambda: LinearLogSNR(-5.0, 5.0), "a maximum above the minimum"),
    "level, infinite": (lambda: LinearLogSNR(5.0, -math.inf), "expected a finite number"),
    "power, reversed": (lambda: PowerLogSNR(2.0, 1.0), "0 < sigma_min < sigma_max"),
    "power, no noise": (lambda: PowerLogSNR(0.0), "0 < sigma_min < sigma_max"),
    "power, of nothing": (lambda: PowerLogSNR(rho=0.0), "rho > 0"),
    "logit, no signal": (lambda: LogitLogSNR(tau_max=1.0), "0 < tau_min < tau_max < 1"),
    "logit, no noise": (lambda: LogitLogSNR(0.0), "0 < tau_min < tau_max < 1"),
}


@pytest.mark.parametrize(("build", "message"), BAD.values(), ids=BAD)
def test_what_is_no_schedule_is_refused(build, message):
    with pytest.raises(InputError, match=re.escape(message)):
        build()
