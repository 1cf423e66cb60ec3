"""Composing needs a model that knows the prior, too."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from simulated import UNTRAINED, noisy, normal_prior, of_reals, truth
from sklearn.base import clone

from unnoise import samplers
from unnoise._errors import InputError
from unnoise.inference import posterior
from unnoise.inference.composing import DRAWS, PER_NUMBER, _precisions, composed
from unnoise.testing import assert_mean


def test_a_model_without_the_prior_is_refused():
    model = clone(UNTRAINED).set_params(unconditional=0.0)
    alone = posterior(normal_prior(), noisy, simulations=100, model=model)
    with pytest.raises(InputError, match="unconditional=0"):
        alone.sample(5, np.zeros((3, 2)))


def test_the_sampler_that_was_given_runs():
    x = np.tile([0.8, -0.5], (4, 1))
    make = composed(of_reals(), x, 0, samplers.Ancestral)
    assert isinstance(make(of_reals().model.denoiser_, steps=3), samplers.Ancestral)
    mean, deviation = truth(x)
    theta = of_reals().sample(2000, x, seed=0, sampler=samplers.Ancestral, steps=60)
    assert_mean(theta.double(), mean, tolerance=0.15 * deviation)


def test_precisions_are_those_of_the_draws():
    """The prior's first; only directions that hardly vary are made wider."""
    rng = np.random.default_rng(0)
    axes = np.array([[1.0, 0.4], [0.0, 0.02]])  # one number varies fifty times less
    spread = torch.from_numpy(axes @ axes.T)
    z = rng.normal(size=(DRAWS + 2 * PER_NUMBER, 2))
    z = np.linalg.solve(np.linalg.cholesky(np.cov(z.T)), z.T).T  # of covariance I
    prior, given = torch.from_numpy(z), torch.from_numpy(z @ axes.T)
    schema = SimpleNamespace(encode=lambda theta, x: SimpleNamespace(x=prior))
    learnt = SimpleNamespace(
        model=SimpleNamespace(schema_=schema, sample_states=lambda n, cond, rng: given),
        parameters=SimpleNamespace(free=2, read=lambda theta: theta, outside=lambda theta, rng: theta),
        held_out=SimpleNamespace(theta=None, x=None),
        observed=SimpleNamespace(condition=lambda x: x),
    )
    found = _precisions(learnt, torch.zeros(1, 1), torch.Generator().manual_seed(0))
    torch.testing.assert_close(found[0], torch.eye(2).double(), atol=1e-5, rtol=0)
    torch.testing.assert_close(found[1], torch.linalg.inv(spread), rtol=0.01, atol=0)
