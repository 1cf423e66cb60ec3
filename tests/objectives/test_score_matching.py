"""ScoreMatching score matching recovers the parameters of densities that it never normalises."""

from __future__ import annotations

import math

import pytest
import torch

from unnoise._errors import InputError
from unnoise.objectives import ScoreMatching
from unnoise.objectives.base import Loss
from unnoise.spaces import Euclidean, Finite, Jump, Sphere, Torus, product

FLOAT64 = torch.float64


class Halved(ScoreMatching):
    """A broken twin: the factor 2 is lost."""

    def __call__(self, log_density, x):
        local = self.local(x)
        return Loss(self.space.phi(local, log_density, x) + self.space.apply(local, log_density, x))


def fitted(objective, log_density, start, x, weights=None):
    """The parameters that minimise the mean price."""
    parameters = torch.as_tensor(start, dtype=FLOAT64).clone().requires_grad_()
    weights = torch.full((len(x),), 1 / len(x), dtype=FLOAT64) if weights is None else weights
    optimiser = torch.optim.LBFGS(
        [parameters], max_iter=200, tolerance_grad=1e-12, tolerance_change=0, line_search_fn="strong_wolfe"
    )

    def price():
        optimiser.zero_grad()
        value = (weights * objective(lambda y: log_density(parameters, y), x).value).sum()
        value.backward()
        return value

    optimiser.step(price)
    return parameters.detach()


def quadratic(precision, x):
    return -0.5 * torch.einsum("...i,ij,...j", x, precision, x)


@pytest.fixture
def points(rng):
    mixing = torch.tensor([[1.0, 0.0, 0.0], [0.5, 0.8, 0.0], [-0.3, 0.4, 1.5]], dtype=FLOAT64)
    return torch.randn(500, 3, generator=rng, dtype=FLOAT64) @ mixing.T


def test_the_precision_of_a_gaussian_is_that_of_maximum_likelihood(points):
    """Hyvärinen 2005: the inverse of the second moments of the data, to rounding."""
    truth = torch.linalg.inv(points.T @ points / len(points))
    found = fitted(ScoreMatching(Euclidean(3)), quadratic, torch.eye(3), points)
    torch.testing.assert_close(found, truth, rtol=1e-6, atol=1e-6)
    broken = fitted(Halved(Euclidean(3)), quadratic, torch.eye(3), points)
    assert float((broken - truth).abs().max()) > 0.1


def test_it_is_hyvarinens_formula(points):
    """Half the squared gradient and the Laplacian, in closed form for a quartic."""
    x = points[:20]
    found = ScoreMatching(Euclidean(3))(lambda y: -(y**4).sum(-1), x).value
    torch.testing.assert_close(found, (8 * x**6 - 12 * x**2).sum(-1))


def test_a_network_learns_from_it(points):
    """Gradients reach every weight through first and second derivatives."""
    network = torch.nn.Sequential(torch.nn.Linear(3, 8), torch.nn.Tanh(), torch.nn.Linear(8, 1, bias=False)).double()
    ScoreMatching(Euclidean(3))(lambda y: network(y)[..., 0], points).value.mean().backward()
    assert all(weight.grad.abs().sum() > 0 for weight in network.parameters())


# ---- a finite space

SPINS = Finite(3, 2)
STATES = torch.cartesian_prod(*[torch.arange(2)] * 3)
FIELD_AND_COUPLINGS = torch.tensor([0.5, -1.0, 0.3, 0.8, -0.6, 1.2], dtype=FLOAT64)


def ising(parameters, x):
    spins = 2.0 * x.double() - 1
    pairs = torch.stack(
        [spins[..., 0] * spins[..., 1], spins[..., 1] * spins[..., 2], spins[..., 2] * spins[..., 0]], -1
    )
    return (spins * parameters[:3]).sum(-1) + (pairs * parameters[3:]).sum(-1)


def flips(x):
    """Symmetric rates: every spin flips at rate 1."""
    return Jump(torch.ones(*x.shape, 2, dtype=FLOAT64))


def test_an_ising_model_is_recovered_from_its_probabilities():
    """Fields and couplings of all eight states to 1e-6; its price is that of the table in the docstring."""
    law = torch.softmax(ising(FIELD_AND_COUPLINGS, STATES), 0)
    found = fitted(ScoreMatching(SPINS, flips), ising, torch.zeros(6), STATES, law)
    torch.testing.assert_close(found, FIELD_AND_COUPLINGS, rtol=1e-6, atol=1e-6)
    broken = fitted(Halved(SPINS, flips), ising, torch.zeros(6), STATES, law)
    assert float((broken - FIELD_AND_COUPLINGS).abs().max()) > 0.1
    logs = ising(FIELD_AND_COUPLINGS, STATES)
    change = torch.stack([logs[i ^ torch.tensor([4, 2, 1])] - logs[i] for i in torch.arange(8)])
    price = ScoreMatching(SPINS, flips)(lambda y: ising(FIELD_AND_COUPLINGS, y), STATES).value
    torch.testing.assert_close(price, (change.exp() - 1 + change).sum(-1))


