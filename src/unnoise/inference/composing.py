"""Several observations of one parameter, from a model that was trained on one: composed by precisions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from unnoise._errors import InputError
from unnoise._seeding import generator
from unnoise.denoisers import Composed, Denoiser
from unnoise.inference.parameters import Floats
from unnoise.inference.saved import Learnt
from unnoise.samplers import Sampler
from unnoise.training.dataset import derived_seed

Make = Callable[..., Sampler]
DRAWS, PER_NUMBER = 200, 20  # that show how one observation alone spreads the parameters
LEAST = 1e-6  # of the variance of all simulations


def composed(learnt: Learnt, seen: Floats, seed: int, make: Make | None) -> Make:
    """The sampler of the parameters that made all of these observations, (j, *shape).

    Raises:
        InputError: the model does not know the law of parameters without an observation.
    """
    model = learnt.model
    schema = model.schema_
    if not schema.may_be_unknown:
        raise InputError(
            "got several observations for a model that was fitted with unconditional=0; leave that out, or train on "
            "sets with observations="
        )
    cond: Any = schema.encode_condition(learnt.observed.condition(seen), len(seen))
    precisions = _precisions(learnt, cond, generator(derived_seed(seed, "spreads")))

    def sampler(denoiser: Denoiser, **options: Any) -> Sampler:
        device = next(denoiser.parameters(), cond).device
        unknown = schema.unknown_condition.to(device)
        both = Composed(denoiser, cond.to(device), unknown, precisions.to(device))
        return (make or model.sampler_)(both, **options)

    return sampler


def _precisions(learnt: Learnt, cond: Any, rng: torch.Generator) -> Tensor:
    """The inverse covariances of the states of all parameters, and given each observation, (1 + j, d, d)."""
    model, count = learnt.model, DRAWS + PER_NUMBER * learnt.parameters.free
    theta = learnt.parameters.read(learnt.held_out.theta)
    held_out = learnt.observed.condition(learnt.held_out.x)
    z = learnt.parameters.outside(theta, generator(derived_seed(0, "cells")))
    before = model.schema_.encode(z, held_out).x
    draws = model.sample_states(count * len(cond), cond.repeat_interleave(count, 0), rng)
    every = [before, *draws.reshape(len(cond), count, -1)]
    spreads = torch.stack(
        [torch.cov(one.double().reshape(len(one), -1).T).reshape(2 * (one[0].numel(),)) for one in every]
    )
    least = LEAST * spreads[0].diagonal().mean() * torch.eye(spreads.shape[-1], dtype=spreads.dtype)
    precisions: Tensor = torch.linalg.inv(spreads + least)
    return precisions.to(before)
