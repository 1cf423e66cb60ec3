r"""The properties of questions: one exact denoiser answers p(A | B) for all disjoint sets A and B of cells.

With the weights $\pi_i$ of atoms given $x_B$ (see `question_case`)

* what is learnt of A is $\sum_i \pi_i(x_A) Y_t(a_i, x)$ with $\pi_i(x_A) \propto \pi_i\, q_{t|0}(x_A | a_{i,A})$;
* the diffusion part of the bound at $x_A$ costs $E[\log q_{0|0}/q_0] - E[\log q_{1|0}/q_1]$, where
  $q_t = \sum_i \pi_i q_{t|0}(\cdot | a_{i,A})$ and the means are over noise;
* the probability flow has the density $q_0(x_A)$, as far as noise ends at the prior.

The roles are other ones in every row: all splits in turn where cells are few, else splits at random.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from unnoise import _tree
from unnoise._errors import InputError
from unnoise.evaluation import Bound, Estimate, ProbabilityFlow
from unnoise.evaluation._asked import log_prior, total
from unnoise.processes import Bridged, HasKernel
from unnoise.samplers import Ancestral, Euler
from unnoise.spaces import Continuum
from unnoise.testing.case import at, repeated
from unnoise.testing.findings import Finding, Findings, conclude, exact, judged, probable, stated_in, statistical
from unnoise.testing.processes import case_of
from unnoise.testing.question_case import Posed, QuestionCase, cells_of, log_kernel, spliced
from unnoise.testing.statistics import mean_is_zero

EXACT = 1e-6
KEPT = 0.01  # of the least distance between atoms, by which what is given may move
UNBIASED = 0.03  # bias of finite steps in the mean of a wave that is forgiven
FORGIVEN = 0.1  # nats between a flow and the density: of the solver, and where noise does not quite end at the prior
STEPS, BOUND_DRAWS = 64, 16
ROWS, FLOWS = 256, 24  # that exact properties look at, and flows, at most


def check_questions(
    process: HasKernel[Any],
    atoms: Any,
    weights: Tensor | None = None,
    *,
    draws: int = 1000,
    functions: int = 6,
    seed: int = 0,
    raises: bool = True,
) -> Findings:
    """Check that the exact denoiser of a process, told which cells are given and asked, gives the conditional law.

    Samples, bounds and flows are compared with closed forms; so a process of your own is right cell by cell. It needs
    two or more cells. Atoms and weights are those of `check_process`.

    >>> from unnoise.processes import CTMC, rates
    >>> from unnoise.spaces import Finite
    >>> letters = CTMC(Finite(3, 4), rates.UniformRates(4))
    >>> print(check_questions(letters, torch.tensor([[0, 1, 2], [0, 3, 1], [2, 1, 1]]), draws=500))
    CTMC(...): 9 of 9 properties kept, 1 not looked at
    ...
    """
    if cells_of(process) < 2:
        raise InputError(f"got {process} of one cell; questions need two, of which one may be given: take a product")
    base = case_of(process, atoms, weights, draws=draws, functions=functions, seed=seed)
    return conclude(process, judged(PROPERTIES, QuestionCase(**vars(base))), raises=raises)


def cells_add_up(case: QuestionCase) -> Finding:
    """What the process of one cell says, summed over cells, is what the process says of whole points."""
    claim, process = "cells add up to points", case.process
    sides: dict[str, tuple[Tensor, Tensor]] = {}
    rng, n = case.rng(claim), min(case.draws, ROWS)
    asks, zero = case.questions(n, rng), at(0.0)
    everywhere = _tree.map(torch.ones_like, asks.asked)

    def compare(label: str, price: Callable[..., Tensor], t: Tensor, *trees: Any) -> None:
        sides[label] = (total(process, everywhere, price, t, *trees), price(process, t, *trees))

    for _, label, t in case.each_time():
        x = process.marginal(asks.x_0, t).sample(rng)
        pair = case.exact()(x, t), process.target(asks.x_0, x, t)
        compare(f"kernel, {label}", log_kernel, t, asks.x_0, x)
        compare(f"KL rate, {label}", lambda p, t, *of: p.kl_rate(*of, t), t, *pair, x)
        compare(f"control variate, {label}", lambda p, t, *of: p.control_variate(*of, t), t, asks.x_0, x)
    compare("reconstruction", lambda p, t, a: p.reconstruction(a), zero, asks.x_0)
    compare("encoding", lambda p, t, a: p.encode(a)[1], zero, asks.x_0)
    last = process.marginal(asks.x_0, at(1.0)).sample(rng)
    sides["prior"] = (log_prior(process, last, everywhere), process.prior(n).log_prob(last))
    return exact(claim, sides, 10 * EXACT)  # tables of the package are in the default precision


def answers_are_conditional(case: QuestionCase) -> Finding:
    r"""In asked cells the statistic is $\sum_i \pi_i(x_A) Y_t(a_i, x)$; without a question it is that of all cells."""
    claim = "answers are those of the conditional law"
    sides: dict[str, tuple[Tensor, Tensor]] = {}
    rng, n = case.rng(claim), min(case.draws, ROWS)
    asks, labelled = case.questions(n, rng), [(label, t) for _, label, t in case.each_time()]
    times = torch.tensor(case.times, dtype=torch.float64)[torch.arange(n) % len(case.times)]
    for label, t in [*labelled, ("a time for each row", times)]:
        x = case.process.marginal(asks.x_0, t).sample(rng)
        found = case.denoiser(x, t, asks.cond), case.statistic(asks, x, t)
        sides |= _by_leaf(label, asks.asked, *found)
        everywhere = _tree.map(torch.ones_like, asks.asked)
        sides |= _by_leaf(f"no question, {label}", everywhere, case.denoiser(x, t), case.exact()(x, t))
    return exact(claim, sides, EXACT)


def other_cells_do_not_matter(case: QuestionCase) -> Finding:
    """What unknown cells hold, and the noisy state of cells that are not asked, changes no asked cell."""
    claim = "what is not asked or given does not matter"
    sides: dict[str, tuple[Tensor, Tensor]] = {}
    rng, n = case.rng(claim), min(case.draws, ROWS)
    asks, others = case.questions(n, rng), case.questions(n, rng).x_0
    changed = asks.beside(others)
    for _, label, t in case.each_time():
        x, y = (case.process.marginal(tree, t).sample(rng) for tree in (asks.x_0, others))
        found = case.denoiser(x, t, asks.cond), case.denoiser(spliced(asks.asked, x, y), t, changed.cond)
        sides |= _by_leaf(label, asks.asked, *found)
    return exact(claim, sides, EXACT)


def other_cells_cost_nothing(case: QuestionCase) -> Finding:
    """In cells that are not asked the statistic is the target, and the KL rate is zero."""
    claim, process = "what is not asked costs nothing", case.process
    sides: dict[str, tuple[Tensor, Tensor]] = {}
    rng = case.rng(claim)
    asks = case.questions(min(case.draws, ROWS), rng)
    rest = _tree.map(torch.logical_not, asks.asked)
    for _, label, t in case.each_time():
        x = process.marginal(asks.x_0, t).sample(rng)
        stat, target = case.denoiser(x, t, asks.cond), process.target(asks.x_0, x, t)
        sides |= _by_leaf(label, rest, stat, target)
        rate = process.kl_rate(spliced(asks.asked, target, stat), target, x, t)
        sides[f"KL rate, {label}"] = (rate, 0 * rate)
    return exact(claim, sides, EXACT, size=1.0)


def samples_keep_what_is_given(case: QuestionCase) -> Finding:
    """Samples end where they were given, and in unknown cells at what these held."""
    claim = "samples keep what is given"
    asks = case.questions(min(case.draws, ROWS), case.rng(claim))
    kept = spliced(asks.asked, asks.x_0, _samples(case, asks, claim))
    least = float(torch.pdist(case.flat(case.atoms)).min())
    return exact(claim, {"features": (case.flat(kept), case.flat(asks.x_0))}, KEPT, size=least)


def samples_are_conditional(case: QuestionCase) -> Finding:
    r"""In asked cells samples have the law $\sum_i \pi_i \delta_{a_i}$, seen by waves.

    Their errors must also have nothing to do with those of the law given nothing, or given all other cells.
    """
    claim = "samples have the conditional law"
    rng = case.rng(claim)
    asks = case.questions(case.draws, rng).beside(case.questions(case.draws, rng).x_0)
    test = case.waves(case.atoms, case.rng("test functions"))
    atoms = [spliced(asks.asked, repeated(case.atom(i), case.draws), asks.x_0) for i in range(len(case.weights))]
    values = torch.stack([test(atom) for atom in atoms], 1)
    right, *wrong = (torch.einsum("nk,nkf->nf", case.log_weights(part).exp(), values) for part in (asks, *asks.wrong()))
    gap = test(spliced(asks.asked, _samples(case, asks, claim), asks.x_0)) - right
    gaps = torch.cat([gap, *(gap * (other - right) for other in wrong)], 1)
    detail = f"largest bias {float(gap.mean(0).abs().max()):.3g}, of which about {UNBIASED} and chance are forgiven"
    return probable(claim, mean_is_zero(gaps, UNBIASED), detail)


def bounds_are_conditional(case: QuestionCase) -> Finding:
    r"""The diffusion part of the bound is $E[\log q_{1|0}/q_1] - E[\log q_{0|0}/q_0]$ of the conditional law."""
    claim = "bounds are those of the conditional law"
    rng = case.rng(claim)
    asks = case.questions(case.draws, rng)
    return statistical(claim, {"nats": (_bound(case, asks, rng).parts["diffusion"], -case.cost(asks, rng))})


def prices_add_up(case: QuestionCase) -> Finding:
    """The prior and the reconstruction of asked cells and of the rest sum to those of the point, whatever is given."""
    claim = "prices of disjoint cells add up"
    asks = case.questions(min(case.draws, ROWS), case.rng(claim))
    asks = asks.where(_some(_tree.map(torch.logical_not, asks.asked)))
    rest, everywhere = (_tree.map(f, asks.asked) for f in (torch.logical_not, torch.ones_like))
    one, other, both = (
        _bound(case, part, case.rng("one noise")).parts for part in (asks, asks.about(rest), asks.about(everywhere))
    )
    sides = {name: (one[name] + other[name], both[name]) for name in ("prior", "reconstruction")}
    return exact(claim, sides, 10 * EXACT, size=1.0)


def bounds_obey_the_chain_rule(case: QuestionCase) -> Finding:
    """Log p(A, B) = log p(B) + log p(A | B), as far as t = 0 tells the atoms apart."""
    claim = "log p(A, B) = log p(B) + log p(A | B)"
    rng = case.rng(claim)
    asks = case.questions(case.draws, rng)
    asks = asks.where(_some(asks.given))
    joint, first = asks.about(_tree.map(torch.logical_or, asks.asked, asks.given)), asks.about(asks.given)
    found = [_bound(case, part, rng).log_prob for part in (joint, first, asks)]
    closed = [-case.cost(part, rng) for part in (joint, first, asks)]
    return statistical(claim, {"nats": (found[0] - found[1] - found[2], closed[0] - closed[1] - closed[2])})


def flows_are_conditional(case: QuestionCase) -> Finding:
    r"""The density of the probability flow in asked cells is $\sum_i \pi_i q_{0|0}(x_A | a_{i,A})$."""
    claim, process = "flows have the conditional density", case.process
    if not isinstance(process.space, Continuum):
        return Finding(claim, None, detail="jumps have no flow")
    rng = case.rng(claim)
    asks = case.questions(min(case.draws, FLOWS), rng)
    x = spliced(asks.asked, process.marginal(asks.x_0, at(0.0)).sample(rng), asks.x_0)
    found = ProbabilityFlow()(case.denoiser, x, rng, asks.cond).log_prob
    first, _ = process.encode(x)
    stretch = total(process, asks.asked, lambda p, t, x: p.encode(x)[1], at(0.0), x)
    truth = case.log_density(asks, first) + stretch
    return exact(claim, {"nats": (found, truth)}, FORGIVEN, size=1.0)


def _by_leaf(label: str, cells: Any, one: Any, other: Any) -> dict[str, tuple[Tensor, Tensor]]:
    """Both sides of every leaf, in some cells alone."""
    masked = [spliced(cells, tree, _tree.map(torch.zeros_like, tree)) for tree in (one, other)]
    pairs = zip(*(_tree.leaves(tree) for tree in masked), strict=True)
    return {f"{path} {label}".strip(): (left, right) for (path, left), (_, right) in pairs}


def _some(cells: Any) -> Tensor:
    """The rows that have such cells, (n,)."""
    return torch.stack([mask[:, None].flatten(1).any(1) for _, mask in _tree.leaves(cells)]).any(0)


def _samples(case: QuestionCase, asks: Posed, claim: str) -> Any:
    make = Ancestral if isinstance(case.process, Bridged) else Euler
    return make(case.denoiser, STEPS).sample(_tree.length(asks.x_0), case.rng(f"{claim}, walk"), asks.cond)


def _bound(case: QuestionCase, asks: Posed, rng: torch.Generator) -> Estimate:
    return Bound(draws=BOUND_DRAWS)(case.denoiser, asks.x_0, rng, asks.cond)


PROPERTIES = stated_in(__name__)
