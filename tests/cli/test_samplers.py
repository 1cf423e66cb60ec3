"""Which sampler --sampler and --sampling-steps choose."""

from __future__ import annotations

import functools
from types import SimpleNamespace
from typing import Any

import pytest

from unnoise import InputError
from unnoise import samplers as made
from unnoise.cli import samplers
from unnoise.denoisers import Exact
from unnoise.processes import variance_preserving
from unnoise.spaces import Euclidean


def model(sampler: Any = None) -> Any:
    import torch

    denoiser = Exact(variance_preserving(Euclidean(1)), torch.tensor([[0.0], [1.0]]))
    return SimpleNamespace(sampler=sampler, sampler_=sampler or made.Multistep, denoiser_=denoiser)


def test_the_name_comes_first_then_the_models_own_and_else_the_model_draws_by_itself() -> None:
    assert samplers.chosen("heun", None, model(made.DDIM)) is made.Heun
    assert samplers.chosen(None, None, model(made.DDIM)) is made.DDIM
    assert samplers.chosen(None, None, model()) is None
    found = samplers.chosen(None, 5, model())
    assert found is not None
    assert (type(found(model().denoiser_)), found(model().denoiser_).steps) == (made.Multistep, 5)


def test_steps_are_those_of_the_sampler_that_is_made() -> None:
    found = samplers.chosen("heun", 7, model())
    assert found(model().denoiser_).steps == 7
    own = functools.partial(made.Heun, steps=9)
    assert samplers.chosen(None, 4, model(own))(model().denoiser_).steps == 4


def test_every_name_makes_a_sampler() -> None:
    for name in samplers.SAMPLERS:
        assert callable(samplers.chosen(name, None, model()))
    samplers.check_name(None)
    with pytest.raises(InputError, match="got the sampler 'magic'; expected one of multistep, adaptive"):
        samplers.check_name("magic")


def test_exact_jumps_visit_no_levels() -> None:
    with pytest.raises(InputError, match="--sampling-steps is for samplers that visit noise levels; leave it out"):
        samplers.chosen("first-hitting", 5, model())
