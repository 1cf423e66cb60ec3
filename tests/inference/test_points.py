"""The law of a point: units that are the same law, many points at once, and where observations are in other units."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from shifted_normal import SETS, exact

from unnoise.inference import Parameters, Part
from unnoise.inference.points import PointLaw, Units


def test_parameters_are_read_by_their_ends():
    parameters = Parameters((Part("", (4,)),), (0.0, 0.0, -np.inf, -np.inf), (2.0, np.inf, 1.0, np.inf))
    theta = np.array([[1.0, np.e, 1.0 - np.e**2, 5.0], [2.0, 1.0, 0.0, 7.0]])
    units = Units.of(parameters, theta, np.array([[1.0], [3.0]]))
    np.testing.assert_allclose(units.middle, [1.5, 0.5, 1.0, 6.0])
    np.testing.assert_allclose(units.spread, [0.5, 0.5, 1.0, 1.0])
    expected = torch.tensor([[-1.0, 1.0, 1.0, -1.0], [1.0, -1.0, -1.0, 1.0]]).double()
    torch.testing.assert_close(units.condition(torch.from_numpy(theta)), expected)
    assert units.standard(torch.tensor([[3.0]])).item() == 1
    assert bool(torch.isfinite(units.condition(torch.tensor([[9.0, -1.0, 2.0, 1e300]]).double())).all())


def test_parameters_may_have_any_unit():
    """Also beyond 10,000, where a law was blind to them."""
    for low, high in ((1e6, 5e6), (-np.inf, np.inf)):
        theta = np.linspace(2e6, 4e6, 101)[:, None]
        units = Units.of(Parameters((Part("", ()),), (low,), (high,)), theta, theta)
        np.testing.assert_allclose(units.middle, 3e6)
        told = units.condition(torch.from_numpy(theta))
        torch.testing.assert_close(told, torch.from_numpy((theta - 3e6) / theta.std()))


def test_the_density_is_that_of_the_units_of_observations():
    """A law of x / 10 has the density of x over 10 for each number; twin: without the volume."""
    model, theta = exact().model, torch.randn(6, 2, generator=torch.Generator().manual_seed(0)).double()
    wide = {**vars(model.units), "deviation": (10.0, 10.0)}
    x = torch.from_numpy(SETS[4])
    found = PointLaw(model.denoiser, Units(**wide), "").log_prob(theta, 10 * x)
    torch.testing.assert_close(found, model.log_prob(theta, x) - 8 * np.log(10), rtol=1e-5, atol=1e-4)
    assert not torch.allclose(found, model.log_prob(theta, x), atol=1.0)


def test_numbers_that_never_vary_say_nothing():
    """Also where rounding makes 1,000 times 0.1 vary by 1e-17; one that varies by as little as that is told."""
    model, theta = exact().model, torch.randn(6, 2, generator=torch.Generator().manual_seed(0)).double()
    x = np.random.default_rng(0).normal(size=(1000, 2))
    beside = np.stack([x[:, 0], np.full(1000, 0.1), 1e-17 * x[:, 1]], 1)
    units = Units.of(Parameters((Part("", (2,)),), (-np.inf,) * 2, (np.inf,) * 2), theta.numpy(), beside)
    assert (units.told, units.deviation[1]) == (2, 0.0)
    wider = replace(model.units, mean=(0.0, 0.1, 0.0), deviation=(1.0, 0.0, 1.0))
    seen = torch.from_numpy(SETS[4])
    beside_one = torch.stack([seen[:, 0], torch.full((4,), 0.1).double(), seen[:, 1]], 1)
    found = PointLaw(model.denoiser, wider, "").log_prob(theta, beside_one)
    torch.testing.assert_close(found, model.log_prob(theta, seen))


def test_the_volume_of_many_small_numbers_is_finite():
    many = replace(exact().model.units, mean=(0.0,) * 200, deviation=(1e-6,) * 200)
    slope = float(many.log_slope(torch.zeros(200, dtype=torch.float64)))
    np.testing.assert_allclose(slope, -200 * np.log(1e-6))


def test_more_observations_leave_room_for_fewer_rows():
    model = exact().model
    assert model.at_once(1) > model.at_once(1000) >= 1
