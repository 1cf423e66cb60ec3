"""Densities on spaces that are not flat, as people write them, are walked on and right."""

from __future__ import annotations

import importlib
import math

import numpy as np
import pytest
import torch

import unnoise
from unnoise.spaces import Euclidean, Finite, Simplex, Sphere, product
from unnoise.testing import assert_mean

F64 = torch.float64
UNITS = torch.tensor([1e-3, 1e4], dtype=F64)


@pytest.fixture
def few(monkeypatch):
    module = importlib.import_module("unnoise.walking.attempting")
    monkeypatch.setattr(module, "PARTICLES", 256)
    monkeypatch.setattr(module, "EFFORTS", module.EFFORTS[:1])


def every(found, leaf=None):
    particles = found.record.particles
    return (particles if leaf is None else particles[leaf]).flatten(0, 1)


NUMPY = {
    "a batch on a sphere": (
        lambda x: 3 * np.asarray(x)[..., 2], Sphere(2), lambda x: x[:, 2], 1 / math.tanh(3) - 1 / 3,
    ),
    "a point of shares": (
        lambda x: float(np.log(x[0]) + 2 * np.log(x[1])), Simplex(3), lambda x: x[:, 0], 1 / 3,
    ),
    "a point of a product": (
        lambda at: -0.5 * float(at["x"][0]) ** 2 + (math.log(3) if at["bit"][0] == 1 else 0.0),
        product({"x": Euclidean(1), "bit": Finite(1, 2)}), lambda at: at["bit"].double()[:, 0], 0.75,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", NUMPY)
def test_functions_without_slopes_are_walked_on(name, few):
    log_prob, space, mean, right = NUMPY[name]
    found = unnoise.walk(log_prob, space=space, n=100)
    assert found.trusted
    assert_mean(mean(unnoise._tree.map(lambda leaf: leaf.flatten(0, 1), found.record.particles)), right)


def test_numbers_of_very_different_scales_beside_a_bit(few):
    """They had one scale, of .1 to 100, and one step with the bit."""

    def log_prob(at):
        return -0.5 * ((at["x"] - UNITS * at["bit"]) / UNITS).square().sum(1)

    found = unnoise.walk(log_prob, space=product({"x": Euclidean(2), "bit": Finite(1, 2)}), n=100)
    assert found.trusted
    assert found.log_z == pytest.approx(math.log(4 * math.pi * 10), abs=0.2)
    assert_mean(every(found, "bit").double(), 0.5)
    assert_mean((every(found, "x") / UNITS - every(found, "bit")).square().mean(1), 1.0)
