"""What is known of populations."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch

from unnoise.walking.record import Annealing, Record, best_of, thinned

NOWHERE = Annealing([0.0], [], [], [])


def test_particles_are_thinned_evenly_and_never_repeated():
    x = {"a": torch.arange(20).reshape(2, 10)}
    assert thinned(x, 4)["a"].tolist() == [[0, 2, 5, 7], [10, 12, 15, 17]]
    assert torch.equal(thinned(x, 99)["a"], x["a"])


def test_modes_without_particles_leave_no_gap():
    labels, shares = torch.tensor([[0, 2], [2, 3]]), torch.tensor([[0.5, 0, 0.5, 0], [0, 0, 0.5, 0.5]])
    record = Record(torch.zeros(2, 2, 1), labels, shares, torch.zeros(2), None, NOWHERE)
    found = record.of_modes(shares.mean(0) > 0)
    assert found.labels.tolist() == [[0, 1], [1, 2]]
    assert found.shares.tolist() == [[0.5, 0.5, 0], [0, 0.5, 0.5]]


def test_errors_of_shares_are_those_over_populations_and_at_least_those_of_counting():
    shares = torch.tensor([[0.6, 0.4, 0.0], [0.4, 0.6, 0.0]], dtype=torch.float64)
    wide = Record(torch.zeros(2, 1000, 1), None, shares, torch.zeros(2), None, NOWHERE).share_errors()
    torch.testing.assert_close(wide, torch.tensor([0.1, 0.1, 0.0], dtype=torch.float64))
    few = Record(torch.zeros(2, 8, 1), None, shares, torch.zeros(2), None, NOWHERE).share_errors()
    torch.testing.assert_close(few, torch.tensor([0.125, 0.125, 0.0], dtype=torch.float64))


def test_particles_are_shown_in_other_coordinates():
    record = Record(torch.arange(6.0).reshape(2, 3, 1), None, torch.ones(2, 1), torch.zeros(2), None, NOWHERE)
    found = record.shown(lambda x: {"double": 2 * x[:, 0], "pair": torch.cat([x, -x], 1)})
    assert found.particles["double"].tolist() == [[0, 2, 4], [6, 8, 10]]
    assert found.particles["pair"][1, 2].tolist() == [5, -5]


def test_a_rise_is_added():
    risen = NOWHERE.risen(0.25, torch.tensor([100.0, 50.0]), 200, [0.5]).risen(
        1.0, torch.tensor([50.0, 50.0]), 100, [0.75]
    )
    assert risen.variances == pytest.approx([0.01, 0.01])
    assert replace(risen, variances=[]) == Annealing([0.0, 0.25, 1.0], [50.0, 50.0], [[0.5], [0.75]], [])


def test_the_error_of_the_integral_is_that_over_populations_and_at_least_that_of_independent_particles():
    log_z, counted = torch.tensor([0.0, 2.0], dtype=torch.float64), replace(NOWHERE, variances=[0.5, 1.0])
    record = Record(torch.zeros(2, 2, 1), None, torch.ones(2, 1), log_z, None, counted)
    assert record.log_z_error() == pytest.approx(1.0)
    assert replace(record, log_z=0.1 * log_z).log_z_error() == pytest.approx(0.75**0.5)


def test_the_integral_is_that_of_the_smaller_error():
    log_z, counted = torch.tensor([0.0, 2.0], dtype=torch.float64), replace(NOWHERE, variances=[0.5, 1.0])
    record = Record(torch.zeros(2, 2, 1), None, torch.ones(2, 1), log_z, None, counted)
    annealed = (pytest.approx(2 + math.log((1 + math.exp(-2)) / 2)), pytest.approx(1.0))
    assert record.integral() == record.by_annealing() == annealed
    assert replace(record, log_z_bridge=(1.5, 0.1)).integral() == (1.5, 0.1)
    assert replace(record, log_z_bridge=(1.5, 2.0)).integral() == annealed


def test_the_error_of_the_integral_is_at_least_what_another_estimate_leaves_unexplained():
    """Annealing that never met the ends of a bend is sure of too small an integral."""
    log_z = torch.full((4,), -0.0625, dtype=torch.float64)
    record = Record(torch.zeros(4, 2, 1), None, torch.ones(4, 1), log_z, None, NOWHERE)
    assert record.integral() == (-0.0625, 0.0)
    assert replace(record, log_z_bridge=(0.0, 0.015625)).integral() == (-0.0625, 0.03125)
    assert replace(record, log_z_bridge=(0.0, 0.0625)).integral() == (-0.0625, 0.0)
    assert best_of([(0.0, 0.25), None, (1.0, 0.125)]) == (1.0, 0.5)
