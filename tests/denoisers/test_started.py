"""A network that begins at a linear regression with Gaussian errors."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from unnoise import DenoisingMarkovModel, InputError, heads, load
from unnoise.denoisers import Answering, Neural, Started, question
from unnoise.denoisers.started import GaussianGiven
from unnoise.networks import MLP
from unnoise.processes import variance_preserving
from unnoise.spaces import Euclidean

PROCESS = variance_preserving(Euclidean(3))


def linear(n: int = 20_000) -> tuple[Tensor, Tensor]:
    """Numbers, correlated given the condition, in double precision."""
    rng = torch.Generator().manual_seed(0)
    cond, noise = torch.randn(n, 2, generator=rng).double(), torch.randn(n, 3, generator=rng).double()
    slope = torch.tensor([[1.0, 0.0], [0.5, -0.5], [0.0, 2.0]]).double()
    mix = torch.tensor([[0.3, 0.0, 0.0], [0.2, 0.1, 0.0], [0.0, 0.1, 0.6]]).double()
    return cond @ slope.T + noise @ mix.T + 0.2, cond


def started(optional: bool = False, awake: bool = False, marks: bool = False) -> Started:
    head = heads.told if marks else heads.Preconditioned
    with torch.random.fork_rng():
        torch.manual_seed(1)
        network = MLP(head(PROCESS).input_shape, 2 + optional, (3,), width=8, depth=1)
        if awake:
            nn.init.normal_(network.last.weight)
    return Started(PROCESS, network.double(), head, 2 + optional, optional).double()


def test_it_begins_at_the_posterior_of_the_regression() -> None:
    """Against the formulas of conditioning a normal law of (x_0, x_t) given c."""
    x_0, cond = linear()
    denoiser = started()
    denoiser.fit(x_0, cond)
    known = torch.cat([cond, torch.ones(len(cond), 1)], 1)
    found = torch.linalg.lstsq(known, x_0).solution
    covariance = torch.cov((x_0 - known @ found).T)
    t, c = torch.tensor(0.4, dtype=torch.float64), torch.tensor([[0.7, -0.3]]).double()
    alpha, sigma = PROCESS.alpha_sigma(t)
    x_t = torch.tensor([[0.5, 0.1, -0.4]]).double()
    mean = torch.cat([c, torch.ones(1, 1)], 1) @ found
    gain = alpha * covariance @ torch.linalg.inv(alpha**2 * covariance + sigma**2 * torch.eye(3))
    expected = mean + (x_t - alpha * mean) @ gain.T
    torch.testing.assert_close(denoiser(x_t, t, c), expected, rtol=1e-3, atol=1e-3)


def test_the_network_gives_what_is_left_in_its_deviations() -> None:
    r"""$\hat x_0$ moves with F by the root of the covariance of $x_0$ given the point."""
    denoiser = started(awake=True)
    denoiser.fit(*linear())
    t, c, x_t = torch.tensor(0.4, dtype=torch.float64), torch.zeros(1, 2).double(), torch.zeros(1, 3).double()
    unit = torch.eye(3).double()
    begun = started()
    begun.fit(*linear())
    alpha, sigma = PROCESS.alpha_sigma(t)
    axes, variances = denoiser.start.axes, denoiser.start.variances
    root = sigma * (variances / (alpha**2 * variances + sigma**2)).sqrt()
    deviations = axes @ torch.diag(root) @ axes.T
    for k in range(3):
        denoiser.network.last.weight.data.zero_()
        denoiser.network.last.bias.data.copy_(unit[k])
        moved = denoiser(x_t, t, c) - begun(x_t, t, c)
        torch.testing.assert_close(moved[0], deviations[k])


def test_until_it_is_fitted_it_is_the_network_with_its_head() -> None:
    denoiser = started(awake=True)
    plain = Neural(PROCESS, denoiser.network, heads.Preconditioned)
    x, t, c = (
        torch.randn(4, 3, generator=torch.Generator().manual_seed(0)).double(),
        torch.tensor(0.3),
        torch.ones(4, 2),
    )
    torch.testing.assert_close(denoiser(x, t.double(), c.double()), plain(x, t.double(), c.double()))


def test_rows_that_are_told_nothing_are_left_to_the_network() -> None:
    denoiser = started(optional=True, awake=True)
    x_0, cond = linear()
    denoiser.fit(x_0, torch.cat([cond, torch.zeros(len(cond), 1)], 1))
    plain = Neural(PROCESS, denoiser.network, heads.Preconditioned)
    x, t = torch.randn(3, 3, generator=torch.Generator().manual_seed(0)).double(), torch.tensor(0.3).double()
    unknown = torch.tensor([[0.0, 0.0, 1.0]]).double().expand(3, -1)
    torch.testing.assert_close(denoiser(x, t, unknown), plain(x, t, unknown))
    known = torch.tensor([[0.5, 0.5, 0.0]]).double().expand(3, -1)
    assert not torch.allclose(denoiser(x, t, known), plain(x, t, known))


def test_where_a_part_is_asked_it_is_what_the_normal_law_says() -> None:
    """The mean of the last number given the first, the second unknown, by the law of (x_0, x_t) given c."""
    denoiser = started(marks=True)
    denoiser.fit(*linear())
    law = denoiser.start
    covariance = law.axes @ torch.diag(law.variances) @ law.axes.T
    c, t = torch.tensor([[0.7, -0.3]]).double(), torch.tensor(0.4, dtype=torch.float64)
    mean = (c @ law.slope.T + law.offset)[0]
    alpha, sigma = PROCESS.alpha_sigma(t)
    x = torch.tensor([[0.5, 99.0, -0.4], [0.1, 0.2, 0.3]]).double()
    asked = torch.tensor([[False, False, True], [True, True, True]])
    given = torch.tensor([[True, False, False], [False, False, False]])
    asks = question(PROCESS, asked, given, x, c.expand(2, -1))
    found = Answering(denoiser)(x, t, asks)
    observe = torch.tensor([[1.0, 0.0, 0.0], [0.0, 0.0, float(alpha)]]).double()
    noise = torch.diag(torch.tensor([0.0, float(sigma) ** 2])).double()
    gain = covariance @ observe.T @ torch.linalg.inv(observe @ covariance @ observe.T + noise)
    expected = mean + gain @ (x[0, [0, 2]] - observe @ mean)
    torch.testing.assert_close(found[0, 2], expected[2], rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(found[1:], denoiser(x[1:], t, c))


def test_few_rows_change_nothing() -> None:
    denoiser = started()
    x_0, cond = linear(15)
    denoiser.fit(x_0, cond)
    assert not denoiser.start.slope.any()


def test_weights_say_which_rows_count() -> None:
    x_0, cond = linear()
    weights = (torch.arange(len(x_0)) < 5000).double()
    weighted, part = started(), started()
    weighted.fit(torch.where(weights[:, None] > 0, x_0, 1e3), cond, weights)
    part.fit(x_0[:5000], cond[:5000])
    torch.testing.assert_close(weighted.start.slope, part.start.slope, rtol=1e-3, atol=1e-3)


def test_what_does_not_fit_is_said() -> None:
    with pytest.raises(InputError, match="a Gaussian process on vectors"):
        Started(variance_preserving(Euclidean((1, 8, 8))), MLP((1, 8, 8), 1), cond_features=1)
    with pytest.raises(InputError, match="a condition of 2 numbers"):
        started()(torch.zeros(1, 3).double(), torch.tensor(0.5).double())


def test_a_model_of_few_numbers_begins_at_the_regression_and_is_kept(tmp_path) -> None:
    x_0, cond = linear(2000)
    theta, x = x_0.numpy(), cond.numpy()
    model = DenoisingMarkovModel(steps=1, progress=False).fit(theta, y={"x": x}, folder=tmp_path / "model")
    assert isinstance(model.denoiser_, Started)
    drawn = model.sample(4000, y={"x": np.array([0.5, -0.5])}, seed=0)
    assert np.allclose(drawn.mean(0), [0.7, 0.7, -0.8], atol=0.1)
    assert np.allclose(drawn.std(0), [0.3, 5**0.5 / 10, 0.37**0.5], atol=0.05)
    again = load(tmp_path / "model")
    assert (again.sample(3, y={"x": x[0]}, seed=1) == model.sample(3, y={"x": x[0]}, seed=1)).all()


def test_the_spread_is_that_of_the_weighted_rest_by_its_degrees_of_freedom() -> None:
    rng = torch.Generator().manual_seed(4)
    cond, noise = torch.randn(2, 40, 1, generator=rng).double()
    weights = torch.rand(40, generator=rng).double()
    law = GaussianGiven(1, 1).double()
    law.fit(2 * cond + noise, cond, weights)
    rest = 2 * cond + noise - law.given(cond)[0]
    share = weights[:, None] / weights.sum()
    assert float(law.variances) == pytest.approx(float((share * rest.square()).sum() * 40 / 38))


def test_no_variance_is_so_small_that_noise_is_nothing_beside_it() -> None:
    cond = torch.linspace(-1, 1, 400)[:, None].double()
    law = GaussianGiven(1, 1).double()
    law.fit(torch.zeros(400, 1).double(), cond)
    assert float(law.variances) == pytest.approx(1e-4)
