"""Whether a posterior is better learnt itself or by its likelihood: the density of parameters that were held out."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from unnoise.inference.by_likelihood import with_law
from unnoise.inference.points import PointLaw
from unnoise.inference.posteriors import AmortisedPosterior

JUDGED = 200  # simulations, of those held out
ERRORS = 2.0  # standard errors by which the likelihood is to be better, as its draws are walked for


def better(found: AmortisedPosterior, law: PointLaw, seed: int) -> AmortisedPosterior:
    r"""The posterior as it is, or by a likelihood, whichever has the greater mean $\log p(\theta|x)$.

    Args:
        found: a network of the posterior.
        law: the likelihood of one observation, learnt from the same simulations.
        seed: of what is drawn to compare.
    """
    by_law = with_law(found, law)
    some = found.held_out.at(slice(JUDGED))
    gains = by_law.log_prob_of(some, seed=seed) - found.log_prob_of(some, seed=seed)
    gain, error = float(gains.mean()), float(gains.std(ddof=1) / np.sqrt(len(gains)))
    kept, other = "its likelihood", "a network"
    chosen = by_law if gain > ERRORS * error else found
    if chosen is found:
        kept, other, gain = other, kept, -gain
    words = (
        f"learnt by {kept}: {gain:+.2g} nats, with a standard error of {error:.2g}, beside {other}, for each of "
        f"{len(some)} parameters held out"
    )
    return replace(chosen, choice=words)
