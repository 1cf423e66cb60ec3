"""From a prior and a simulator to a posterior: simulate, hold out, train."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from unnoise._checks import flag, instance, real, whole
from unnoise._errors import InputError
from unnoise._seeding import generator
from unnoise.inference.choosing import better
from unnoise.inference.fitting_likelihood import SETTINGS, fitted_likelihood
from unnoise.inference.holding_out import MOST_SIMULATED, portions
from unnoise.inference.observed import Observed
from unnoise.inference.posteriors import AmortisedPosterior
from unnoise.inference.priors import ParameterPrior, as_prior
from unnoise.inference.simulating import simulate
from unnoise.inference.simulations import FEWEST, Simulations
from unnoise.inference.simulators import Simulator
from unnoise.inference.truncated import DRAWS, Region
from unnoise.model import DenoisingMarkovModel
from unnoise.training.dataset import derived_seed

MOST_ROUNDS = 20
COMPONENTS = 8  # of a likelihood, which may be bent in two dimensions


def posterior(
    prior: Any,
    simulator: Simulator | Simulations,
    *,
    simulations: int = 10_000,
    observations: int = 1,
    rounds: int = 1,
    x: Any = None,
    held_out: float = 0.1,
    model: DenoisingMarkovModel | None = None,
    likelihood: bool | None = None,
    seed: int = 0,
    workers: int | None = None,
    batch: int | None = None,
    folder: str | Path | None = None,
    progress: bool | None = None,
) -> AmortisedPosterior:
    """Learn the posterior of any observation from simulations alone.

    Parameters are modelled in a chart in which they have no bounds, so every draw keeps them. Training stops when the
    bound on simulations that are held out no longer improves, and these are kept for `AmortisedPosterior.calibrate`.

    Args:
        prior: a distribution of torch, scipy or unnoise, an object with `sample(n, generator)`, or a dict of these by
            the names of parameters, as of `as_prior`.
        simulator: a function of parameters, as of `simulate`; or `Simulations` of this prior.
        simulations: how many to make.
        observations: the most that will be seen of the same parameters; above 1 each is simulated so often, and the
            model learns from sets of 1 up to so many.
        rounds: above 1 the posterior is learnt for one observation: the first half of the simulations are of the prior,
            the rest in equal parts of the prior where the posterior so far has its draws (`Region`).
        x: that observation; none for one round.
        held_out: the share of simulations to hold out: at least 100, or a quarter if they are few; at most 1000.
        model: an unfitted model with other settings, such as `DenoisingMarkovModel(steps=5000)`; kinds and encoders of
            the condition "x" stand there.
        likelihood: whether to learn the likelihood of an observation too, as `likelihood` does, and to keep the way
            that gives parameters held out the greater density (`choice` of what is returned says by how much). By
            default where it can be learnt, but neither beside a `model` nor in several rounds.
        seed: of simulations and training.
        workers: as of `simulate`.
        batch: as of `simulate`.
        folder: for the simulations, as of `simulate`.
        progress: whether to show bars.

    Raises:
        InputError: what is wrong with the prior, the simulator, the simulations or x, in one sentence.

    >>> import torch
    >>> def simulator(theta):  # of a batch
    ...     return theta + 0.5 * torch.randn(theta.shape)
    >>> few = DenoisingMarkovModel(steps=20)
    >>> prior = torch.distributions.Uniform(-torch.ones(2), torch.ones(2))
    >>> found = posterior(prior, simulator, simulations=200, model=few)
    >>> found.sample(1000, [0.5, 0.0], seed=0).abs().max() < 1
    tensor(True)
    """
    real(above=0, most=0.5, held_out=held_out)
    whole(least=FEWEST, simulations=simulations)
    instance(DenoisingMarkovModel, or_none=True, model=model)
    whole(least=1, most=MOST_ROUNDS, rounds=rounds)
    if (x is None) != (rounds == 1):
        raise InputError(
            f"got {'no x' if x is None else 'an x'} for rounds = {rounds}; several are for one observation"
        )
    flag(or_none=True, likelihood=likelihood)
    if rounds > 1 and (likelihood or isinstance(simulator, Simulations)):
        what = "likelihood = True" if likelihood else "Simulations"
        raise InputError(f"got {what} for several rounds, which need a simulator and a network alone")
    law = as_prior(prior)
    alone = rounds > 1 or not (model is None if likelihood is None else likelihood)
    if model is None:
        model = DenoisingMarkovModel(random_state=seed, progress=progress)
    options: Any = {"workers": workers, "batch": batch, "progress": progress, "observations": observations}
    first = simulations if rounds == 1 else simulations - simulations // 2
    source: Any = simulator
    made = source
    if not isinstance(source, Simulations):
        made = simulate(law, source, first, seed=seed, folder=folder, **options)
    if not alone:
        return _better(law, made, held_out, model, seed, progress, must=bool(likelihood))
    found = fitted(law, made, held_out, model, seed)
    for index, part in enumerate(np.array_split(np.arange(simulations - first), rounds - 1) if rounds > 1 else [], 2):
        own = derived_seed(seed, "round", index) % 2**63
        cut = Region(law, law.parameters.read(found.sample(DRAWS, x, seed=own))).truncated()
        home = None if folder is None else Path(folder) / f"round {index}"
        made = made.joined(simulate(cut, source, len(part), seed=own, folder=home, **options))
        found = fitted(law, made, held_out, model, seed)
    return found


def _better(
    law: ParameterPrior,
    simulations: Simulations,
    share: float,
    model: DenoisingMarkovModel,
    seed: int,
    progress: bool | None,
    *,
    must: bool,
) -> AmortisedPosterior:
    """By a network or by the likelihood, whichever is better; by the first where the second must not be learnt."""
    try:
        law.log_prob(law.draw(1, generator(seed)))
        options: Any = {"components": COMPONENTS, "settings": SETTINGS, "seed": seed, "progress": progress}
        learnt = fitted_likelihood(law, simulations, share, **options)
    except InputError as error:
        if must:
            raise
        return replace(fitted(law, simulations, share, model, seed), choice=f"learnt by a network alone: {error}")
    return better(fitted(law, simulations, share, model, seed), learnt.model, seed)


def fitted(
    law: ParameterPrior, simulations: Simulations, share: float, model: DenoisingMarkovModel, seed: int
) -> AmortisedPosterior:
    """A posterior from simulations of a prior, some of them held out."""
    from sklearn.base import clone

    theta, out, kept = portions(law, simulations, share, seed)
    n = len(theta)
    observed = Observed.of(simulations)
    z = law.parameters.outside(theta, generator(derived_seed(seed, "cells")))
    sizes = observed.sizes(n, derived_seed(seed, "sizes"))
    y = observed.condition(simulations.x, sizes)
    kinds = {f"x{place}": "real" for place in range(z.shape[1])} | observed.kinds
    chosen = clone(model).set_params(kinds=kinds | dict(model.kinds or {}))
    learnt, looked_at = ({name: part[rows] for name, part in y.items()} for rows in (kept, out))
    chosen.fit(z[kept], learnt, validation_data=(z[out], looked_at))
    simulated = observed.features(simulations.x[kept[:MOST_SIMULATED]])
    return AmortisedPosterior(chosen, law.parameters, observed, simulated, simulations.at(out), law)
