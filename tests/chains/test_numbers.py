"""A random walk of real numbers and counts keeps the target; one that rounds only down does not."""

from __future__ import annotations

import math

import pytest
import torch

from unnoise._errors import InputError
from unnoise.chains import NumberWalk, run
from unnoise.spaces import Counts, Euclidean, Finite, product
from unnoise.testing import ImprobableError, assert_frequencies, assert_mean
from unnoise.walking.functions import Function

F64 = torch.float64
SPACE = product({"n": Counts(1), "s": Finite(1, 2), "x": Euclidean(1)})


def geometric_and_normal(at):
    """Counts of mean 1, and a number around 1,000 times as much."""
    return -math.log(2.0) * at["n"][:, 0] - 0.5 * ((at["x"] - 1000.0 * at["n"]) / 100).square().sum(1)


def walked(round_):
    rng = torch.Generator().manual_seed(0)
    n = torch.zeros(4000, 1).geometric_(0.5, generator=rng).long() - 1
    start = {"n": n, "s": n % 2, "x": 1000.0 * n + 100 * torch.randn(4000, 1, dtype=F64, generator=rng)}
    factor = torch.tensor([[1.0, 0.0], [1000.0, 100.0]], dtype=F64)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(torch.Tensor, "round", round_)
        return start, run(NumberWalk(Function(geometric_and_normal, SPACE, False), 1.0, factor, 0.5), start, 20, rng)


def test_counts_and_numbers_are_kept_and_other_factors_stay():
    shares = torch.cat([0.5 ** torch.arange(1.0, 6.0), torch.tensor([1 / 32])]).double()
    start, found = walked(torch.Tensor.round)
    frequencies = torch.bincount(found.x["n"][:, 0].clamp(max=5), minlength=6)
    assert_frequencies(frequencies, shares)
    assert_mean((found.x["x"] / 1000 - found.x["n"]) * 10, 0.0)
    assert found.x["n"].dtype == torch.int64
    assert torch.equal(found.x["s"], start["s"])
    assert float((found.x["n"] != start["n"]).double().mean()) > 0.3
    down = torch.bincount(walked(torch.Tensor.floor)[1].x["n"][:, 0].clamp(max=5), minlength=6)
    with pytest.raises(ImprobableError):
        assert_frequencies(down, shares)


def test_points_that_are_none_of_the_space_are_refused():
    target = Function(lambda n: -n[:, 0].double(), Counts(1), False)
    with pytest.raises(InputError, match="Counts expects whole numbers from 0"):
        run(NumberWalk(target, 1.0, torch.eye(1, dtype=F64)), torch.tensor([[-1]]), 1, torch.Generator())
