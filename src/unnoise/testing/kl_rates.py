r"""Properties of the KL rate: the cost of a wrong statistic is the score-matching operator, and adds up to the bound.

With models $\beta_j = \sum_i w_{ji}\, q_{t|0}(\cdot|a_i)$ of $q_t$, whose exact statistics are known,

* the KL rate of the statistic of $\beta$ for that of $\gamma$ is $\Phi_K(\beta/\gamma)$, K the reverse for $\gamma$,
  pointwise (for jumps the denoising score entropy of Lou et al. 2024, arXiv 2310.16834);
* DSM and ISM differ by a constant in $\beta$. Written with the reverse $K_\beta$, ISM needs no adjoint: $\hat
  L^*\beta/\beta + \hat L\log\beta = \hat L\log\beta + K_\beta\log\beta - \Phi_{K_\beta}(1/\beta) + \hat L^* 1$;
* noising brings laws together at this rate: $\frac{d}{dt} KL(p_t \| \beta_t) = -E_{p_t}[\Phi(p_t/\beta_t)]$;
* so the bound at the exact denoiser of a weighted atom is $-\log$ of its weight.

(Benton et al. 2024, arXiv 2211.03595, section 3 and proposition 1.)
"""

from __future__ import annotations

from functools import partial
from typing import Any

import torch
from torch import Tensor

from unnoise import _tree
from unnoise.evaluation import Bound
from unnoise.testing.case import Case, at, rows
from unnoise.testing.findings import Finding, exact, stated_in, statistical
from unnoise.testing.kernels import time_derivative

EXACT = 1e-8
IDENTITY = 1e-6
QUADRATIC = 0.3  # D(e) / D(2 e): 1/4 for a smooth minimum, 1/2 for a kink
BOUND_DRAWS = 16  # times per estimate of the bound
LEANING = 0.7  # weight of the atom that a law leans to


def kl_rate_is_least_at_the_target(case: Case) -> Finding:
    """Zero at the target, not negative elsewhere."""
    claim, sides = "the KL rate is least, and zero, at the target", {}
    rng, process = case.rng(claim), case.process
    for i, label, t in case.each_time():
        x = process.marginal(case.many(i), t).sample(rng)
        target, other = process.target(case.many(i), x, t), case.exact()(x, t)
        wrong, right = process.kl_rate(other, target, x, t), process.kl_rate(target, target, x, t)
        size = wrong.abs().max().clamp(min=torch.finfo(torch.float64).tiny)
        sides[f"at the target, {label}"] = (right / size, 0 * right)
        sides[f"elsewhere, {label}"] = (wrong / size, (wrong / size).clamp(min=0))
    return exact(claim, sides, EXACT, size=1.0)


def kl_rate_is_flat_at_the_target(case: Case) -> Finding:
    """Near a target the KL rate grows as the square of the error; the target is one inside, that of another mixture."""
    claim, sides, step = "the KL rate is flat at the target", {}, 1e-4
    rng, process = case.rng(claim), case.process
    (weights,) = case.other_weights(1, rng)
    for i, label, t in case.each_time():
        x = process.marginal(case.many(i), t).sample(rng)
        target, other = case.exact(weights)(x, t), case.exact()(x, t)
        between = (_tree.map(lambda a, b, e=e: a + e * (b - a), target, other) for e in (step, 2 * step, 1.0))
        rates = [process.kl_rate(stat, target, x, t) for stat in between]
        seen = rates[1] > 1e-12 * rates[2].abs().max()
        ratio = torch.where(seen, rates[0] / torch.where(seen, rates[1], 1.0), 0.25)
        sides[f"rate at e / rate at 2 e, {label}"] = (ratio, ratio.clamp(max=QUADRATIC))
    return exact(claim, sides, EXACT, size=1.0)


def kl_rate_is_phi(case: Case) -> Finding:
    r"""kl_rate(stat of $\beta$, stat of $\gamma$) $= \Phi_K(\beta/\gamma)$ with K the reverse for $\gamma$."""
    claim, sides = "the KL rate is phi of the model over the truth", {}
    rng, process = case.rng(claim), case.process
    for i, label, t in case.each_time():
        x = process.marginal(case.many(i), t).sample(rng)
        for j in range(2):
            weights = case.other_weights(2, rng)
            stat, target = (case.exact(w)(x, t) for w in weights)
            beta, gamma = (case.noised(t, w) for w in weights)
            phi = process.space.phi(
                process.reverse(x, target, t),
                lambda y, beta=beta, gamma=gamma: beta.log_prob(y) - gamma.log_prob(y),  # type: ignore[misc]
                x,
            )
            sides[f"{label}, model {j}"] = (process.kl_rate(stat, target, x, t), phi)
    return exact(claim, sides, IDENTITY)


