"""A trained likelihood: densities of observations, and by walking posteriors of any set of them under any prior."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from unnoise import _tree
from unnoise._checks import whole
from unnoise._errors import InputError, warn
from unnoise._seeding import fresh_seed
from unnoise.inference.parameters import Floats
from unnoise.inference.points import PointLaw
from unnoise.inference.priors import ParameterPrior, as_prior, check_within
from unnoise.inference.saved import Learnt
from unnoise.inference.unnormalised import Before, Unnormalised
from unnoise.walking import Walk, walk


@dataclass(frozen=True, eq=False)
class LearntLikelihood(Learnt):
    r"""The law $p(x|\theta)$ of an observation given the parameters, as `likelihood` learns it.

    Densities are in nats, with respect to Lebesgue measure for real numbers of an observation and to counting measure
    for whole ones. Draws from the posterior, and the evidence, are those of `unnoise.walk`.
    """

    kind = "likelihood"

    model: PointLaw

    @staticmethod
    def _read_model(folder: Path, trust: Sequence[str]) -> PointLaw:
        return PointLaw.load(folder)

    def log_prob(self, x: Any, theta: Any) -> Floats:
        r"""$\sum_i\log p(x_i|\theta)$ in nats, (n,).

        Args:
            x: an observation as the simulator returns it, or several of the same parameters, (j, *shape), any number.
            theta: parameters as the prior draws them; outside the bounds of the simulations' prior the density is NaN.
        """
        rows, seen = self.parameters.read(theta), torch.from_numpy(self._seen(x))
        size = self.model.at_once(len(seen))
        parts = torch.split(torch.from_numpy(rows), size)
        found = torch.cat([self.model.log_prob(part, seen) for part in parts]).numpy()
        return np.where(self.parameters.contains(rows), found, np.nan)

    def posterior(self, x: Any, *, n: int = 1000, seed: int = 0) -> Walk:
        r"""Draws from $p(\theta|x) \propto p(\theta)\prod_i p(x_i|\theta)$ by `unnoise.walk`, with a verdict.

        Its `log_z` is the evidence, $\log\int p(\theta)\prod_i p(x_i|\theta)\,d\theta$, in nats.

        Args:
            x: as of `log_prob`.
            n: draws.
            seed: of the walk.

        Raises:
            InputError: an observation of another shape, or one with holes; a prior without a density.
        """
        whole(least=1, n=n)
        prior = self.known_prior()
        before = Before(prior)
        found = walk(Unnormalised(self.model, before, self._seen(x)), guess=before, n=n, seed=seed)

        def shown(z: Tensor) -> Any:
            return _tree.map(torch.as_tensor, prior.parameters.shown(prior.parameters.inside(z.numpy())))

        draws = self.parameters.shown(prior.parameters.inside(found.draws.numpy()))
        return replace(found, draws=draws, record=found.record.shown(shown))

    def sample(self, n: int, x: Any, *, seed: int | None = None) -> Any:
        """Draw n parameters given an observation, or several, as the prior draws them.

        An observation that is not like the simulations gives a warning, and so do draws that are not to be trusted.

        Args:
            n: how many.
            x: as of `log_prob`.
            seed: the same seed gives the same draws; None takes a fresh one.
        """
        return self._walked(x, n, fresh_seed() if seed is None else seed).draws

    def log_evidence(self, x: Any, *, seed: int = 0) -> float:
        r"""$\log p(x) = \log\int p(\theta)\prod_i p(x_i|\theta)\,d\theta$ in nats, with the warnings of `sample`."""
        return self._walked(x, 1, seed).log_z

    def with_prior(self, prior: Any) -> LearntLikelihood:
        """The same likelihood under another prior: nothing is trained nor weighed.

        Raises:
            InputError: one of the priors has no density, they are of different parameters, or the new one goes where
                nothing was simulated.
        """
        new = as_prior(prior)
        check_within(new, self.known_prior())
        return replace(self, prior=new)

    def known_prior(self) -> ParameterPrior:
        """That of the simulations, which has a density.

        Raises:
            InputError: the likelihood was loaded without it, or it has none.
        """
        if self.prior is None:
            raise InputError("got a likelihood that was loaded without its prior; load it with prior=")
        if self.prior.density is None:
            self.prior.log_prob(np.zeros((1, self.parameters.size)))  # says what is expected
        return self.prior

    def _walked(self, x: Any, n: int, seed: int) -> Walk:
        if not (near := self._familiarity(self._seen(x, flat=False))).good:
            warn(str(near))
        found = self.posterior(x, n=n, seed=seed)
        if not found.trusted:
            warn(str(found.verdict))
        return found

    def _seen(self, x: Any, flat: bool = True) -> Floats:
        """Observations without holes, (j, k), or as they are, (j, *shape)."""
        seen = self.observed.read(x)
        return seen.reshape(len(seen), -1) if flat else seen
