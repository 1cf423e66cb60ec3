"""Kaufman's sum against all states, and against Onsager's energy far from edges."""

from __future__ import annotations

import math

import pytest
import torch

from unnoise._errors import InputError
from unnoise.targets import Ising, Potts
from unnoise.targets.kaufman import log_sum


@pytest.mark.parametrize(("shape", "coupling"), [((4, 4), 0.6), ((2, 5), 0.4407), ((3, 4), 0.1)])
def test_it_is_the_sum_over_all_states(shape, coupling):
    sites = math.prod(shape)
    summed, solved = Potts(shape, 2, 2 * coupling), Ising(shape, coupling)
    right = summed.log_normaliser - 2 * coupling * sites
    assert solved.log_normaliser == pytest.approx(right, abs=1e-9)
    assert solved.mean_agreement == pytest.approx(summed.mean_agreement, abs=1e-9)
    assert Ising(shape, 1.1 * coupling).log_normaliser != pytest.approx(right, abs=1e-3)


def test_a_large_lattice_at_its_critical_point_has_the_energy_of_onsager():
    r"""$E[s s'] = \coth(2J)/2 = 1/\sqrt2$ there, and a little more on a torus, by a share of 1/n."""
    critical = 0.5 * math.asinh(1.0)
    near, far = (2 * Ising((n, n), critical).mean_agreement - 1 - math.sqrt(0.5) for n in (64, 256))
    assert near == pytest.approx(4 * far, rel=0.01)
    assert 0 < far < 0.003


def test_a_magnet_and_a_ring_are_summed_as_before():
    with pytest.raises(InputError, match="take a smaller lattice"):
        _ = Ising((6, 6), magnet=0.1).log_normaliser
    with pytest.raises(InputError, match="expected a positive one"):
        log_sum(3, 3, torch.tensor(-0.1, dtype=torch.float64))
