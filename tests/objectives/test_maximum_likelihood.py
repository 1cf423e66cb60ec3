"""Maximum likelihood: minus the log density, which training lowers."""

from __future__ import annotations

import pytest
import torch

from unnoise._errors import InputError
from unnoise.denoisers import HeatMixture, Neural, NormalMixture
from unnoise.networks import MLP
from unnoise.objectives import MaximumLikelihood
from unnoise.processes import Brownian, variance_preserving
from unnoise.spaces import Euclidean, Sphere
from unnoise.training import Arrays, Settings, TrainState, train


def untrained(kernels):
    space, rng = Sphere(2), torch.Generator().manual_seed(1)
    network = MLP((1,), 1, (kernels, 4), width=32, depth=1)
    return HeatMixture(Brownian(space), network, space.uniform(kernels).sample(rng)), rng


def test_it_is_minus_the_log_density_of_the_data_or_a_bound_on_it():
    denoiser, rng = untrained(20)
    torch.nn.init.normal_(denoiser.network.last.weight)
    denoiser = denoiser.double()  # in which rows round alike, alone and among others
    x, t = Sphere(2).uniform(5).sample(rng), torch.tensor(0.0, dtype=torch.float64)
    cond = torch.randn(5, 1, generator=rng, dtype=torch.float64)
    exact = -denoiser.log_prob(x, t, cond)
    torch.testing.assert_close(MaximumLikelihood()(denoiser, x, cond, rng).value, exact)
    torch.testing.assert_close(MaximumLikelihood()(denoiser, x, cond, rng, slice(1, 3)).value, exact[1:3])
    bound = MaximumLikelihood(nearest=3)(denoiser, x, cond, rng).value
    torch.testing.assert_close(bound, -denoiser.log_prob(x, t, cond, nearest=3))
    assert (bound > exact).all()


def test_it_learns_two_modes():
    denoiser, rng = untrained(20)
    poles = torch.tensor([[0.0, 0.0, 1.0], [0.0, 0.0, -1.0], [1.0, 0.0, 0.0]]).repeat(200, 1)
    data = Sphere(2).heat(poles, torch.tensor(0.02)).sample(rng)
    cond = (poles[:, :1] > 0.5).float()
    state = TrainState(denoiser, Settings(steps=60, batch_size=100, learning_rate=2e-2, device="cpu", ema=0.9))
    for _ in train(state, MaximumLikelihood(), Arrays(data, cond)):
        pass
    law = state.ema.law(torch.tensor([[0.0], [1.0]]))
    up, side = law.sample(rng, (200,)).detach().unbind(1)
    assert int((up[:, 2].abs() > 0.7).sum()) > 170
    assert 60 < int((up[:, 2] > 0).sum()) < 140
    assert int((side[:, 0] > 0.7).sum()) > 120
    assert int((up[:, 0] > 0.7).sum()) < 20


def test_of_a_mixture_of_normal_laws_it_is_minus_the_log_density_of_the_data():
    network = MLP((1,), 1, (2, NormalMixture.outputs(2)), width=8)
    denoiser = NormalMixture(variance_preserving(Euclidean(2)), network, 1, 2)
    rng = torch.Generator().manual_seed(0)
    x, cond = torch.randn(5, 2, generator=rng), torch.randn(5, 1, generator=rng)
    expected = -denoiser.law(cond).log_prob(x)
    torch.testing.assert_close(MaximumLikelihood()(denoiser, x, cond, rng).value, expected)
    with pytest.raises(InputError, match="got nearest = 3 for a NormalMixture, which has no anchors"):
        MaximumLikelihood(nearest=3)(denoiser, x, cond, rng)


def test_a_denoiser_without_a_density_is_refused():
    process = Brownian(Sphere(2))
    neural = Neural(process, MLP(process.head.input_shape, 0, (3,), width=8))
    with pytest.raises(InputError, match="got a denoiser of type Neural; expected one that knows its density"):
        MaximumLikelihood()(neural, torch.eye(3), None, torch.Generator())
