"""Several observations of one parameter, from a model that was trained on one: composed by precisions."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from unnoise._errors import InputError
from unnoise._seeding import generator
from unnoise.denoisers import Composed, Denoiser
from unnoise.inference.parameters import Floats
from unnoise.model import default_sampler
from unnoise.samplers import Sampler
from unnoise.training.dataset import derived_seed

if TYPE_CHECKING:
    from unnoise.inference.posteriors import Posterior

Make = Callable[..., Sampler]
DRAWS = 200  # that show how one observation alone spreads the parameters, and as many per parameter
LEAST = 1e-6  # of the variance of all simulations


def composed(posterior: Posterior, seen: Floats, seed: int, make: Make | None) -> Make:
    """The sampler of the parameters that made all of these observations, (j, *shape).

    Raises:
        InputError: the model does not know the law of parameters without an observation.
    """
    model = posterior.model
    schema = model.schema_
    if not schema.may_be_unknown:
        raise InputError(
            "got several observations for a model that was fitted with unconditional=0; leave that out, or train on "
            "sets with observations="
        )
    cond = schema.encode_condition(posterior.observed.condition(seen), len(seen))
    precisions = _precisions(posterior, cond, generator(derived_seed(seed, "spreads")))

    def sampler(denoiser: Denoiser, **options: Any) -> Sampler:
        device = next(denoiser.parameters(), cond).device
        unknown = schema.unknown_condition.to(device)
        both = Composed(denoiser, cond.to(device), unknown, precisions.to(device))
        return (make or model.sampler or default_sampler(denoiser.process))(both, **options)

    return sampler


def _precisions(posterior: Posterior, cond: Any, rng: torch.Generator) -> Tensor:
    """The inverse covariances of the states of all parameters, and given each observation, (1 + j, d, d)."""
    model, count = posterior.model, DRAWS * (1 + posterior.parameters.size)
    theta = posterior.parameters.read(posterior.held_out.theta)
    held_out = posterior.observed.condition(posterior.held_out.x)
    before = model.schema_.encode(posterior.parameters.outside(theta), held_out).x
    draws = model.sample_states(count * len(cond), cond.repeat_interleave(count, 0), rng)
    every = [before, *draws.reshape(len(cond), count, -1)]
    spreads = torch.stack([torch.atleast_2d(torch.cov(one.double().reshape(len(one), -1).T)) for one in every])
    least = LEAST * spreads[0].diagonal().mean() * torch.eye(spreads.shape[-1], dtype=spreads.dtype)
    return torch.linalg.inv(spreads + least).to(before)
