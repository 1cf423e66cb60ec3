r"""How fast solvers converge: error against network evaluations, on two flows whose denoiser is exact.

A solver of order p errs by $c\,n^{-p}$ with n evaluations, once n is large: a line of slope -p on two logarithmic axes.
The orders are those of theory: 1 for DDIM (Euler's method), 2 for Heun's method (Karras et al. 2022, arXiv 2206.00364)
and DPM-Solver++(2M) (Lu et al. 2022, arXiv 2211.01095), q for multistep methods of q values (Adams and Bashforth; Zhang
and Chen 2023, arXiv 2204.13902), and one more with a corrector (Zhao et al. 2023, arXiv 2302.04867).

Multistep methods start from one value, and what the first steps lose is of order 2, or 3 with a corrector. It is small,
for they start at a noise level of 20, where hardly anything happens: at moderate counts their own order is seen, and
only where errors are far below those that matter the start takes over. Given exact starting values they are of the
orders of theory to 0.2 (tests/samplers/test_multistep.py, `TestOrders`).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from experiments import figures, races
from experiments.base import Experiment, Outcome, Setting
from experiments.figures.solvers import ErrorCurve
from experiments.races import Race
from unnoise.denoisers import Denoiser
from unnoise.samplers import DDIM, Heun, Multistep, Sampler, dpm_solver_pp, linear_multistep
from unnoise.samplers.forms import DataForm, NoiseForm, VelocityForm
from unnoise.samplers.grids import UniformLogSNR

FITTED = 3  # the last so many counts give the slope
FLOOR = 1e-10  # errors below are rounding
COUNTS = (5, 10, 20, 40, 80, 160, 320, 640)


@dataclass(frozen=True)
class Solver:
    """A method, and its order in theory.

    Attributes:
        make: from a denoiser and a number of network evaluations.
        order: of convergence.
    """

    make: Callable[[Denoiser, int], Sampler]
    order: int


def _multistep(order: int, form: Any, corrected: bool) -> Solver:
    grid = UniformLogSNR()
    make = lambda denoiser, n: Multistep(denoiser, n, order, form, corrected, grid=grid)  # noqa: E731
    return Solver(make, order + corrected)


SOLVERS: Mapping[str, Solver] = {
    "DDIM": Solver(lambda d, n: DDIM(d, n, grid=UniformLogSNR()), 1),
    "Heun": Solver(lambda d, n: Heun(d, (n + 1) // 2, grid=UniformLogSNR()), 2),
    "DPM-Solver++ 2M": Solver(dpm_solver_pp, 2),
    "linear multistep 4": Solver(lambda d, n: linear_multistep(d, n, grid=UniformLogSNR()), 4),
    "data 3": _multistep(3, DataForm(), False),
    "noise 4": _multistep(4, NoiseForm(), False),
    "velocity 2": _multistep(2, VelocityForm(), False),
    "velocity 3": _multistep(3, VelocityForm(), False),
    "velocity 4": _multistep(4, VelocityForm(), False),
    "velocity 2, corrected": _multistep(2, VelocityForm(), True),
    "velocity 3, corrected": _multistep(3, VelocityForm(), True),
    "velocity 4, corrected": _multistep(4, VelocityForm(), True),
}
DEFAULT = "Multistep (default)"
SHOWN = ("DDIM", "Heun", "DPM-Solver++ 2M", "linear multistep 4", "velocity 2, corrected", "velocity 4, corrected")


def run(setting: Setting) -> Outcome:
    """Solve both flows at every count."""
    counts = COUNTS[:3] if setting.quick else COUNTS
    n = (20, 5) if setting.quick else (300, 40)
    steps = 100 if setting.quick else 3000
    tracks = {
        "ring": races.ring(n[0], setting.seed, fine=lambda d: Multistep(d, steps, 4)),
        "mixture": races.mixture(n[1], setting.seed, steps),
    }
    measured: dict[str, Any] = {"counts": list(counts)}
    curves: dict[str, list[ErrorCurve]] = {}
    solvers = {**SOLVERS, DEFAULT: Solver(Multistep, 4)}
    for place, (title, race) in enumerate(tracks.items()):
        curves[f"{title}: median distance"] = drawn = []
        for index, (name, solver) in enumerate(solvers.items()):
            setting.tell((place + index / len(solvers)) / len(tracks), f"{title}: {name}")
            errors = [_error(race, solver, count) for count in counts]
            found = {"slope": slope(counts, errors), "order": solver.order, "errors": errors}
            measured |= {f"{title}, {name}: {what}": value for what, value in found.items()}
            loud = name in SHOWN or name == DEFAULT
            drawn.append(ErrorCurve(name if loud else "other orders and forms", counts, errors, quiet=not loud))
    notes = (
        "errors: the median distance to the ends of a flow solved with order 4, corrected, in 3000 evaluations",
        f"slope: minus the slope of log error over log evaluations, at the last {FITTED} counts with an error above "
        f"{FLOOR:g}; order: that of theory",
        "first steps of multistep methods know fewer values: in the end order 2 remains, or 3 with a corrector",
        "all on grids uniform in log SNR, but for the default Multistep, whose grid is its own",
    )
    return Outcome(measured, {}, {"": figures.error_curves(curves, columns=2)}, notes)


def slope(counts: Any, errors: Any) -> float:
    """The order that is seen: from the last errors that are not rounding."""
    seen = [(math.log(n), math.log(error)) for n, error in zip(counts, errors, strict=True) if error > FLOOR]
    if len(seen) < 2:
        return math.nan
    x, y = zip(*seen[-FITTED:], strict=True)
    return -float(np.polyfit(x, y, 1)[0])


def _error(race: Race, solver: Solver, count: int) -> float:
    return race.run(solver.make(race.denoiser, count)).median


EXPERIMENT = Experiment("solver-orders", "orders of convergence of solvers, on a ring and in 64 dimensions", run)
