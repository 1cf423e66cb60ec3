"""Which simulations are held out of a training."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from unnoise._errors import InputError
from unnoise.inference.parameters import Floats
from unnoise.inference.priors import ParameterPrior
from unnoise.inference.simulations import FEWEST, Simulations
from unnoise.training.dataset import derived_seed

FEWEST_HELD_OUT, MOST_HELD_OUT = 100, 1000
MOST_SIMULATED = 2000  # kept for `check`


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
