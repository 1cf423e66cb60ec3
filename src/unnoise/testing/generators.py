r"""The properties of a process that is known by its generator only.

Without a kernel nothing is known of $q_t$. So the checks look at the generator at a few times, at the reverse for the
prior, whose density is known, and at paths, which must end at the prior.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor

from unnoise import _tree
from unnoise._errors import InputError
from unnoise.objectives.noising import path
from unnoise.processes import Process
from unnoise.processes.generated import Generated
from unnoise.spaces import Manifold
from unnoise.testing.case import Trial, at, in_double, rows
from unnoise.testing.findings import Finding, Findings, conclude, exact, judged, probable, stated_in, statistical
from unnoise.testing.manifolds import leaf_by_leaf
from unnoise.testing.reversal import characteristics, weak_form
from unnoise.testing.spaces import check_space
from unnoise.testing.statistics import mean_is_zero
from unnoise.testing.waves import Waves, waves

TIMES = (0.0, 0.5, 1.0)
EXACT = 1e-8
STEPS = 200  # of the paths that must end at the prior
FORGIVEN = 0.03  # difference of means of waves: steps are finite, and a prior may be nearly reached


@dataclass(frozen=True)
class GeneratorCase(Trial):
    """A process without a kernel, and points to start from, (k, *event), in float64."""

    process: Process[Any]
    points: Any

    def prior_draws(self, claim: str) -> Any:
        """In float64."""
        return in_double(self.process.prior(self.draws).sample(self.rng(claim)))

    def waves(self, example: Any) -> Waves:
        """Test functions at the scale of an example."""
        return waves(self.process.space.features, example, self.functions, self.rng("test functions"))

    def each_time(self) -> Iterator[tuple[str, Tensor]]:
        """Both ends and the middle, with a label."""
        return ((f"t = {t:g}", at(t)) for t in TIMES)


def check_generator(
    process: Process[Any], points: Any, *, draws: int = 4000, functions: int = 6, seed: int = 0, raises: bool = True
) -> Findings:
    """Check what a process without a known kernel promises, and its space with it.

    The space is a small instance, of a few dimensions or sites; the points are 3 or more, (k, *event), all different.

    >>> from unnoise.laws import Normal
    >>> from unnoise.processes import DiffusionProcess
    >>> from unnoise.spaces import Euclidean
    >>> normal = lambda n: Normal(torch.zeros(n, 1, dtype=torch.float64), torch.ones(()), event_ndim=1)
    >>> process = DiffusionProcess(Euclidean(1), lambda x, t: -4 * x, lambda t: 8**0.5 + 0 * t, normal)
    >>> print(check_generator(process, torch.tensor([[-1.0], [0.3], [1.0]]), draws=1000))
    DiffusionProcess(...): 23 of 23 properties kept
    ...
    """
    process.space.check(points)
    if _tree.length(points) < 3:
        raise InputError(f"got {_tree.length(points)} points; the properties need 3 or more different ones")
    case = GeneratorCase(process, in_double(points), draws=draws, functions=functions, seed=seed)
    half_way = partial(process.forward, t=at(0.5))
    of_space = check_space(process.space, points, half_way, draws=draws, functions=functions, seed=seed, raises=False)
    return conclude(process, [*judged(properties(process), case), *of_space.findings], raises=raises)


def properties(process: Process[Any]) -> list[Callable[[GeneratorCase], Finding]]:
    """The properties that the type promises, beside those of the space."""
    return [*PROPERTIES, *([reverse_undoes_the_noise] if isinstance(process, Generated) else [])]


def generator_is_finite(case: GeneratorCase) -> Finding:
    """Drifts, scales and rates are finite at all times, scales above zero and rates not below."""
    claim, sides = "the generator is finite, its noise positive", {}
    for label, t in case.each_time():
        for name, leaf in characteristics(case.process.forward(case.points, t)).items():
            bad = ~torch.isfinite(leaf)
            bad = bad | (leaf <= 0) if name.endswith("scale") else bad
            bad = bad | (leaf < 0) if name.endswith("rates") else bad
            share = bad.double().mean()
            sides[f"share of bad in {name}, {label}"] = (share, 0 * share)
    return exact(claim, sides, 0.0, size=1.0)


def rows_have_their_own_time(case: GeneratorCase) -> Finding:
    """The generator of a batch with a time per row is, row by row, that of each point at its time."""
    claim = "every row has its own time, and no other row"
    x, n = case.points, _tree.length(case.points)
    t = torch.linspace(0.1, 0.9, n, dtype=torch.float64)
    together = characteristics(case.process.forward(x, t))
    alone = [characteristics(case.process.forward(rows(x, slice(i, i + 1)), t[i])) for i in range(n)]
    sides = {}
    for name, leaf in together.items():
        parts = [part[name].expand(1, *leaf.shape[1:]) for part in alone]
        sides[name] = (leaf, torch.cat(parts) if leaf.ndim else parts[0])
    return exact(claim, sides, EXACT)


def drift_is_tangent(case: GeneratorCase) -> Finding:
    """On a manifold the drift is a tangent vector: its tangent part is all of it."""
    claim, space = "the drift is tangent", case.process.space
    if not isinstance(space, Manifold):
        return Finding(claim, None, detail="the space is no manifold")
    sides: dict[str, tuple[Tensor, Tensor]] = {}
    for label, t in case.each_time():
        drift = _tree.map(lambda part: part.drift, case.process.forward(case.points, t))
        sides |= leaf_by_leaf(drift, space.tangent(case.points, drift), label)
    return exact(claim, sides, EXACT)


def prior_is_on_the_space(case: GeneratorCase) -> Finding:
    """The prior draws points of the space, one per row, and their log densities are finite."""
    claim, n = "the prior is a law on the space", case.draws
    x = case.process.prior(n).sample(case.rng(claim))
    try:
        case.process.space.check(x)
    except InputError as error:
        return Finding(claim, False, detail=str(error))
    log_prob = case.process.prior(n).log_prob(x)
    right = _tree.length(x) == n and tuple(log_prob.shape) == (n,)
    finite = bool(torch.isfinite(log_prob).all())
    detail = f"{_tree.length(x)} rows for {n}, log_prob of shape {tuple(log_prob.shape)}, all finite: {finite}"
    return Finding(claim, right and finite, detail=detail)


def noise_ends_at_the_prior(case: GeneratorCase) -> Finding:
    """Paths from every point, simulated in 200 steps, end as draws from the prior do, up to 0.03 in means of waves."""
    claim, process = "noise ends at the prior", case.process
    rng, there = case.rng(claim), case.prior_draws("prior")
    test, times, worst = case.waves(there), torch.linspace(0, 1, STEPS + 1, dtype=torch.float64)[1:], {}
    for i in range(_tree.length(case.points)):
        x_0 = _tree.map(lambda leaf, i=i: leaf[i].expand(case.draws, *leaf.shape[1:]), case.points)
        (end,) = deque(path(process, x_0, times, rng), maxlen=1)
        gap = test(end) - test(there)
        worst[i] = (mean_is_zero(gap, FORGIVEN), float(gap.mean(0).abs().max()))
    i = min(worst, key=lambda i: worst[i][0])
    p_value, bias = min(1.0, worst[i][0] * len(worst)), worst[i][1]
    return probable(claim, p_value, f"point {i}: means of waves differ by {bias:.3g}")


def reverse_undoes_the_noise(case: GeneratorCase) -> Finding:
    r"""$E_p[g\,K f] = E_p[f\,L g - L(f g)]$ for the prior as p, and the reverse K of its own statistic."""
    claim, process, sides = "the reverse of a known law undoes the noise", case.process, {}
    x = case.prior_draws(claim)
    test, prior = case.waves(x), process.prior(1)
    stat = process.statistic(lambda y: prior.log_prob(y), x)  # type: ignore[attr-defined]
    for label, t in case.each_time():
        forward, reverse = process.forward(x, t), process.reverse(x, stat, t)
        sides[label] = weak_form(process.space, forward, reverse, test, x)
    return statistical(claim, sides)


PROPERTIES = tuple(check for check in stated_in(__name__) if check is not reverse_undoes_the_noise)
