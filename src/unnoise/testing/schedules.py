r"""The properties of a schedule: a value, its rate and its inverse are one increasing function of time."""

from __future__ import annotations

import torch

from unnoise._checks import instance
from unnoise.schedules import Schedule
from unnoise.schedules.base import derivative
from unnoise.testing.findings import Finding, Findings, conclude, exact, judged, stated_in

TIMES = 101
ROUNDING = 1e-6


def check_schedule(schedule: Schedule, *, raises: bool = True) -> Findings:
    """Check what a schedule promises, in float64 at 101 times.

    >>> from unnoise.schedules import Linear
    >>> print(check_schedule(Linear()))
    Linear(...): 4 of 4 properties kept
    ...
    """
    instance(Schedule, schedule=schedule)
    return conclude(schedule, judged(PROPERTIES, schedule), raises=raises)


def rates_are_derivatives(schedule: Schedule) -> Finding:
    r"""The derivatives of $B$ and $\lambda$ are `rate` and `log_snr_rate`."""
    t = _times()
    sides = {
        "rate": (schedule.rate(t), derivative(schedule.value, t)),
        "rate of the log SNR": (schedule.log_snr_rate(t), derivative(schedule.log_snr, t)),
    }
    relative = {name: (found / true, torch.ones_like(t)) for name, (found, true) in sides.items()}
    return exact("rates are derivatives", relative, ROUNDING)


def value_increases(schedule: Schedule) -> Finding:
    r"""$B$ is positive and increases."""
    value = schedule.value(_times())
    steps = torch.diff(value, prepend=value.new_zeros(1))
    return exact("the value increases", {"steps": (steps, steps.clamp(min=torch.finfo(steps.dtype).tiny))}, 0.0)


def inverse_inverts(schedule: Schedule) -> Finding:
    r"""$t = B^{-1}(B(t))$, and the same for $\lambda$."""
    t = _times()
    sides = {"value": (schedule.inverse(schedule.value(t)), t), "log SNR": (schedule.time_at(schedule.log_snr(t)), t)}
    return exact("the inverse inverts", sides, ROUNDING)


def words_agree(schedule: Schedule) -> Finding:
    r"""$\lambda = -\log(e^B - 1)$."""
    t = _times()
    kept = {"share of signal": (torch.exp(-schedule.value(t)), torch.sigmoid(schedule.log_snr(t)))}
    return exact("the value and the log SNR agree", kept, ROUNDING)


def _times() -> torch.Tensor:
    """Off both ends, where rates may jump."""
    return torch.linspace(0.0037, 0.9963, TIMES, dtype=torch.float64)


PROPERTIES = stated_in(__name__)
