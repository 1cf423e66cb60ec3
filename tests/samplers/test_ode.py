"""The adaptive solver: its order, its tolerance, the independence of its rows, its errors."""

from __future__ import annotations

import itertools
import math

import pytest
import torch

from unnoise._errors import NonFiniteError
from unnoise.samplers import ode
from unnoise.samplers.ode import integrate

FLOAT64 = torch.float64


def oscillator(t, y, rows):
    """A rotation whose speed changes; y(t) is y(0) turned by 3 t + 2 t^2."""
    speed = (3 + 4 * t)[:, None]
    return torch.stack([-speed[:, 0] * y[:, 1], speed[:, 0] * y[:, 0]], -1)


START = torch.tensor([[1.0, 0.0]], dtype=FLOAT64)


def turned(t):
    angle = 3 * t + 2 * t**2
    return torch.tensor([[math.cos(angle), math.sin(angle)]], dtype=FLOAT64)


def one_step(h):
    """The true and the estimated error of one step of length h from t = 0."""
    t, step, rows = torch.zeros(1, dtype=FLOAT64), torch.full((1,), h, dtype=FLOAT64), torch.arange(1)
    slope = oscillator(t, START, rows)
    proposal, last_slope, estimate = ode._dormand_prince(oscillator, t, START, step, slope, rows, 1.0)
    torch.testing.assert_close(last_slope, oscillator(step, proposal, rows))  # it opens the next step
    return float((proposal - turned(h)).norm()), float(estimate)


def test_one_step_has_a_local_error_of_order_six_and_an_estimate_of_order_five():
    errors, estimates = zip(*(one_step(h) for h in (0.04, 0.02, 0.01)), strict=True)
    for values, order in ((errors, 6), (estimates, 5)):
        for coarse, fine in itertools.pairwise(values):
            assert math.log2(coarse / fine) == pytest.approx(order, abs=0.35)


def test_the_tableau_meets_the_conditions_of_its_order():
    """Every stage sits at its node, and the weights integrate 1, c, ..., c^4 exactly; the error weights, up to c^3."""
    for node, weights in zip(ode._NODES[1:], ode._STAGES, strict=True):
        assert sum(weights) == pytest.approx(node, abs=1e-14)
    for power in range(5):
        moment = sum(w * c**power for w, c in zip(ode._STAGES[-1], ode._NODES, strict=False))
        assert moment == pytest.approx(1 / (power + 1), abs=1e-14)
    for power in range(4):
        assert sum(w * c**power for w, c in zip(ode._ERROR, ode._NODES, strict=True)) == pytest.approx(0, abs=1e-14)


@pytest.mark.parametrize("tolerance", [1e-3, 1e-5, 1e-7, 1e-9, 1e-11])
def test_the_error_follows_the_tolerance(tolerance):
    error = (integrate(oscillator, START, tolerance=tolerance) - turned(1.0)).norm()
    assert 1e-4 * tolerance < error < 20 * tolerance


def test_a_better_tolerance_costs_more_and_the_first_step_hardly_matters():
    def cost(**options):
        calls = []

        def counted(t, y, rows):
            calls.append(len(rows))
            return oscillator(t, y, rows)

        integrate(counted, START, **options)
        return sum(calls)

    assert cost(tolerance=1e-4) < cost(tolerance=1e-8)
    assert abs(cost(first_step=1e-4) - cost(first_step=0.5)) < 60


def mixed(t, y, rows):
    """Rows of very different stiffness: each decays at its own rate towards a moving point."""
    rates = torch.tensor([0.1, 1.0, 10.0, 100.0, 1000.0], dtype=FLOAT64)[rows]
    return -rates[:, None] * (y - torch.sin(3 * t)[:, None])


def test_rows_do_not_see_each_other():
    y = torch.tensor([[1.0], [-2.0], [3.0], [0.5], [1.0]], dtype=FLOAT64)
    together = integrate(mixed, y)
    for row in range(5):
        alone = integrate(lambda t, y, rows, row=row: mixed(t, y, torch.full_like(rows, row)), y[row : row + 1])
        torch.testing.assert_close(together[row : row + 1], alone, rtol=0, atol=1e-10)
    shuffled = torch.tensor([3, 0, 4, 2, 1])
    again = integrate(lambda t, y, rows: mixed(t, y, shuffled[rows]), y[shuffled])
    torch.testing.assert_close(again, together[shuffled], rtol=0, atol=1e-10)


def test_rows_that_have_arrived_cost_nothing():
    seen = []

    def spied(t, y, rows):
        seen.append(rows.tolist())
        return mixed(t, y, rows)

    integrate(spied, torch.ones(5, 1, dtype=FLOAT64))
    assert seen[0] == [0, 1, 2, 3, 4]
    assert seen[-1] == [4]


def test_float32_arrives():
    y = integrate(lambda t, y, rows: -y, torch.ones(4, 3), tolerance=1e-5)
    assert y.dtype == torch.float32
    torch.testing.assert_close(y, torch.full((4, 3), math.exp(-1)), rtol=0, atol=1e-4)


def test_the_start_is_left_alone():
    y = torch.ones(2, 1, dtype=FLOAT64)
    integrate(lambda t, y, rows: -y, y)
    assert (y == 1).all()


@pytest.mark.parametrize("bad", [math.nan, math.inf])
@pytest.mark.parametrize("since", [-1.0, 0.3])
def test_a_velocity_that_is_not_finite_is_an_error(bad, since):
    def velocity(t, y, rows):
        return torch.where((t > since)[:, None], bad, -y)

    with pytest.raises(NonFiniteError, match=r"the flow met non-finite values at t = 0(\.[0-2]\d*)?; is the model"):
        integrate(velocity, torch.ones(3, 1, dtype=FLOAT64))


def test_an_equation_too_stiff_is_an_error():
    with pytest.raises(NonFiniteError, match="did not reach t = 1 in 20 steps; raise the tolerance"):
        integrate(mixed, torch.ones(5, 1, dtype=FLOAT64), max_steps=20)


def test_a_velocity_too_large_for_any_step_is_an_error_at_once():
    calls = itertools.count()

    def velocity(t, y, rows):
        next(calls)
        return 1e30 * torch.sin(y)

    with pytest.raises(NonFiniteError, match="the flow is too steep at t = 0; is the model trained"):
        integrate(velocity, torch.ones(3, 1))
    assert next(calls) < 200
