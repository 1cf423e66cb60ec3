"""Laws on four sites of twenty letters, all 160,000 probabilities of them: rivals of a learnt one, in closed form."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Sequence

import torch
from torch import Tensor

from unnoise.denoisers import Denoiser

SITES, LETTERS = 4, 20
STATES = LETTERS**SITES
SHAPE = (LETTERS,) * SITES
PAIRS = tuple(itertools.combinations(range(SITES), 2))
ORDERS = tuple(itertools.permutations(range(SITES)))
AT_ONCE = 4096  # contexts
MOST_ITERATIONS = 200  # of L-BFGS
PSEUDOCOUNT = 0.5


def variants(index: Tensor) -> Tensor:
    """Letters, (n, 4), of numbers of states."""
    return torch.stack(torch.unravel_index(index, SHAPE), 1)


def numbers(x: Tensor) -> Tensor:
    """The inverse of `variants`."""
    return (x * torch.tensor([LETTERS**k for k in reversed(range(SITES))])).sum(1)


def draw(law: Tensor, n: int, rng: torch.Generator) -> Tensor:
    """Numbers of n states, from probabilities (20, 20, 20, 20)."""
    below = law.flatten().cumsum(0)
    lots = torch.rand(n, generator=rng, dtype=torch.float64) * below[-1]
    return torch.searchsorted(below, lots, right=True).clamp(max=STATES - 1)


def shares(index: Tensor) -> Tensor:
    """How often each state was drawn, (20, 20, 20, 20)."""
    return (torch.bincount(index, minlength=STATES).double() / len(index)).view(SHAPE)


def kl(law: Tensor, log_q: Tensor) -> float:
    """KL(law, q) in nats."""
    some = law > 0
    return float((law[some] * (law[some].log() - log_q[some])).sum())


def entropy(law: Tensor) -> float:
    """In nats."""
    some = law[law > 0]
    return -float((some * some.log()).sum())


def total_variation(p: Tensor, q: Tensor) -> float:
    """Half the sum of absolute differences."""
    return 0.5 * float((p - q).abs().sum())


def independent(drawn: Tensor, n: int) -> Tensor:
    """log q of sites that do not feel each other, by the shares of n draws."""
    total = torch.zeros(SHAPE, dtype=torch.float64)
    for site in range(SITES):
        share = (drawn.sum([other for other in range(SITES) if other != site]) * n + PSEUDOCOUNT).log()
        total = total + (share - torch.logsumexp(share, 0)).view(_along(site))
    return total


def potts(drawn: Tensor, decay: float) -> Tensor:
    r"""log q of $q \propto \exp(\sum_i h_i(x_i) + \sum_{i<j} J_{ij}(x_i, x_j))$, of the highest likelihood.

    The sum over states is exact; `decay` is the weight of $|J|^2$.
    """
    fields = torch.zeros(SITES, LETTERS, dtype=torch.float64, requires_grad=True)
    couplings = torch.zeros(len(PAIRS), LETTERS, LETTERS, dtype=torch.float64, requires_grad=True)

    def log_q() -> Tensor:
        total = torch.zeros(SHAPE, dtype=torch.float64)
        for site in range(SITES):
            total = total + fields[site].view(_along(site))
        for pair, (first, second) in enumerate(PAIRS):
            total = total + couplings[pair].view(_along(first, second))
        return total - torch.logsumexp(total.flatten(), 0)

    optimiser = torch.optim.LBFGS(
        [fields, couplings], max_iter=MOST_ITERATIONS, history_size=20, line_search_fn="strong_wolfe"
    )

    def loss() -> float:
        optimiser.zero_grad()
        value = decay * couplings.square().sum() - (drawn * log_q()).sum()
        value.backward()  # type: ignore[no-untyped-call]
        return value.item()

    optimiser.step(loss)  # type: ignore[no-untyped-call]
    return log_q().detach()


@torch.no_grad()
def one_by_one(denoiser: Denoiser, orders: Iterable[Sequence[int]] = ORDERS) -> Tensor:
    r"""log q of letters that are drawn one after the other, each order as likely as the others, exactly.

    $q(x) = \frac1K\sum_\sigma\prod_i p(x_{\sigma_i} | x_{\sigma_{<i}})$, from all 34,481 contexts that there are.
    """
    states, known, found = variants(torch.arange(STATES)), {}, []
    for order in orders:
        total = torch.zeros(STATES, dtype=torch.float64)
        for place, site in enumerate(order):
            shown = tuple(sorted(order[:place]))
            if shown not in known:
                known[shown] = _conditionals(denoiser, shown)
            row = sum((states[:, s] * LETTERS**k for k, s in enumerate(reversed(shown))), torch.zeros(STATES).long())
            total += known[shown][row, site, states[:, site]]
        found.append(total)
    return (torch.logsumexp(torch.stack(found), 0) - math.log(len(found))).view(SHAPE)


def _conditionals(denoiser: Denoiser, shown: tuple[int, ...]) -> Tensor:
    """log p at every site, given all letters that the shown ones can have, (contexts, 4, 20)."""
    contexts = torch.full((LETTERS ** len(shown), SITES), LETTERS)  # the last state is the mask
    for k, site in enumerate(shown):
        contexts[:, site] = torch.arange(len(contexts)) // LETTERS ** (len(shown) - 1 - k) % LETTERS
    parts = [denoiser(part, torch.tensor(0.5)) for part in contexts.split(AT_ONCE)]  # type: ignore[no-untyped-call]
    return torch.cat(parts)[..., :LETTERS].double().log()


def _along(*sites: int) -> list[int]:
    return [LETTERS if site in sites else 1 for site in range(SITES)]