def denoising_and_implicit_losses_differ_by_a_constant(case: Case) -> Finding:
    r"""E[DSM + ISM'] = E[DSM' + ISM] for any two models $\beta$ and $\beta'$; see the module."""
    claim, sides = "DSM - ISM is constant in the model", {}
    rng, process = case.rng(claim), case.process
    chosen = torch.multinomial(case.weights, case.draws, replacement=True, generator=rng)
    x_0 = rows(case.atoms, chosen)
    for _, label, t in case.each_time():
        x = process.marginal(x_0, t).sample(rng)
        target, rates = process.target(x_0, x, t), []
        for weights in case.other_weights(3, rng):
            stat = case.exact(weights)(x, t)
            rates.append((process.kl_rate(stat, target, x, t), implicit(case, weights, stat, x, t)))
        (dsm, ism), *others = rates
        left = torch.stack([dsm + other_ism for _, other_ism in others], -1)
        right = torch.stack([other_dsm + ism for other_dsm, _ in others], -1)
        sides[label] = (left, right)
    return statistical(claim, sides)


def implicit(case: Case, weights: Tensor, stat: Any, x: Any, t: Tensor) -> Tensor:
    r"""The integrand of ISM but for $\hat L^* 1$, which no model changes."""
    process, space = case.process, case.process.space
    forward, reverse = process.forward(x, t), process.reverse(x, stat, t)
    log_beta = case.noised(t, weights).log_prob
    growth = space.apply(forward, log_beta, x) + space.apply(reverse, log_beta, x)
    return (growth - space.phi(reverse, lambda y: -log_beta(y), x)).detach()


def laws_approach_at_the_kl_rate(case: Case) -> Finding:
    r"""$\frac{d}{dt} KL(p_t \| \beta_t) = -E_{p_t}[\text{KL rate of the statistic of }\beta - \text{of that of }p]$.

    Both noise the same atoms, each leaning to one: a single kernel would give heavy tails. The difference is
    $\Phi(p_t/\beta_t)$ in the mean over x_0 given x_t; the left side is
    $E_{p_t}[\phi\,\partial_t\log p_t - \partial_t\log\beta_t]$ with $\phi = \log p_t - \log\beta_t$.
    """
    claim = "the divergence of laws decays at the KL rate"
    rng = case.rng(claim)
    return statistical(claim, {label: _decay(case, i, t, rng) for i, label, t in case.each_time()})


def _decay(case: Case, i: int, t: Tensor, rng: torch.Generator) -> tuple[Tensor, Tensor]:
    process, k = case.process, len(case.weights)
    of_p = torch.full((k,), (1 - LEANING) / (k - 1), dtype=torch.float64)
    of_p[i % k] = LEANING
    of_beta = of_p.roll(1)
    x_0 = rows(case.atoms, torch.multinomial(of_p, case.draws, replacement=True, generator=rng))
    x = process.marginal(x_0, t).sample(rng)
    log_p, log_beta = (partial(_log_noised, case, weights, x) for weights in (of_p, of_beta))
    ratio = log_p(t) - log_beta(t)
    growth = (ratio - ratio.mean()) * time_derivative(log_p, t) - time_derivative(log_beta, t)
    target = process.target(x_0, x, t)
    right, wrong = (process.kl_rate(case.exact(w)(x, t), target, x, t) for w in (of_p, of_beta))
    return growth, right - wrong


def _log_noised(case: Case, weights: Tensor, x: Any, t: Tensor) -> Tensor:
    return case.noised(t, weights).log_prob(x)


def control_variate_has_mean_zero(case: Case) -> Finding:
    """Under every kernel, so that as a control variate it takes nothing out of the bound."""
    claim, sides = "the control variate has mean zero", {}
    rng, process = case.rng(claim), case.process
    for i, label, t in case.each_time():
        x_0 = case.many(i)
        control_variate = process.control_variate(x_0, process.marginal(x_0, t).sample(rng), t)
        sides[label] = (control_variate, 0 * control_variate)
    return statistical(claim, sides)


def bound_is_tight_at_the_exact_denoiser(case: Case) -> Finding:
    r"""At atom a the prior and diffusion parts of `Bound` are $E[\log q_{0|0}/q_0] + E[\log q_1/p_1]$.

    The first is $-\log$ of the weight where t = 0 tells the atoms apart, the second nearly 0. Compared in the mean over
    atoms.
    """
    claim, process, n = "the bound is tight at the exact denoiser", case.process, case.draws // 4
    rng, k = case.rng(claim), len(case.weights)
    x_0 = rows(case.atoms, torch.arange(k).repeat(n))
    estimate = Bound(draws=BOUND_DRAWS)(case.exact(), x_0, rng)
    cost = -(estimate.parts["prior"] + estimate.parts["diffusion"])
    at_data, at_noise = (process.marginal(x_0, at(t)) for t in (0.0, 1.0))
    x, y = at_data.sample(rng), at_noise.sample(rng)
    told_apart = at_data.log_prob(x) - case.noised(at(0.0)).log_prob(x)
    unmixed = case.noised(at(1.0)).log_prob(y) - process.prior(n * k).log_prob(y)
    return statistical(claim, {"nats": (cost.reshape(n, k).mean(1), (told_apart + unmixed).reshape(n, k).mean(1))})


PROPERTIES = stated_in(__name__)
