"""The processes of the package, and a small case for looking at one property alone."""

from __future__ import annotations

import torch

from unnoise.processes import (
    Gaussian,
    edm,
    rectified_flow,
    sub_variance_preserving,
    variance_exploding,
    variance_preserving,
)
from unnoise.processes.paths import Straight
from unnoise.schedules import Cosine, LinearLogSNR, LogitLogSNR
from unnoise.spaces import Euclidean
from unnoise.testing.case import Case
from unnoise.testing.processes import case_of

PLANE = Euclidean(2)
ATOMS = torch.tensor([[1.5, 0.5], [-1.0, 0.0], [0.3, -1.2], [-0.5, 1.0]])
PROCESSES: dict[str, Gaussian] = {
    "vp-linear": variance_preserving(PLANE),
    "vp-cosine": variance_preserving(PLANE, Cosine()),
    "vp-linear-log-snr": variance_preserving(PLANE, LinearLogSNR()),
    "sub-vp": sub_variance_preserving(PLANE),
    "ve": variance_exploding(PLANE),
    "edm": edm(PLANE),
    "rectified-flow": rectified_flow(PLANE),
}


class Flow(Gaussian):
    """What twins are made from: all its coefficients differ from each other and move with time."""

    def __init__(self, space: Euclidean) -> None:
        super().__init__(space, LogitLogSNR(), Straight())


def case(process: Gaussian | type[Gaussian]) -> Case:
    """Where a quarter, a half and three quarters of the atoms are forgotten by `Flow`."""
    process = process(PLANE) if isinstance(process, type) else process
    return case_of(process, ATOMS, times=(0.35, 0.45, 0.57))
