r"""Properties of noising: the generator, the kernel and the bridge describe one Markov process.

Kolmogorov's forward equation is tested in its weak form: with $x \sim q_{t|0}(\cdot | a)$,

$$E[f(x)\,\partial_t\log q_{t|0}(x | a)] = E[(L_t f)(x)],$$

the time derivative by central differences. With $q_{0|0}$ = Dirac it is the semigroup.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import torch
from torch import Tensor

from unnoise.laws import Law
from unnoise.processes import Bridged
from unnoise.testing.case import Case, at, rows
from unnoise.testing.findings import Finding, exact, probable, stated_in, statistical
from unnoise.testing.laws import fit
from unnoise.testing.statistics import excess_p_value

RESIDUE = 0.02  # of the distance between atoms, added at t = 0
UNMIXED = 0.01  # nats, at t = 1
INSTANT = 1e-4  # half width of the differences in t
EXACT = 1e-8
COMMON = 0.1  # share of draws in common with the reference


def kernel_samples_follow_its_density(case: Case) -> Finding:
    """Goodness of fit of q_{t|0}(. | a) against the same kernel a little later; see `laws`."""
    claim = "samples of the kernel follow its density"
    rng, features, sides = case.rng(claim), case.process.space.features, {}
    for i, label, t in case.each_time():
        kernel, gap = case.process.marginal(case.atom(i), t), (1 - t) / 2
        reference = case.process.marginal(case.atom(i), t + gap)
        while _common(kernel, reference, case) < COMMON:
            gap = gap / 2
            reference = case.process.marginal(case.atom(i), t + gap)
        sides[label] = fit(kernel, reference, features, case.functions, rng, (case.draws,))
    return statistical(claim, sides)


def kernel_and_prior_share_a_measure(case: Case) -> Finding:
    """Goodness of fit of q_{1|0}(. | a) against p_1, two laws with densities of their own."""
    claim = "kernel and prior are densities on the same space"
    kernel = case.process.marginal(case.many(0), at(1.0))
    rng, features = case.rng(claim), case.process.space.features
    return statistical(claim, {"t = 1": fit(kernel, case.process.prior(case.draws), features, case.functions, rng)})


def kernel_solves_the_forward_equation(case: Case) -> Finding:
    """The weak form in the module."""
    claim = "the kernel solves the generator's forward equation"
    rng, sides = case.rng(claim), {}
    for i, label, t in case.each_time():
        x = case.process.marginal(case.many(i), t).sample(rng)
        test = case.waves(x, rng)
        values = test(x)
        growth = time_derivative(lambda s, i=i, x=x: case.process.marginal(case.atom(i), s).log_prob(x), t)  # type: ignore[misc]
        local = case.process.forward(x, t)
        moved = [case.process.space.apply(local, f, x).detach() for f in test]
        sides[label] = (growth[:, None] * (values - values.mean(0)), torch.stack(moved, -1))
    return statistical(claim, sides)


def time_derivative(f: Callable[[Tensor], Tensor], t: Tensor) -> Tensor:
    """df/dt by central differences."""
    return (f(t + INSTANT) - f(t - INSTANT)) / (2 * INSTANT)


def noising_starts_at_the_data(case: Case) -> Finding:
    """At t = 0 points are data up to a small share of the distance between atoms, on average."""
    claim = "noising starts at the data"
    x_0 = rows(case.atoms, torch.arange(len(case.weights)).repeat(case.draws))
    x = case.process.marginal(x_0, at(0.0)).sample(case.rng(claim))
    before, after, atoms = (case.flat(points) for points in (x_0, x, case.atoms))
    moved, apart = (after - before).norm(dim=-1).mean(), torch.pdist(atoms).mean()
    return exact(claim, {"moved, per distance of atoms": (moved / apart, 0 * apart)}, RESIDUE, size=1.0)


def noising_ends_at_the_prior(case: Case) -> Finding:
    r"""$KL(q_{1|0}(\cdot | a) \| p_1)$ is at most 0.01 nats, beyond chance, for every atom."""
    claim, costs = "noising ends at the prior", []
    rng = case.rng(claim)
    for i in range(len(case.weights)):
        kernel = case.process.marginal(case.many(i), at(1.0))
        x = kernel.sample(rng)
        costs.append(kernel.log_prob(x) - case.process.prior(case.draws).log_prob(x))
    nats = torch.stack(costs, -1)
    worst = int(nats.mean(0).argmax())
    detail = f"from atom {worst}: {float(nats[:, worst].mean()):.4g} nats, of which {UNMIXED} and chance are forgiven"
    return probable(claim, excess_p_value(nats, UNMIXED), detail)


def bridge_samples_follow_their_density(case: Case) -> Finding:
    """Goodness of fit of q(x_s | x_0, x_t) against q_{s|0}(. | x_0)."""
    claim = "samples of the bridge follow its density"
    rng, features, sides = case.rng(claim), case.process.space.features, {}
    for i, label, t, s in _pairs(case):
        kernel, bridge = case.process.marginal(case.many(i), s), _bridge(case, i, t, s, rng)
        sides[label] = fit(bridge, kernel, features, case.functions, rng)
    return statistical(claim, sides)


def bridge_keeps_the_marginals(case: Case) -> Finding:
    """x_t from q_{t|0}, then x_s from the bridge, is a draw of q_{s|0}, whatever the churn."""
    claim = "the bridge keeps the marginals"
    rng, sides = case.rng(claim), {}
    for i, label, t, s in _pairs(case):
        for churn in case.churns:
            bridged = _bridge(case, i, t, s, rng, churn=churn).sample(rng)
            direct = case.process.marginal(case.many(i), s).sample(rng)
            test = case.waves(direct, rng)
            sides[f"{label}, churn {churn}"] = (test(bridged), test(direct))
    return statistical(claim, sides)


def bridge_is_markov(case: Case) -> Finding:
    r"""$q(x_s | x_0, x_t)\, q_{t|0}(x_t | x_0) / q_{s|0}(x_s | x_0) = q_{t|s}(x_t | x_s)$ does not depend on $x_0$."""
    claim, sides = "the bridge is that of a Markov process", {}
    rng, process = case.rng(claim), cast(Bridged[Any], case.process)
    for i, label, t, s in _pairs(case):
        x_t = process.marginal(case.many(i), t).sample(rng)
        x_s = process.bridge(case.many(i), x_t, t, s).sample(rng)
        one, other = (_log_transition(process, case.many(i + j), x_s, x_t, t, s) for j in (0, 1))
        possible = torch.isfinite(one) & torch.isfinite(other)
        sides[label] = (one[possible], other[possible]) if possible.any() else (one * 0, one * 0)
    return exact(claim, sides, EXACT)


def _log_transition(process: Bridged[Any], x_0: Any, x_s: Any, x_t: Any, t: Tensor, s: Tensor) -> Tensor:
    later, earlier = process.marginal(x_0, t).log_prob(x_t), process.marginal(x_0, s).log_prob(x_s)
    return process.bridge(x_0, x_t, t, s).log_prob(x_s) + later - earlier


def _pairs(case: Case) -> list[tuple[int, str, Tensor, Tensor]]:
    return [(i, f"{label} to {0.7 * float(t):.3g}", t, 0.7 * t) for i, label, t in case.each_time()]


def _bridge(case: Case, i: int, t: Tensor, s: Tensor, rng: torch.Generator, churn: float = 1.0) -> Law[Any]:
    x_t = case.process.marginal(case.many(i), t).sample(rng)
    return cast(Bridged[Any], case.process).bridge(case.many(i), x_t, t, s, churn=churn)


def _common(law: Law[Any], reference: Law[Any], case: Case) -> float:
    """The share of draws in common: 1/2 for equal laws."""
    x = law.sample(case.rng("common"), (case.draws,))
    return float(torch.sigmoid(reference.log_prob(x) - law.log_prob(x)).mean().nan_to_num(1.0))


BRIDGE_PROPERTIES = (bridge_samples_follow_their_density, bridge_keeps_the_marginals, bridge_is_markov)
PROPERTIES = tuple(check for check in stated_in(__name__) if check not in BRIDGE_PROPERTIES)
