"""A posterior by a learnt likelihood, beside a network of the posterior that shows about where its draws lie."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import repeat
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from unnoise._checks import whole
from unnoise._errors import InputError, warn
from unnoise._seeding import fresh_seed, generator
from unnoise.evaluation import Posteriors
from unnoise.inference.likelihoods import LearntLikelihood
from unnoise.inference.observed import MOMENTS, NAME
from unnoise.inference.parameters import Floats
from unnoise.inference.points import PointLaw
from unnoise.inference.posteriors import AmortisedPosterior
from unnoise.inference.simulations import Simulations
from unnoise.inference.unnormalised import Before, Unnormalised
from unnoise.inference.weighing import Weighed, moved, weighed
from unnoise.samplers import InaccurateSamplesWarning, Sampler
from unnoise.training.dataset import derived_seed

CENTRES, POINTS = 64, 1000  # draws of the network, and points that are weighed, of each of many observations
DRAWN_FROM = 4000  # points of each that some draws are chosen from
CENTRES_OF_ONE, POINTS_OF_ONE = 256, 16_000  # of a single observation, at least
PROPOSED, WORTH = 8, 0.1  # points for each draw, and draws that they are worth, or else a walk draws
LAW = "likelihood"  # the folder of the law


@dataclass(frozen=True, eq=False)
class PosteriorByLikelihood(AmortisedPosterior):
    r"""$p(\theta|x) \propto p(\theta)\prod_i p(x_i|\theta)$ with a learnt likelihood.

    Draws and densities are those of importance sampling around draws of the network.

    Attributes:
        law: of one observation.
    """

    shown_by = LAW

    law: PointLaw = field(kw_only=True)

    @property
    def likelihood(self) -> LearntLikelihood:
        """What else it can be asked."""
        return LearntLikelihood(self.law, self.parameters, self.observed, self.simulated, self.held_out, self.prior)

    def sample(
        self,
        n: int,
        x: Any,
        *,
        seed: int | None = None,
        sampler: Callable[..., Sampler] | None = None,
        steps: int | None = None,
    ) -> Any:
        """Draw n parameters given an observation, or several, any number.

        Points with weights are drawn from, and moved by steps of Metropolis; where few of them have most of the weight,
        a walk draws (`LearntLikelihood.sample`).

        Raises:
            InputError: an observation of another shape; or a sampler or steps, which are a network's.
        """
        if sampler is not None or steps is not None:
            raise InputError(
                "got a sampler or steps for a posterior by its likelihood, which has none; leave them out, or learn it "
                "with likelihood=False"
            )
        whole(n=n)
        seen = self.observed.read(x)
        own = fresh_seed() if seed is None else seed
        found = self._weighed_of(seen, max(POINTS_OF_ONE, PROPOSED * n), own)
        if found.effective_size < WORTH * n:
            return self.likelihood.sample(n, x, seed=own)
        if not (near := self._familiarity(seen)).good:
            warn(str(near))
        rng = generator(derived_seed(own, "moved"))
        z = moved(found, found.chosen(max(n, 1), rng), rng)[:n]
        return self.parameters.shown(self.parameters.inside(z.numpy()))

    def log_prob(self, theta: Any, x: Any) -> Floats:
        r"""$\log p(\theta|x)$ in nats, (n,), whose normaliser is the mean weight of many points.

        Args:
            theta: parameters as the prior draws them; outside their bounds the density is 0.
            x: one observation, or several, any number.
        """
        rows, seen = self.parameters.read(theta), self.observed.read(x)
        z = self.parameters.outside(rows)
        found = self._weighed_of(seen, POINTS_OF_ONE, 0)
        return np.where(self.parameters.contains(rows), found.log_prob(z) - self.parameters.log_volume(z), -np.inf)

    def log_prob_of(self, simulations: Simulations, *, seed: int = 0) -> Floats:
        """As of `AmortisedPosterior`. The parameters themselves are among what shows where points should lie."""
        z = self.parameters.outside(self.parameters.read(simulations.theta))
        found = self._weighed(self._sets(simulations), self.observed.condition(simulations.x), seed, beside=z)
        density = [each.log_prob(one[None])[0] for each, one in zip(found, z, strict=True)]
        return np.array(density) - self.parameters.log_volume(z)

    def posteriors(
        self,
        X: Any,
        y: Any = None,
        *,
        of: Any = None,
        given: Any = None,
        draws: int = 19,
        density_draws: int = 9,
        max_rows: int = 300,
        seed: int = 0,
    ) -> Posteriors:
        """As of `AmortisedPosterior`; densities are those of all parameters, and so none where some are asked for."""
        whole(least=1, draws=draws, max_rows=max_rows)
        whole(density_draws=density_draws)
        rng, places = generator(derived_seed(seed, "weighed")), self._places(of, given)
        every = Simulations(X, y, self.observed.observations)
        some = every.at(torch.randperm(len(every), generator=rng)[:max_rows].sort().values.numpy())
        cells, sizes = generator(derived_seed(seed, "cells")), self.observed.sizes(len(some), seed)
        z = self.parameters.outside(self.parameters.read(some.theta), cells)
        told = self.observed.condition(some.x, sizes)
        found = list(self._weighed(self._sets(some, sizes), told, seed, points=DRAWN_FROM))
        drawn = np.stack([each.z[each.chosen(draws, rng)].numpy() for each in found])
        densities: dict[str, Any] = {}
        if density_draws and len(places) == self.parameters.free:
            densities = {
                "log_probs": np.stack(
                    [each.log_prob(few) for each, few in zip(found, drawn[:, :density_draws], strict=True)]
                ),
                "log_prob_truths": np.concatenate(
                    [each.log_prob(one[None]) for each, one in zip(found, z, strict=True)]
                ),
            }
        columns = self.parameters.free_columns
        seen = told[MOMENTS if MOMENTS in told else NAME].reshape(len(some), -1)
        return Posteriors(
            drawn[..., places],
            z[:, places],
            seen,
            names=[columns[place] for place in places],
            given=(NAME,),
            **densities,
        )

    def _write_models(self, folder: Path) -> None:
        super()._write_models(folder)
        self.law.save(folder / LAW)

    @classmethod
    def _read_more(cls, folder: Path) -> dict[str, Any]:
        return {"law": PointLaw.load(folder / LAW)}

    def _weighed_of(self, seen: Floats, points: int, seed: int) -> Weighed:
        """Given observations (j, *shape), of which the network is told all as a set, or one if it knows no sets."""
        told = self.observed.condition(seen[None] if self.observed.observations > 1 else seen[:1])
        (found,) = self._weighed([seen], told, seed, centres=CENTRES_OF_ONE, points=points)
        return found

    def _sets(self, simulations: Simulations, sizes: NDArray[np.int64] | None = None) -> list[Floats]:
        """The observations of each row, (j, *shape)."""
        if self.observed.observations == 1:
            return [one[None] for one in simulations.x]
        counts = repeat(self.observed.observations) if sizes is None else sizes.tolist()
        return [one[:count] for one, count in zip(simulations.x, counts, strict=False)]

    def _weighed(
        self,
        sets: Sequence[Floats],
        told: dict[str, Floats],
        seed: int,
        *,
        centres: int = CENTRES,
        points: int = POINTS,
        beside: Floats | None = None,
    ) -> Iterator[Weighed]:
        """Points with weights given each set of observations, around draws of the network and one point beside."""
        y = {name: np.repeat(part, centres, axis=0) for name, part in told.items()}
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "the samples", InaccurateSamplesWarning)  # as points are weighed
            drawn = self.model.sample(len(sets) * centres, y=y, seed=seed)
        around = np.asarray(drawn, dtype=np.float64).reshape(len(sets), centres, -1)
        if beside is not None:
            around = np.concatenate([beside[:, None], around], axis=1)
        before, rng = Before(self.likelihood.known_prior()), generator(derived_seed(seed, "points"))
        for seen, near in zip(sets, around, strict=True):
            target = Unnormalised(self.law, before, seen.reshape(len(seen), -1))
            yield weighed(target, torch.from_numpy(near), points, rng)


def with_law(found: AmortisedPosterior, law: PointLaw) -> PosteriorByLikelihood:
    """The posterior by the likelihood of an observation, which was learnt from the same simulations."""
    parts = (found.model, found.parameters, found.observed, found.simulated, found.held_out, found.prior)
    return PosteriorByLikelihood(*parts, law=law)
