"""A trained posterior: draws, densities, calibration, and whether an observation is like what was simulated."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from unnoise._checks import whole
from unnoise._errors import InputError, warn
from unnoise._seeding import generator
from unnoise.evaluation import Calibration, Posteriors, calibration
from unnoise.inference.composing import composed
from unnoise.inference.observed import NAME
from unnoise.inference.parameters import Floats
from unnoise.inference.priors import as_prior
from unnoise.inference.reweighted import Reweighted
from unnoise.inference.saved import Learnt
from unnoise.inference.simulations import Simulations
from unnoise.model import DenoisingMarkovModel, load_model
from unnoise.samplers import InaccurateSamplesWarning, Sampler
from unnoise.training.dataset import derived_seed

AT_ONCE = 10_000  # rows whose density is computed together


@dataclass(frozen=True, eq=False)
class AmortisedPosterior(Learnt):
    """The law of parameters given any observation, as `posterior` learns it.

    Its model is that of the parameters in their chart, given the condition "x".
    """

    kind = "posterior"

    model: DenoisingMarkovModel

    @staticmethod
    def _read_model(folder: Path, trust: Sequence[str]) -> DenoisingMarkovModel:
        return load_model(folder, trust=trust)

    def sample(
        self,
        n: int,
        x: Any,
        *,
        seed: int | None = None,
        sampler: Callable[..., Sampler] | None = None,
        steps: int | None = None,
    ) -> Any:
        """Draw n parameters given an observation, as the prior draws them.

        An observation that is not like the simulations gives a warning.

        Args:
            n: how many.
            x: what was observed, as the simulator returns it, NaN where nothing was seen; or several observations of
                the same parameters, (j, *shape): as one set if the model was trained on sets, else by composing what is
                learnt of each (`denoisers.Composed`).
            seed: the same seed gives the same draws; None takes a fresh one.
            sampler: as of `DenoisingMarkovModel.sample`.
            steps: as of `DenoisingMarkovModel.sample`.

        Raises:
            InputError: an observation of another shape, none, or one with holes that no simulation has.
        """
        whole(n=n)
        seen = self.observed.read(x)
        with warnings.catch_warnings():
            if not (near := self._familiarity(seen)).good:
                warn(str(near))
                warnings.filterwarnings("ignore", "the samples", InaccurateSamplesWarning)  # says it, and no cure
            return self.parameters.shown(self._drawn(n, seen, seed, sampler, steps))

    def log_prob(self, theta: Any, x: Any) -> Floats:
        r"""$\log p(\theta|x)$ in nats, (n,): that of the probability flow, with the volume of the chart.

        Args:
            theta: parameters as the prior draws them; outside their bounds the density is 0.
            x: one observation; or a set of them if the model was trained on sets.
        """
        return self._log_density(self.parameters.read(theta), self._told_at_once(self.observed.read(x)))

    def log_prob_of(self, simulations: Simulations, *, seed: int = 0) -> Floats:
        r"""$\log p(\theta_i|x_i)$ in nats of parameters given what was simulated of them, (n,).

        Args:
            simulations: such as `held_out`.
            seed: where the density is estimated.
        """
        z = self.parameters.outside(self.parameters.read(simulations.theta))
        scored = self.model.score_samples(z, self.observed.condition(simulations.x), seed=seed)
        return np.asarray(scored - self.parameters.log_volume(z))

    def calibrate(self, simulations: Simulations | None = None, **options: Any) -> Calibration:
        """Are draws given x as spread as the truth? All checks of `evaluation.calibration`.

        Args:
            simulations: others than those that were held out, on which the training stopped.
            options: of `evaluation.calibration`.
        """
        found = simulations or self.held_out
        return calibration(self, found.theta, found.x, **options)

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
        """Draws for each of many simulations beside its truth, for `evaluation.calibration`.

        Args:
            X: parameters, as the prior draws them.
            y: an observation of each, or a set of them, of which some are told, from one to all.
            of: the names of the parameters to compare; by default all. Of shares all but the last have one: the first
                its own, the next "p[1] of the rest", what each is of that which those before it leave.
            given: None, as draws are given observations alone.
            draws: as of `DenoisingMarkovModel.posteriors`.
            density_draws: the same.
            max_rows: the same.
            seed: the same seed gives the same draws.
        """
        theta = self.parameters.read(X)
        simulations = Simulations(theta, y, self.observed.observations)
        columns = self.parameters.free_columns
        names = [f"x{place}" for place in self._places(of, given)]
        told = self.observed.condition(simulations.x, self.observed.sizes(len(theta), seed))
        counts: Any = {"draws": draws, "density_draws": density_draws, "max_rows": max_rows}
        z = self.parameters.outside(theta, generator(derived_seed(seed, "cells")))
        found = self.model.posteriors(z, told, of=names, seed=seed, **counts)
        return replace(found, names=[columns[int(str(name)[1:])] for name in found.names], given=(NAME,))

    def with_prior(self, prior: Any) -> Reweighted:
        """The posterior of another prior, without training: draws weighted by the ratio of both.

        Raises:
            InputError: one of the priors has no density, or they are of different parameters.
        """
        return Reweighted(self, as_prior(prior))

    def _places(self, of: Any, given: Any) -> list[int]:
        """Which parameters are asked for, by their names."""
        columns = self.parameters.free_columns
        asked = columns if of is None else [of] if isinstance(of, str) else list(of)
        if given is not None or not set(asked) <= set(columns):
            raise InputError(f"got of = {of!r} and given = {given!r}; expected some of {', '.join(columns)} alone")
        return [columns.index(name) for name in asked]

    def _drawn(
        self,
        n: int,
        seen: Floats,
        seed: int | None,
        sampler: Callable[..., Sampler] | None = None,
        steps: int | None = None,
    ) -> Floats:
        """Rows of parameters, (n, d)."""
        if self.observed.observations == 1 and len(seen) > 1:
            sampler = composed(self, seen, seed or 0, sampler)
            seen = seen[:1]
        y = _repeated(self._told_at_once(seen), n)
        z = self.model.sample(n, y=y, seed=seed, sampler=sampler, steps=steps)
        return self.parameters.inside(np.asarray(z, dtype=np.float64))

    def _log_density(self, theta: Floats, told: dict[str, Floats]) -> Floats:
        """Of rows of parameters given one observation."""
        found = np.full(len(theta), -np.inf)
        rows = np.flatnonzero(self.parameters.contains(theta))
        for start in range(0, len(rows), AT_ONCE):
            some = rows[start : start + AT_ONCE]
            z = self.parameters.outside(theta[some])
            scored = self.model.score_samples(z, _repeated(told, len(some)))
            found[some] = scored - self.parameters.log_volume(z)
        return found

    def _told_at_once(self, seen: Floats) -> dict[str, Floats]:
        """The condition of one row, from one observation or a set."""
        most = self.observed.observations
        if most > 1:
            if len(seen) > most:
                warn(f"got {len(seen)} observations; the model was trained on sets of up to {most}, and may err beyond")
            return self.observed.condition(seen[None])
        if len(seen) > 1:
            raise InputError(
                f"got {len(seen)} observations, of which a density is known only to a model of sets; train one with "
                f"observations={len(seen)}, or give one"
            )
        return self.observed.condition(seen)


def _repeated(told: dict[str, Floats], n: int) -> dict[str, Any]:
    return {name: np.repeat(part, n, axis=0) for name, part in told.items()}
