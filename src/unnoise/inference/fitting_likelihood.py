"""From a prior and a simulator to a likelihood: simulate, hold out, train."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from unnoise._checks import instance, real, whole
from unnoise._errors import InputError, warn
from unnoise.denoisers import NormalMixture
from unnoise.inference.exchangeable import point_shape
from unnoise.inference.holding_out import MOST_SIMULATED, portions
from unnoise.inference.likelihoods import LearntLikelihood
from unnoise.inference.observed import Observed
from unnoise.inference.points import learnt_law, untrained
from unnoise.inference.priors import ParameterPrior, as_prior
from unnoise.inference.simulating import simulate
from unnoise.inference.simulations import FEWEST, Simulations
from unnoise.inference.simulators import Simulator
from unnoise.training import Settings

COMPONENTS, MOST_COMPONENTS = 4, 1000
MOST_NUMBERS = 256  # of one observation
SETTINGS = Settings(steps=4000, learning_rate=1e-2, clip=100.0, ema=0.995, device="cpu")


def likelihood(
    prior: Any,
    simulator: Simulator | Simulations,
    *,
    simulations: int = 10_000,
    observations: int = 1,
    held_out: float = 0.1,
    components: int = COMPONENTS,
    settings: Settings = SETTINGS,
    seed: int = 0,
    workers: int | None = None,
    batch: int | None = None,
    folder: str | Path | None = None,
    progress: bool | None = None,
) -> LearntLikelihood:
    r"""Learn the law of one observation given the parameters, and so the posterior of any number of them.

    $p(x|\theta) = \sum_k w_k(\theta)\,N(x; \mu_k(\theta), \Sigma_k(\theta))$ of a network, by maximum likelihood
    (`denoisers.NormalMixture`). Observations are independent given the parameters, so every one of a set teaches, and
    $p(\theta|x_1, \dots, x_n) \propto p(\theta)\prod_i p(x_i|\theta)$ (Papamakarios et al. 2019, arXiv 1805.07226;
    beside other ways in Lueckmann et al. 2021, arXiv 2101.04653). Numbers that are always whole count as the cell
    around them.

    Args:
        prior: as of `posterior`; it needs a density where parameters are drawn.
        simulator: as of `posterior`.
        simulations: how many parameters to simulate.
        observations: of each of these; sets of any other size may be observed.
        held_out: as of `posterior`; on these simulations training stops.
        components: K.
        settings: of the training, `training.Settings`, but for its seed.
        seed: of simulations and training.
        workers: as of `simulate`.
        batch: as of `simulate`.
        folder: for the simulations, as of `simulate`.
        progress: whether to show bars.

    Raises:
        InputError: what is wrong with the prior, the simulator or the simulations, in one sentence.

    >>> import torch
    >>> def simulator(theta):  # of a batch
    ...     return theta + 0.5 * torch.randn(theta.shape)
    >>> few = replace(SETTINGS, steps=20)
    >>> prior = torch.distributions.Uniform(-torch.ones(2), torch.ones(2))
    >>> found = likelihood(prior, simulator, simulations=500, components=1, settings=few)
    >>> found.log_prob([0.5, 0.0], torch.zeros(3, 2)).shape
    (3,)
    """
    real(above=0, most=0.5, held_out=held_out)
    whole(least=FEWEST, simulations=simulations)
    whole(least=1, most=MOST_COMPONENTS, components=components)
    instance(Settings, settings=settings)
    law = as_prior(prior)
    made = simulator
    if not isinstance(made, Simulations):
        options: Any = {"workers": workers, "batch": batch, "progress": progress, "observations": observations}
        made = simulate(law, made, simulations, seed=seed, folder=folder, **options)
    return fitted_likelihood(
        law, made, held_out, components=components, settings=settings, seed=seed, progress=progress
    )


def fitted_likelihood(
    law: ParameterPrior,
    simulations: Simulations,
    share: float,
    *,
    components: int,
    settings: Settings,
    seed: int,
    progress: bool | None,
    make: Callable[[int, int, int], NormalMixture] = untrained,
) -> LearntLikelihood:
    """A likelihood from simulations of a prior, some of them held out."""
    theta, out, kept = portions(law, simulations, share, seed)
    if found := point_shape(simulations, law.parameters.outside(theta)):
        count, size = found
        what = f"points of {size} numbers each" if size > 1 else "numbers"
        warn(
            f"x looks like {count} {what} in any order: if they are independent given the parameters, more is learnt "
            f"of one of them, with observations={count} and a simulator of one, or with Simulations(theta, "
            f"x.reshape(-1, {count}, {size}), observations={count})"
        )
    x, chosen = _numbers(simulations), replace(settings, seed=seed)
    options: Any = {"components": components, "settings": chosen, "progress": progress, "make": make}
    model = learnt_law(law.parameters, theta, x, out, kept, **options)
    observed = Observed.of(simulations)
    simulated = observed.features(simulations.x[kept[:MOST_SIMULATED]])
    return LearntLikelihood(model, law.parameters, observed, simulated, simulations.at(out), law)


def _numbers(simulations: Simulations) -> Any:
    """Observations, (n, m, k), of which a density can be learnt."""
    x = simulations.x.reshape(len(simulations), simulations.observations, -1)
    if (holes := np.isnan(x)).any():
        raise InputError(
            f"got NaN in {holes.any(axis=(1, 2)).mean():.2g} of the simulations; a likelihood is learnt of whole "
            "observations: fill holes in the simulator, or learn a posterior, which takes them"
        )
    if x.shape[-1] > MOST_NUMBERS:
        raise InputError(
            f"got {x.shape[-1]} numbers of one observation; expected at most {MOST_NUMBERS}: let the simulator "
            "summarise them, or learn a posterior"
        )
    if not (np.ptp(x, axis=(0, 1)) > 0).any():
        raise InputError("got an x that is alike in all simulations, and says nothing of the parameters")
    return x
