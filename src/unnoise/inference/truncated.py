"""Rounds for one observation: a prior that is cut to where the posterior so far has its draws."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from unnoise._errors import InputError
from unnoise.inference.parameters import Floats
from unnoise.inference.priors import ParameterPrior

DRAWS = 2000  # of the posterior, which show where it is
NEAREST = 5  # draws whose distance says whether a point lies among them
LEFT_OUT = 1e-3  # of the posterior: about what its region may lack
AT_ONCE, MOST_TRIES = 100_000, 20_000_000  # draws of the prior


@dataclass(frozen=True, eq=False)
class Region:
    """Where a posterior has its draws: points that are as near to some of them as draws are to each other.

    Args:
        prior: which is cut.
        draws: of the posterior, (k, d).

    Distances are measured in the chart of the parameters, in units of the draws' spreads.
    """

    prior: ParameterPrior
    draws: Floats

    def truncated(self) -> ParameterPrior:
        """The prior within the region: its density is that of the prior there, up to a constant.

        As all that is cut off is next to impossible given the observation, a model that learns from such parameters has
        the right posterior of it, without weights (Deistler et al. 2022, arXiv 2210.04815).
        """
        from scipy.spatial import KDTree

        parameters, prior = self.prior.parameters, self.prior
        z = parameters.outside(self.draws)
        middle, spread = z.mean(axis=0), np.maximum(z.std(axis=0), np.finfo(np.float64).tiny)
        tree = KDTree((z - middle) / spread)
        usual = tree.query((z - middle) / spread, k=NEAREST + 1)[0][:, -1]
        radius = float(np.quantile(usual, 1 - LEFT_OUT))

        def inside(theta: Floats) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
            points = (parameters.outside(theta) - middle) / spread
            found = tree.query(points, k=NEAREST, distance_upper_bound=radius)[0][:, -1]
            return np.asarray(np.isfinite(found))

        def draw(n: int, rng: torch.Generator) -> Floats:
            kept: list[Floats] = []
            tries = count = 0
            while count < n:
                theta = prior.draw(AT_ONCE, rng)
                kept.append(theta[inside(theta)])
                tries, count = tries + AT_ONCE, count + len(kept[-1])
                if tries >= MOST_TRIES and count < n:
                    raise InputError(
                        f"only {count} of {tries:,} draws of the prior lie where the posterior so far does, so another "
                        "round cannot begin; take rounds=1 and more simulations"
                    )
            return np.concatenate(kept)[:n]

        def density(theta: Floats) -> Floats:
            return np.where(inside(theta), prior.log_prob(theta), -np.inf)

        return ParameterPrior(parameters, draw, density if prior.density else None)
