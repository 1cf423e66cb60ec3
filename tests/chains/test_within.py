"""A chain of one factor keeps the target of a product, and lets the others be."""

from __future__ import annotations

import math

import pytest
import torch

from unnoise._errors import InputError
from unnoise.chains import Hamiltonian, Metropolis, Within, run
from unnoise.spaces import Euclidean, Finite, Torus, product
from unnoise.spaces.products import OneFactor
from unnoise.testing import ImprobableError, assert_frequencies, assert_mean
from unnoise.walking.functions import Function

F64 = torch.float64
SPACE = product({"x": Euclidean(1), "bit": Finite(1, 2), "angle": Torus(1)})
WIDTH = 1e-4


def log_prob(at):
    """A number of 1e-4 around 1 or 1 + 1e-4, beside a bit that is one in three of four times, and an angle."""
    one = at["bit"][:, 0].double()
    return -0.5 * ((at["x"][:, 0] - 1) / WIDTH - one).square() + math.log(3) * one + torch.cos(at["angle"][:, 0])


TARGET = Function(log_prob, SPACE, True)


def start(n):
    rng = torch.Generator().manual_seed(0)
    return {
        "x": 1 + WIDTH * torch.randn(n, 1, dtype=F64, generator=rng),
        "bit": torch.zeros(n, 1, dtype=torch.long),
        "angle": torch.zeros(n, 1, dtype=F64),
    }


def moved(kernels, x, rounds):
    rng = torch.Generator().manual_seed(1)
    for _ in range(rounds):
        for kernel in kernels:
            x = run(kernel, x, 1, rng).x
    return x


def factor(name):
    return OneFactor(TARGET, SPACE.parts[name], start(1), name)


def test_each_factor_has_its_own_step_where_one_for_all_leaves_bits_as_they_were():
    x, bit = Hamiltonian(factor("x"), 1.0, 3, WIDTH * torch.eye(1, dtype=F64)), Metropolis(factor("bit"), 1.0)
    found = moved([Within(x), Within(bit)], start(2000), 15)
    assert_frequencies(torch.bincount(found["bit"][:, 0], minlength=2), torch.tensor([0.25, 0.75], dtype=F64))
    assert_mean((found["x"][:, 0] - 1) / WIDTH - found["bit"][:, 0], 0.0)
    assert not bool(found["angle"].any())
    common = moved([Metropolis(TARGET, 0.3 * WIDTH**2)], start(2000), 15)
    with pytest.raises(ImprobableError):
        assert_frequencies(torch.bincount(common["bit"][:, 0], minlength=2), torch.tensor([0.25, 0.75], dtype=F64))


def test_other_factors_are_those_of_the_chains():
    """Though the kernel was made elsewhere."""
    kernel = Within(Metropolis(factor("bit"), 1.0))
    at = start(5) | {"bit": torch.ones(5, 1, dtype=torch.long)}
    state = kernel.start(at, torch.Generator().manual_seed(0))
    torch.testing.assert_close(state.inner.log_prob, log_prob(at))
    assert kernel.step_size == 1.0


def test_what_is_no_kernel_of_a_factor_is_refused():
    with pytest.raises(InputError, match="target"):
        Within(Metropolis(TARGET, 1.0))
    with pytest.raises(InputError, match="without 'bit'"):
        run(Within(Metropolis(factor("bit"), 1.0)), {"x": torch.zeros(1, 1)}, 1, torch.Generator())