def test_other_symmetric_rates_find_the_same_model():
    """Slower flips of one spin weigh its neighbours less, and change nothing at the truth."""
    law = torch.softmax(ising(FIELD_AND_COUPLINGS, STATES), 0)
    slower = torch.tensor([1.0, 0.2, 3.0], dtype=FLOAT64)[:, None]
    found = fitted(ScoreMatching(SPINS, lambda x: Jump(flips(x).rates * slower)), ising, torch.zeros(6), STATES, law)
    torch.testing.assert_close(found, FIELD_AND_COUPLINGS, rtol=1e-6, atol=1e-6)


def test_rates_must_be_given_where_there_is_no_laplacian():
    with pytest.raises(InputError, match="Finite is no manifold, so `local` must say how points move"):
        ScoreMatching(SPINS)


def test_a_product_of_manifolds_has_its_own_laplacian(points):
    """A Gaussian in two parts is the Gaussian in one."""

    def log_density(y):
        return -0.5 * (y["a"].square().sum(-1) + 2 * (y["a"][..., 0] * y["b"][..., 0]) + 3 * y["b"].square().sum(-1))

    parts = {"a": points[:, :2], "b": points[:, 2:]}
    found = ScoreMatching(product({"a": Euclidean(2), "b": Euclidean(1)}))(log_density, parts).value
    whole = ScoreMatching(Euclidean(3))(lambda y: log_density({"a": y[..., :2], "b": y[..., 2:]}), points).value
    torch.testing.assert_close(found, whole)


# ---- curved spaces


def sphere_nodes(count=40):
    """Gauss points in the height and equal angles: exact for spherical polynomials of degree 79."""
    import numpy as np

    heights, weights = (torch.from_numpy(part) for part in np.polynomial.legendre.leggauss(count))
    angles = torch.arange(2 * count, dtype=FLOAT64) * math.pi / count
    height, angle = torch.meshgrid(heights, angles, indexing="ij")
    radius = (1 - height**2).sqrt()
    points = torch.stack([radius * angle.cos(), radius * angle.sin(), height], -1).reshape(-1, 3)
    return points, (weights[:, None] * math.pi / count).expand(-1, 2 * count).flatten()


def test_a_von_mises_fisher_law_is_recovered_on_the_sphere():
    """Direction and concentration from its density on a quadrature grid, to 1e-6: curvature is in the Laplacian."""
    points, areas = sphere_nodes()
    truth = torch.tensor([1.0, -2.0, 1.5], dtype=FLOAT64)  # concentration 2.69

    def log_density(parameters, x):
        return x @ parameters

    law = areas * torch.exp(points @ truth)
    law = law / law.sum()
    found = fitted(ScoreMatching(Sphere(2)), log_density, torch.zeros(3), points, law)
    torch.testing.assert_close(found, truth, rtol=1e-6, atol=1e-6)
    broken = fitted(Halved(Sphere(2)), log_density, torch.zeros(3), points, law)
    assert float((broken - truth).abs().max()) > 0.1
    flat = fitted(ScoreMatching(Euclidean(3)), log_density, torch.zeros(3), points, law)  # as if space were flat
    assert float((flat - truth).abs().max()) > 0.1


def test_a_von_mises_law_is_recovered_from_samples_of_angles(rng):
    """Within five standard errors of the estimate, by drawing from a fine grid."""
    grid = torch.linspace(-math.pi, math.pi, 10_001, dtype=FLOAT64)[:-1, None]
    truth = torch.tensor([1.5, -0.5], dtype=FLOAT64)

    def log_density(parameters, x):
        return x[..., 0].cos() * parameters[0] + x[..., 0].sin() * parameters[1]

    drawn = grid[torch.multinomial(log_density(truth, grid).exp(), 20_000, replacement=True, generator=rng)]
    found = fitted(ScoreMatching(Torus(1)), log_density, torch.zeros(2), drawn)
    assert float((found - truth).abs().max()) < 0.1


def test_a_log_density_of_another_shape_is_refused():
    for space, x in ((Euclidean(2), torch.zeros(5, 2)), (Finite(2, 3), torch.zeros(5, 2, dtype=torch.int64))):
        objective = ScoreMatching(space, lambda x: Jump(torch.ones(*x.shape, 3))) if x.dtype == torch.int64 else None
        objective = objective or ScoreMatching(space)
        assert objective(lambda x: -x.double().square().sum(-1), x).value.shape == (5,)
        with pytest.raises(
            InputError, match=r"log_density gave shape .*1\) for .* points; return one number per point"
        ):
            objective(lambda x: -x.double().square().sum(-1, keepdim=True), x)
    with pytest.raises(InputError, match=r"got points of shape \(3,\); Euclidean expects \(2,\)"):
        ScoreMatching(Euclidean(2))(lambda x: x.sum(-1), torch.zeros(5, 3))
