r"""The properties of a noising process: generator, kernel, bridge, reverse, target and KL rate are one mathematics.

The data are a few weighted atoms, for which the noised law $q_t = \sum_i w_i q_{t|0}(\cdot | a_i)$ and the statistic
(`denoisers.Exact`) are known.

A property that needs more than a process has is not checked. They stand in `kernels` (what noising does), `reversal`
(what undoes it), `kl_rates` (what an error costs) and `gaussian`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from unnoise import _tree
from unnoise._checks import instance, reals, tensor
from unnoise._errors import InputError
from unnoise.processes import Bridged, Gaussian, HasKernel
from unnoise.spaces import Continuum
from unnoise.testing import gaussian, kernels, kl_rates, reversal
from unnoise.testing.case import Case, in_double, informative_times
from unnoise.testing.findings import Finding, Findings, conclude, judged

PROPERTIES: tuple[tuple[type, tuple[Callable[[Case], Finding], ...]], ...] = (
    (HasKernel, (*kernels.PROPERTIES, *reversal.PROPERTIES, *kl_rates.PROPERTIES)),
    (Bridged, kernels.BRIDGE_PROPERTIES),
    (Gaussian, gaussian.PROPERTIES),
)


def check_process(
    process: HasKernel[Any],
    atoms: Any,
    weights: Tensor | None = None,
    *,
    times: Sequence[float] | None = None,
    churns: Sequence[float] | None = None,
    draws: int = 4000,
    functions: int = 6,
    seed: int = 0,
    raises: bool = True,
) -> Findings:
    """Check what a process with a kernel promises.

    The process is on a small instance of its space. The atoms are 3 or more, (k, *event), all different, as large as
    data. By default the weights, (k,), are in proportion to 1, 2, ..., k; the times those where a quarter, a half and
    three quarters of what tells the atoms apart is lost; the churns 0, 1/2 and 1 on a continuum, else 1.

    >>> from unnoise.processes import rectified_flow
    >>> from unnoise.spaces import Euclidean
    >>> atoms = torch.tensor([[1.0, 0.5], [-1.0, 0.0], [0.3, -1.2]])
    >>> print(check_process(rectified_flow(Euclidean(2)), atoms, draws=1000))
    Gaussian(...): 26 of 26 properties kept
    ...
    """
    instance(HasKernel, process=process)
    case = case_of(process, atoms, weights, times=times, churns=churns, draws=draws, functions=functions, seed=seed)
    return conclude(process, judged(properties(process), case), raises=raises)


def properties(process: HasKernel[Any]) -> list[Callable[[Case], Finding]]:
    """The properties that the type promises."""
    return [check for capability, checks in PROPERTIES if isinstance(process, capability) for check in checks]


def case_of(
    process: HasKernel[Any],
    atoms: Any,
    weights: Tensor | None = None,
    *,
    times: Sequence[float] | None = None,
    churns: Sequence[float] | None = None,
    draws: int = 4000,
    functions: int = 6,
    seed: int = 0,
) -> Case:
    """The case of `check_process`, to check one property alone."""
    process.space.check(atoms)
    count = _tree.length(atoms)
    weights = torch.arange(1, count + 1, dtype=torch.float64) if weights is None else weights.double()
    if count < 3 or weights.shape != (count,) or not (weights > 0).all():
        raise InputError(
            f"got {count} atoms and weights of shape {tuple(weights.shape)}; the properties need 3 or more atoms, "
            "each with a positive weight"
        )
    tensor(weights=weights)
    for name, values, most in (("times", times, 1.0), ("churns", churns, math.inf)):
        if values is not None:
            reals(name, values, least=0, most=most)
    if churns is None:
        churns = (0.0, 0.5, 1.0) if isinstance(process.space, Continuum) else (1.0,)
    weights, atoms = weights / weights.sum(), in_double(atoms)
    if times is None:
        times = informative_times(process, atoms, weights, seed)
    chance = {"draws": draws, "functions": functions, "seed": seed}
    return Case(process, atoms, weights, tuple(times), tuple(churns), **chance)
