r"""Potts spins by clusters (Swendsen, Wang 1987), and their integral by the mean energy at lower couplings.

$\log Z(J) = N\log q + \int_0^J E_{J'}[\text{links between equal spins}]\,dJ'$, by Gauss and Legendre's rule.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

Array = Any  # of numbers


def equal_links(shape: tuple[int, int], states: int, couplings: Array, sweeps: int, rng: np.random.Generator) -> Array:
    """The mean number of links between equal spins of every chain, one per coupling, but for the first sweeps."""
    x = rng.integers(states, size=(len(couplings), *shape))
    sites = np.arange(x.size).reshape(x.shape)
    total, kept = np.zeros(len(couplings)), 0
    for sweep in range(sweeps):
        equal = {axis: x == np.roll(x, -1, axis) for axis in (1, 2)}
        links = [np.stack([sites[same], np.roll(sites, -1, axis)[same]]) for axis, same in equal.items()]
        ends = np.concatenate(links, 1)
        chance = -np.expm1(-couplings[ends[0] // math.prod(shape)])
        ends = ends[:, rng.random(ends.shape[1]) < chance]
        graph = coo_array((np.ones(ends.shape[1], dtype=bool), tuple(ends)), shape=(x.size, x.size))
        count, cluster = connected_components(graph, directed=False)
        x = rng.integers(states, size=count)[cluster].reshape(x.shape)
        if sweep >= sweeps // 5:
            total += sum((x == np.roll(x, -1, axis)).sum((1, 2)) for axis in (1, 2))
            kept += 1
    return total / kept


def reference(
    shape: tuple[int, int], states: int, coupling: float, *, nodes: int, chains: int, sweeps: int, seed: int
) -> dict[str, float]:
    """log Z and the mean share of equal links at a coupling, with standard errors over independent chains."""
    points, weights = np.polynomial.legendre.leggauss(nodes)
    ladder = np.append(0.5 * coupling * (points + 1), [coupling] * 4)
    rng = np.random.default_rng(seed)
    found = equal_links(shape, states, np.repeat(ladder, chains), sweeps, rng).reshape(len(ladder), chains)
    means, errors = found[:nodes].mean(1), found[:nodes].std(1, ddof=1) / math.sqrt(chains)
    there, links = found[nodes:].ravel(), 2 * math.prod(shape)
    return {
        "log Z": math.prod(shape) * math.log(states) + 0.5 * coupling * float(weights @ means),
        "log Z, error": 0.5 * coupling * float(np.sqrt((weights**2) @ errors**2)),
        "agreement": float(there.mean()) / links,
        "agreement, error": float(there.std(ddof=1)) / math.sqrt(there.size) / links,
    }
