"""A posterior under another prior, by weights: no simulation, no training."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor

from unnoise._checks import whole
from unnoise._errors import InputError, warn
from unnoise._seeding import generator
from unnoise.inference.parameters import Floats, Parameters
from unnoise.inference.priors import ParameterPrior, check_within
from unnoise.laws.categorical import effective_size, systematic
from unnoise.training.dataset import derived_seed

PROPOSED, FEWEST = 4, 4000  # draws of the old posterior for each new one, and at least


class Weighable(Protocol):
    """A posterior under the prior of its simulations."""

    @property
    def parameters(self) -> Parameters:
        """What they are."""

    @property
    def prior(self) -> ParameterPrior | None:
        """That of the simulations."""

    def sample(self, n: int, x: Any, *, seed: int | None = None) -> Any:
        """Draws given an observation."""

    def log_prob(self, theta: Any, x: Any) -> Floats:
        """Log densities given an observation."""


@dataclass(frozen=True, eq=False)
class Reweighted:
    r"""$p'(\theta|x) \propto p(\theta|x)\,p'(\theta)/p(\theta)$ for another prior p'.

    Args:
        posterior: under the prior p.
        prior: p', of the same parameters.

    Raises:
        InputError: a prior without a density, of other parameters, or with draws that the old prior cannot give.
    """

    posterior: Weighable
    prior: ParameterPrior

    def __post_init__(self) -> None:
        check_within(self.prior, self._old)

    def sample(self, n: int, x: Any, *, seed: int | None = None) -> Any:
        """Draw n parameters given an observation, out of 4 n draws of the old posterior, at least 4000, by weight.

        A warning tells their effective sample size where it is below n.

        Args:
            n: how many.
            x: as of `AmortisedPosterior.sample`.
            seed: the same seed gives the same draws.
        """
        whole(least=1, n=n)
        theta, log_weights = self._weighed(max(PROPOSED * n, FEWEST), x, seed)
        size = float(effective_size(log_weights))
        if size < n:
            warn(
                f"the {n:,} draws under another prior have an effective sample size of {size:,.0f}, of {len(theta):,} "
                "draws that were weighed"
            )
        rng = generator(seed if seed is None else derived_seed(seed, "resampling"))
        chosen = systematic(log_weights[None], n, rng)[0]
        shuffled = chosen[torch.randperm(n, generator=rng)].numpy()
        return self.posterior.parameters.shown(theta[shuffled])

    def effective_sample_size(self, x: Any, *, draws: int = FEWEST, seed: int = 0) -> float:
        r"""$(\sum w)^2/\sum w^2$ of so many draws of the old posterior."""
        whole(least=1, draws=draws)
        return float(effective_size(self._weighed(draws, x, seed)[1]))

    def log_prob(self, theta: Any, x: Any, *, draws: int = FEWEST, seed: int = 0) -> Floats:
        r"""$\log p'(\theta|x)$ in nats, (n,), whose normaliser is the mean weight of so many draws."""
        rows = self.posterior.parameters.read(theta)
        _, log_weights = self._weighed(draws, x, seed)
        normaliser = float(torch.logsumexp(log_weights, 0)) - np.log(draws)
        with np.errstate(invalid="ignore"):
            ratio = self.prior.log_prob(rows) - self._old.log_prob(rows)
        found = self.posterior.log_prob(theta, x) + ratio - normaliser
        return np.where(np.isnan(found), -np.inf, found)

    def _weighed(self, draws: int, x: Any, seed: int | None) -> tuple[Floats, Tensor]:
        """Draws of the old posterior, and their log weights."""
        theta = self.posterior.parameters.read(self.posterior.sample(draws, x, seed=seed))
        with np.errstate(invalid="ignore"):
            ratio = self.prior.log_prob(theta) - self._old.log_prob(theta)
        log_weights = torch.from_numpy(np.where(np.isnan(ratio), -np.inf, ratio))
        if not torch.isfinite(log_weights).any():
            raise InputError(
                f"none of {draws:,} draws of the posterior has a density under the new prior; simulate from this prior"
            )
        return theta, log_weights

    @property
    def _old(self) -> ParameterPrior:
        """The prior of the simulations."""
        if self.posterior.prior is None:
            raise InputError("got a posterior that was loaded without its prior; load it with prior=")
        return self.posterior.prior
