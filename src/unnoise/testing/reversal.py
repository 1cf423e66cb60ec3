r"""Properties of the reverse: what undoes the noise, given the exact statistic, is the time reversal.

With $q_t = \sum_i w_i q_{t|0}(\cdot|a_i)$ and its exact statistic, the reverse K and the forward L obey, for all f and
g,

$$E_{q_t}[g\,K f] = E_{q_t}[f\,L g - L(f g)],$$

the weak form of $K f = [L^*(q_t f) - f L^* q_t]/q_t$ (Anderson 1982; Benton et al. 2024, arXiv 2211.03595).
"""

from __future__ import annotations

import dataclasses
from typing import Any

import torch
from torch import Tensor

from unnoise import _tree
from unnoise.spaces import Local, Space
from unnoise.testing.case import Case, at, rows
from unnoise.testing.findings import Finding, exact, stated_in, statistical
from unnoise.testing.waves import Waves

EXACT = 1e-8
REACHED = 0.01  # of the distance between atoms, after decoding


def reverse_is_affine_in_the_statistic(case: Case) -> Finding:
    """K(a u + (1 - a) v) = a K(u) + (1 - a) K(v) for drifts and rates, and scales that do not see the statistic."""
    claim, sides, share = "the reverse is affine in the statistic", {}, 0.3
    rng, process = case.rng(claim), case.process
    for i, label, t in case.each_time():
        x = process.marginal(case.many(i), t).sample(rng)
        u, v = process.target(case.many(i), x, t), case.exact()(x, t)
        mixed = _tree.map(lambda a, b: share * a + (1 - share) * b, u, v)
        for churn in case.churns:
            parts = [characteristics(process.reverse(x, stat, t, churn=churn)) for stat in (u, v, mixed)]
            for name, of_u in parts[0].items():
                expected = of_u if name.endswith("scale") else share * of_u + (1 - share) * parts[1][name]
                sides[f"{name}, {label}, churn {churn}"] = (parts[2][name], expected)
    return exact(claim, sides, EXACT)


def reverse_is_finite(case: Case) -> Finding:
    """At both ends of time, where kernels are singular, the reverse is still finite."""
    claim, sides = "the reverse is finite at both ends of time", {}
    rng, process = case.rng(claim), case.process
    for t in (at(0.0), at(1.0)):
        x = case.noised(t).sample(rng, (case.draws,))
        for churn in case.churns:
            for name, leaf in characteristics(process.reverse(x, case.exact()(x, t), t, churn=churn)).items():
                bad = (~torch.isfinite(leaf)).double().mean()
                sides[f"share of bad in {name}, t = {float(t)}, churn {churn}"] = (bad, 0 * bad)
    return exact(claim, sides, 0.0, size=1.0)


def reverse_is_the_time_reversal(case: Case) -> Finding:
    """The weak form in the module."""
    claim, sides = "the reverse is the time reversal", {}
    rng, process = case.rng(claim), case.process
    for _, label, t in case.each_time():
        x = case.noised(t).sample(rng, (case.draws,))
        test, forward = case.waves(x, rng), process.forward(x, t)
        reverse = process.reverse(x, case.exact()(x, t), t)
        sides[label] = weak_form(process.space, forward, reverse, test, x)
    return statistical(claim, sides)


def weak_form(space: Space[Any, Any], forward: Local, reverse: Local, test: Waves, x: Any) -> tuple[Tensor, Tensor]:
    r"""$g\,K f$ and $f\,L g - L(f g)$ at x, (n, count), for pairs of test functions."""
    left, right = [], []
    for f, g in ((test[k], test[k - 1]) for k in range(len(test))):
        left.append(g(x) * space.apply(reverse, f, x).detach())
        product = space.apply(forward, lambda y, f=f, g=g: f(y) * g(y), x)  # type: ignore[misc]
        right.append(f(x) * space.apply(forward, g, x).detach() - product.detach())
    return torch.stack(left, -1), torch.stack(right, -1)


def churn_keeps_the_marginals(case: Case) -> Finding:
    r"""$E_{q_t}[K f] = -E_{q_t}[L f]$ for every churn: the reverse takes back what noising did to $q_t$."""
    claim, sides = "churn keeps the marginals", {}
    rng, process, space = case.rng(claim), case.process, case.process.space
    for _, label, t in case.each_time():
        x = case.noised(t).sample(rng, (case.draws,))
        test, forward, stat = case.waves(x, rng), process.forward(x, t), case.exact()(x, t)
        noised = torch.stack([space.apply(forward, f, x).detach() for f in test], -1)
        for churn in case.churns:
            reverse = process.reverse(x, stat, t, churn=churn)
            undone = [space.apply(reverse, f, x).detach() for f in test]
            sides[f"{label}, churn {churn}"] = (torch.stack(undone, -1), -noised)
    return statistical(claim, sides)


def exact_denoiser_is_the_posterior_mean(case: Case) -> Finding:
    r"""`denoisers.Exact` is $\sum_i \pi_i Y_t(a_i, x)$ with $\pi_i \propto w_i q_{t|0}(x | a_i)$, atom by atom."""
    claim, sides = "the exact denoiser is the posterior mean", {}
    rng, process = case.rng(claim), case.process
    for _, label, t in case.each_time():
        x = case.noised(t).sample(rng, (case.draws,))
        posterior = torch.softmax(case.noised(t).component_log_prob(x) + case.weights.log(), -1)
        targets = [process.target(case.many(i), x, t) for i in range(len(case.weights))]
        means = _tree.map(lambda *leaves, p=posterior: _mean(p, leaves), *targets)
        for name, leaf in _tree.leaves(case.exact()(x, t)):
            sides[f"{label} {name}"] = (leaf, dict(_tree.leaves(means))[name])
    return exact(claim, sides, EXACT)


def decoding_reaches_the_data(case: Case) -> Finding:
    """From t = 0, the exact statistic and `decode` lead back to the atom, on average."""
    claim, process = "decoding reaches the data", case.process
    rng, x_0 = case.rng(claim), rows(case.atoms, torch.arange(len(case.weights)).repeat(case.draws))
    x = process.marginal(x_0, at(0.0)).sample(rng)
    decoded = process.decode(x, case.exact()(x, at(0.0)), rng)
    before, after, atoms = (case.flat(points) for points in (x_0, decoded, case.atoms))
    left, apart = (after - before).norm(dim=-1).mean(), torch.pdist(atoms).mean()
    return exact(claim, {"left, per distance of atoms": (left / apart, 0 * apart)}, REACHED, size=1.0)


def characteristics(local: Local, path: str = "") -> dict[str, Tensor]:
    """The tensors of local characteristics by name."""
    if isinstance(local, dict):
        return {k: v for name, part in local.items() for k, v in characteristics(part, f"{path}{name}.").items()}
    return {f"{path}{field.name}": getattr(local, field.name) for field in dataclasses.fields(local)}


def _mean(posterior: Tensor, leaves: tuple[Tensor, ...]) -> Tensor:
    parts = [posterior[:, i].reshape(-1, *[1] * (leaf.ndim - 1)) * leaf for i, leaf in enumerate(leaves)]
    return torch.stack(parts).sum(0)


PROPERTIES = stated_in(__name__)
