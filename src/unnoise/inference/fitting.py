"""From a prior and a simulator to a posterior: simulate, hold out, train."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unnoise._checks import instance, real, whole
from unnoise._errors import InputError
from unnoise.inference.observed import Observed
from unnoise.inference.parameters import Floats
from unnoise.inference.posteriors import AmortisedPosterior
from unnoise.inference.priors import ParameterPrior, as_prior
from unnoise.inference.simulating import simulate
from unnoise.inference.simulations import FEWEST, Simulations
from unnoise.inference.simulators import Simulator
from unnoise.inference.truncated import DRAWS, Region
from unnoise.model import DenoisingMarkovModel
from unnoise.training.dataset import derived_seed

FEWEST_HELD_OUT, MOST_HELD_OUT = 100, 1000
MOST_SIMULATED = 2000  # kept for `check`
MOST_ROUNDS = 20


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
    law = as_prior(prior)
    if model is None:
        model = DenoisingMarkovModel(random_state=seed, progress=progress)
    if isinstance(simulator, Simulations):
        if rounds > 1:
            raise InputError("got Simulations for several rounds, which need a simulator")
        return fitted(law, simulator, held_out, model, seed)
    options: Any = {"workers": workers, "batch": batch, "progress": progress, "observations": observations}
    first = simulations if rounds == 1 else simulations - simulations // 2
    made = simulate(law, simulator, first, seed=seed, folder=folder, **options)
    found = fitted(law, made, held_out, model, seed)
    for index, part in enumerate(np.array_split(np.arange(simulations - first), rounds - 1) if rounds > 1 else [], 2):
        own = derived_seed(seed, "round", index) % 2**63
        cut = Region(law, law.parameters.read(found.sample(DRAWS, x, seed=own))).truncated()
        home = None if folder is None else Path(folder) / f"round {index}"
        made = made.joined(simulate(cut, simulator, len(part), seed=own, folder=home, **options))
        found = fitted(law, made, held_out, model, seed)
    return found


def fitted(
    law: ParameterPrior, simulations: Simulations, share: float, model: DenoisingMarkovModel, seed: int
) -> AmortisedPosterior:
    """A posterior from simulations of a prior, some of them held out."""
    from sklearn.base import clone

    theta, out, kept = portions(law, simulations, share, seed)
    n = len(theta)
    observed = Observed.of(simulations)
    z, sizes = law.parameters.outside(theta), observed.sizes(n, derived_seed(seed, "sizes"))
    y = observed.condition(simulations.x, sizes)
    kinds = {f"x{place}": "real" for place in range(z.shape[1])} | observed.kinds
    chosen = clone(model).set_params(kinds=kinds | dict(model.kinds or {}))
    learnt, looked_at = ({name: part[rows] for name, part in y.items()} for rows in (kept, out))
    chosen.fit(z[kept], learnt, validation_data=(z[out], looked_at))
    simulated = observed.features(simulations.x[kept[:MOST_SIMULATED]])
    return AmortisedPosterior(chosen, law.parameters, observed, simulated, simulations.at(out), law)


def portions(
    law: ParameterPrior, simulations: Simulations, share: float, seed: int
) -> tuple[Floats, NDArray[np.int64], NDArray[np.int64]]:
    """All parameters, (n, d), and the numbers of the simulations to hold out and of the others.

    Raises:
        InputError: too few simulations, or parameters that the prior does not have.
    """
    n = len(simulations)
    if n < FEWEST:
        raise InputError(f"got {n} simulations; expected at least {FEWEST}")
    theta = law.parameters.read(simulations.theta)
    if not law.parameters.contains(theta).all():
        row = int(np.argmin(law.parameters.contains(theta)))
        raise InputError(
            f"got parameters outside the bounds of the prior in row {row}: {law.parameters.told(theta[row])}"
        )
    order = np.random.default_rng(derived_seed(seed, "held out")).permutation(n)
    count = min(max(round(share * n), FEWEST_HELD_OUT), MOST_HELD_OUT, n // 4)
    return theta, order[:count], order[count:]
