"""How priors of every origin draw, their densities, and their ends."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch.distributions import constraints

from unnoise._checks import refuse
from unnoise._seeding import reseeded
from unnoise.inference.charts import LEAST, Floats
from unnoise.laws import Law

EXPECTED = (
    "a law of unnoise, a torch distribution, a frozen one of scipy, an object with sample(n, generator), or a dict "
    "of these by names"
)

Draw = Callable[[int, torch.Generator], Any]
Density = Callable[[Any], Any]
Ends = tuple[Any, Any]


def read(law: Any, what: str) -> tuple[Draw, Density | None, Ends]:
    """How a law of any origin draws, its density, and its ends."""
    if isinstance(law, Law):
        return lambda n, rng: law.sample(rng, (n,)), law.log_prob, (-np.inf, np.inf)
    if isinstance(law, torch.distributions.Distribution):
        return _of_torch(law)
    if callable(getattr(law, "logpdf", None)) or callable(getattr(law, "logpmf", None)):
        return _of_scipy(law)
    if isinstance(law, type) or not callable(getattr(law, "sample", None)):
        refuse(what, law, EXPECTED)
    ends = getattr(law, "support", None)
    density = getattr(law, "log_prob", None)
    return law.sample, density if callable(density) else None, (-np.inf, np.inf) if ends is None else tuple(ends)


def _of_torch(law: torch.distributions.Distribution) -> tuple[Draw, Density, Ends]:
    """Draws are made under a seed, as these classes take no generator."""

    def draw(n: int, rng: torch.Generator) -> torch.Tensor:
        with reseeded(_seed(rng)), torch.no_grad():
            return law.sample((n,))

    try:
        support: Any = law.support
    except NotImplementedError:
        support = None
    while hasattr(support, "base_constraint"):
        support = support.base_constraint
    if isinstance(support, type(constraints.boolean)):
        return draw, law.log_prob, (0, 1)
    ends = getattr(support, "lower_bound", -np.inf), getattr(support, "upper_bound", np.inf)
    return draw, law.log_prob, ends


def _of_scipy(law: Any) -> tuple[Draw, Density, Ends]:
    """Frozen laws draw by `rvs`, those of one number (a batch of which has ends) in any shape; newer ones `sample`."""
    from scipy.stats import dirichlet

    ends = law.support() if callable(getattr(law, "support", None)) else None
    shape = () if ends is None else np.broadcast_shapes(*map(np.shape, ends))

    def draw(n: int, rng: torch.Generator) -> Any:
        own = np.random.default_rng(_seed(rng))
        if not hasattr(law, "rvs"):
            return law.sample((n,), rng=own)
        if ends is None:
            return law.rvs(size=n, random_state=own).reshape(n, -1)  # which leaves out axes of one
        return law.rvs(size=(n, *shape), random_state=own)

    def of_columns(theta: Floats) -> Any:
        shares = np.maximum(theta, LEAST)
        return law.logpdf((shares / shares.sum(axis=-1, keepdims=True)).T)

    density = law.logpdf if callable(getattr(law, "logpdf", None)) else law.logpmf
    if isinstance(law, type(dirichlet(np.ones(2)))):
        density = of_columns
    return draw, density, (-np.inf, np.inf) if ends is None else ends


def _seed(rng: torch.Generator) -> int:
    return int(torch.randint(2**63 - 1, (), generator=rng))


def numbers(values: Any) -> Floats:
    """Of tensors, arrays or lists, in double precision."""
    return np.asarray(values.detach().cpu() if isinstance(values, torch.Tensor) else values, dtype=np.float64)
