"""Which baselines a kind of column has, and that each is scored as it is documented."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import polars as pl
import pytest
import torch

from unnoise.data import Schema
from unnoise.data.factors import Factor
from unnoise.evaluation import SphereKernelDensity, fit_baselines
from unnoise.evaluation.baselines import independent_log_prob
from unnoise.report.baselines import baselines

DRAWS = np.random.default_rng(0)
NUMBERS = DRAWS.normal(size=(60, 2))
TOKENS = DRAWS.integers(0, 3, size=(60, 4))
PLACES = pl.DataFrame({"lat": DRAWS.uniform(-80, 80, 60), "lon": DRAWS.uniform(-180, 180, 60)})


def encoded(data: Any, kinds: dict[str, str] | None) -> tuple[Factor, torch.Tensor, torch.Tensor]:
    schema = Schema.infer(data, kinds=kinds)
    (factor,) = schema.factors.values()
    x = schema.encode(data).x
    return factor, x[:40], x[40:]


def test_numbers_have_the_three_densities() -> None:
    factor, train, test = encoded(NUMBERS, None)
    found = {name: log_prob for name, _, log_prob in baselines(factor, train, test, 3)}
    wanted = fit_baselines(train.double().numpy(), 3)
    assert list(found) == list(wanted) == ["Gaussian", "Gaussian mixture", "Kernel density"]
    for name, baseline in wanted.items():
        np.testing.assert_array_equal(found[name], baseline.score_samples(test.double().numpy()))


@pytest.mark.parametrize("kind", ["sequence", "category"])
def test_tokens_and_levels_have_their_frequencies(kind: str) -> None:
    factor, train, test = encoded(TOKENS, {"x": kind})
    ((name, _, log_prob),) = baselines(factor, train, test, 0)
    assert name == "Independent"
    np.testing.assert_array_equal(log_prob, independent_log_prob(train.numpy(), test.numpy()))


def test_places_have_the_uniform_law_and_a_kernel_density() -> None:
    factor, train, test = encoded(PLACES, {"lat,lon": "latlon"})
    uniform, kernels = baselines(factor, train, test, 0)
    assert uniform[0] == "Uniform"
    np.testing.assert_allclose(uniform[2], -math.log(4 * math.pi))
    points, order = train.double().numpy(), np.random.default_rng(0).permutation(40)
    wanted = SphereKernelDensity.fit(points[order[4:]], points[order[:4]])
    assert kernels[:2] == ("Kernel density", wanted.description)
    np.testing.assert_array_equal(kernels[2], wanted.score_samples(test.double().numpy()))


def test_a_kind_without_a_function_has_none() -> None:
    factor, train, test = encoded(TOKENS, {"x": "count"})
    assert list(baselines(factor, train, test, 0)) == []


def test_the_concentration_on_the_sphere_is_the_best_on_rows_that_make_no_kernels() -> None:
    """On the kernels' own points the narrowest would always be best."""
    points = DRAWS.normal([2.0, 0.0, 0.0], size=(80, 3))
    points /= np.linalg.norm(points, axis=1, keepdims=True)
    train, validation = points[:40], points[40:]
    chosen = SphereKernelDensity.fit(train, validation)
    best = chosen.score_samples(validation).mean()
    for factor in (0.3, 3.0, 1000.0):
        other = SphereKernelDensity(factor * chosen.kappa, chosen.uniform, train)
        assert other.score_samples(validation).mean() < best
