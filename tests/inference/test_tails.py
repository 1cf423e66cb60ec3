"""Long tails are read by their logarithm, with the volume of that; other numbers as they are."""

from __future__ import annotations

import numpy as np
import torch
from shifted_normal import exact

from unnoise.inference import Simulations
from unnoise.inference.observed import Observed
from unnoise.inference.points import PointLaw, Units
from unnoise.inference.tails import Tails
from unnoise.testing import assert_mean

RNG = np.random.default_rng(0)
CAUCHY, NORMAL = RNG.standard_cauchy(size=5000), RNG.normal(size=5000)
X = np.stack([1e4 + 10 * CAUCHY, NORMAL, np.exp(NORMAL), RNG.poisson(0.1, 5000)], 1)


def test_long_tails_alone_are_bent():
    tails = Tails.of(X)
    assert np.flatnonzero(tails.unit).tolist() == [0]
    read = tails.read(X)
    np.testing.assert_array_equal(read[:, 1:], X[:, 1:])
    np.testing.assert_allclose(read[:, 0], np.arcsinh((X[:, 0] - tails.middle[0]) / tails.unit[0]))
    assert read[:, 0].std() < 2 < CAUCHY.std() / 20
    assert Tails.of(X[:, 1:]) == Tails()


def test_holes_do_not_hide_them():
    holed = X.copy()
    holed[::2, 0], holed[:, 1] = np.nan, np.nan
    assert np.flatnonzero(Tails.of(holed).unit).tolist() == [0]
    observed = Observed.of(Simulations(np.zeros((5000, 1)), holed[:, [0, 2]]))
    assert np.abs(observed.features(holed[:, [0, 2]])[:, 0]).max() < 20
    assert observed.features(holed[:1, [0, 2]])[0].tolist()[0] == 0.0  # a hole is in the middle
    assert Observed.of(Simulations(np.zeros((5000, 1)), X.reshape(-1, 2, 2))).tails == Tails()  # of pictures none


def test_the_volume_is_that_of_small_steps():
    tails, step = Tails.of(X), 1e-3
    slopes = (tails.read(X + step) - tails.read(X - step)) / (2 * step)
    np.testing.assert_allclose(tails.log_slope(X), np.log(slopes).sum(1), atol=1e-6)


def test_a_density_of_bent_numbers_is_one():
    """The mean of (density of a Cauchy law)/(that of the model) over draws of the model is 1."""
    law, theta = exact().model, torch.zeros(1, 2).double()
    units = Units(**{**vars(law.units), "tails": Tails((1.0, 0.0), (0.5, 0.0))})
    wide = PointLaw(law.denoiser, units, "")
    told = law.denoiser.scales.double() * torch.randn(20_000, 2, generator=torch.Generator().manual_seed(0)).double()
    x = torch.stack([1.0 + 0.5 * torch.sinh(told[:, 0]), told[:, 1]], 1)
    log_model = torch.cat([wide.log_prob(theta, one[None]) for one in x[:2000]])
    normal = torch.distributions.Normal(torch.tensor([1.0, 0.0]).double(), torch.tensor([0.2, 0.4]).double())
    assert_mean((normal.log_prob(x[:2000]).sum(1) - log_model).exp() - 1)
    without = log_model - torch.from_numpy(units.tails.log_slope(x[:2000].numpy()))
    assert abs(float((normal.log_prob(x[:2000]).sum(1) - without).exp().mean()) - 1) > 0.5


def test_they_come_back_from_a_file():
    tails = Tails.of(X)
    assert Tails.loaded({"middle": list(tails.middle), "unit": list(tails.unit)}) == tails
    assert Tails.loaded(None) == Tails()
