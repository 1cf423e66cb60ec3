"""Every target: its score is the gradient of its log density, its Z is its integral, its draws follow it."""

from __future__ import annotations

import math

import pytest
import torch
from scipy import stats

from unnoise._errors import InputError
from unnoise.laws import GaussianMixture
from unnoise.targets import EllipticalGaussian, Funnel, LogisticRegression, Modes, Phi4, Rings, TwoModes, ring
from unnoise.testing import ImprobableError, assert_law, assert_mean

FLOAT64 = torch.float64
AXES = torch.linalg.qr(torch.tensor([[1.0, 2.0], [-0.5, 1.0]]))[0]

SMOOTH = {
    "two modes": TwoModes(3, separation=2.0),
    "ring": ring(8),
    "funnel": Funnel(4),
    "ellipse": EllipticalGaussian(torch.tensor([0.3, 2.0]), AXES),
    "phi4": Phi4((3, 4)),
    "phi4 on a ring of two": Phi4(2),
    "logistic": LogisticRegression(torch.tensor([[1.0, 0.3], [0.2, -2.0], [1.0, 1.0]]), torch.tensor([0, 1, 1]), 2.0),
}


@pytest.mark.parametrize("target", SMOOTH.values(), ids=SMOOTH)
def test_the_score_is_the_gradient_of_the_log_density(target, rng):
    x = torch.randn(5, *target.space.event_shape, generator=rng, dtype=FLOAT64).requires_grad_()
    (expected,) = torch.autograd.grad(target.log_prob(x).sum(), x)
    torch.testing.assert_close(target.score(x.detach()), expected, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("target", [*SMOOTH.values(), Rings()], ids=[*SMOOTH, "rings"])
def test_log_densities_broadcast(target, rng):
    x = torch.randn(3, 4, *target.space.event_shape, generator=rng, dtype=FLOAT64)
    flat = target.log_prob(x.flatten(0, 1))
    torch.testing.assert_close(target.log_prob(x), flat.reshape(3, 4))
    target.space.check(x.flatten(0, 1))


VECTORS = {name: SMOOTH[name] for name in ("two modes", "ring", "funnel", "ellipse")}


@pytest.mark.parametrize("target", [*VECTORS.values(), Rings()], ids=[*VECTORS, "rings"])
def test_points_are_vectors_of_the_right_size(target):
    """Points of one number were taken for (x, x)."""
    size = target.space.dimension
    for x in (torch.zeros(5, 1), torch.zeros(5, size + 1), torch.tensor(0.0)):
        with pytest.raises(InputError, match=rf"got points of shape .*; expected vectors of {size} numbers"):
            target.log_prob(x)


@pytest.mark.parametrize("target", VECTORS.values(), ids=VECTORS)
def test_points_may_be_whole_numbers(target):
    """Beside them parameters were cut to whole numbers."""
    whole = torch.tensor([[1, *[2] * (target.space.dimension - 1)]])
    assert torch.equal(target.log_prob(whole), target.log_prob(whole.float()))
    assert torch.equal(target.score(whole), target.score(whole.float()))


PLANE = {  # with the half width of a square that holds all of the mass
    "two modes": (TwoModes(2, separation=3.0, weight=0.3, scale=0.7), 8.0),
    "ring": (ring(5, radius=3.0, scale=0.4), 7.0),
    "rings": (Rings((0.3, 2.0), 0.4), 6.0),
    "ellipse": (EllipticalGaussian(torch.tensor([0.3, 2.0]), AXES), 12.0),
    "free phi4": (Phi4(2, mass=1.0, coupling=0.0), 9.0),
    "phi4": (Phi4(2, mass=-2.0, coupling=0.3), 6.0),
    "narrow phi4": (Phi4(2, mass=3.0, coupling=40.0), 2.0),
}


def squared(half, nodes=801):
    """A fine grid on a square, and its cell."""
    line = torch.linspace(-half, half, nodes, dtype=FLOAT64)
    return torch.cartesian_prod(line, line), float(line[1] - line[0]) ** 2


@pytest.mark.parametrize(("target", "half"), PLANE.values(), ids=PLANE)
def test_z_is_the_integral(target, half):
    points, cell = squared(half)
    total = float(torch.logsumexp(target.log_prob(points + 0.5 * cell**0.5), 0)) + math.log(cell)
    tolerance = 5e-3 if isinstance(target, Rings) else 1e-6  # the density of rings has a pole, though of finite mass
    assert total == pytest.approx(target.log_normaliser, abs=tolerance)


def test_z_of_the_funnel_is_the_integral():
    """Given the neck, by quadrature in units of its width."""
    target = Funnel(2)
    neck, rest = torch.meshgrid(
        torch.linspace(-27, 27, 601, dtype=FLOAT64), torch.linspace(-9, 9, 601, dtype=FLOAT64), indexing="ij"
    )
    log_width = 0.5 * neck
    points = torch.stack([neck, rest * log_width.exp()], -1)
    total = torch.logsumexp((target.log_prob(points) + log_width).flatten(), 0) + math.log(54 / 600 * 18 / 600)
    assert float(total) == pytest.approx(0, abs=1e-9)


def on_the_line(target, points):
    """What should be standard normal or uniform if the points follow the target."""
    if isinstance(target, Funnel):
        z = torch.cat([points[:, :1] / target.scale, points[:, 1:] * torch.exp(-0.5 * points[:, :1])], 1)
        return [(column, stats.norm.cdf) for column in z.T]
    if isinstance(target, Rings):
        angle = torch.atan2(points[:, 1], points[:, 0]) / (2 * math.pi) + 0.5

        def cdf(r):
            return (
                sum(stats.norm.cdf(r, c, target.scale) - stats.norm.cdf(-r, c, target.scale) for c in target.radii) / 2
            )

        return [(angle, stats.uniform.cdf), (points.norm(dim=1), cdf)]
    mixture: GaussianMixture = target.mixture
    direction = torch.linspace(1, 0.3, points.shape[1])
    means, spreads = mixture.means @ direction, (mixture.covariances @ direction @ direction).sqrt()
    weights = mixture.weights.numpy()
    return [
        (
            points @ direction,
            lambda v: (weights * stats.norm.cdf(v[:, None], means.numpy(), spreads.numpy())).sum(1),
        )
    ]


def assert_on_the_line(target, points):
    for values, cdf in on_the_line(target, points):
        assert_law(values, cdf)


DRAWN = {
    "two modes": (TwoModes(3), TwoModes(3, weight=0.75)),
    "ring": (ring(), ring(radius=2.1)),
    "funnel": (Funnel(3), Funnel(3, scale=2.7)),
    "rings": (Rings((0.2, 2.0)), Rings((0.2, 2.1))),
    "ellipse": (
        EllipticalGaussian(torch.tensor([0.3, 2.0]), AXES),
        EllipticalGaussian(torch.tensor([0.3, 2.5]), AXES),
    ),
}


@pytest.mark.parametrize(("target", "wrong"), DRAWN.values(), ids=DRAWN)
def test_draws_follow_the_density_and_not_another(target, wrong, rng):
    assert_on_the_line(target, target.sample(rng, (8000,)))
    with pytest.raises(ImprobableError):
        assert_on_the_line(target, wrong.sample(rng, (8000,)))


def test_two_modes_are_where_they_are_said_to_be(rng):
    target = TwoModes(8, separation=6.0, weight=0.8)
    assert float((target.means[0] - target.means[1]).norm()) == pytest.approx(6 * math.sqrt(8))
    first = target.responsibility(target.sample(rng, (4000,)))[:, 0]
    assert_mean(first, 0.8)
    with pytest.raises(ImprobableError):
        assert_mean(first, 0.75)
    x = torch.randn(4, 8, generator=rng)
    torch.testing.assert_close(target.log_prob(x), target.mixture.log_prob(x))


def test_the_square_of_the_field_is_that_of_quadrature():
    target = Phi4(2, mass=-2.0, coupling=0.3)
    points, _ = squared(6.0)
    weight = target.log_prob(points).softmax(0)
    assert float(weight @ points[:, 0] ** 2) == pytest.approx(target.mean_square, abs=1e-9)


def test_the_free_field_on_a_ring_agrees_with_the_transfer_operator():
    """A coupling that is almost none takes the other way to the same numbers."""
    free, almost = Phi4(5, mass=1.0, coupling=0.0), Phi4(5, mass=1.0, coupling=1e-9)
    assert almost.log_normaliser == pytest.approx(free.log_normaliser, abs=1e-7)
    assert almost.mean_square == pytest.approx(free.mean_square, abs=1e-7)


def test_the_plane_of_phi4_has_no_known_z():
    assert Phi4((4, 4)).log_normaliser is None
    assert Phi4((4, 4)).mean_square is None
    assert Phi4((2, 2), mass=1.0, coupling=0.0).log_normaliser == pytest.approx(
        2 * math.log(2 * math.pi) - 0.5 * math.log(1 * 5 * 5 * 9)
    )


def test_breast_cancer_is_solved_where_scikit_learn_says():
    from sklearn.linear_model import LogisticRegression as Regression

    target = LogisticRegression.breast_cancer(scale=0.7)
    assert target.space.event_shape == (31,)
    fitted = Regression(C=0.7**2, fit_intercept=False, tol=1e-10, max_iter=2000)
    fitted.fit(target.features.numpy(), target.labels.numpy())
    best = torch.tensor(fitted.coef_, dtype=FLOAT64)
    assert float(target.score(best).abs().max()) < 1e-2  # the data are in float32
    assert target.accuracy(best, target.features, target.labels) > 0.98
    assert target.log_normaliser is None


@pytest.mark.parametrize(
    ("build", "match"),
    [
        (lambda: TwoModes(2, weight=1.0), r"got weight = 1\.0; expected a finite number above 0 and below 1"),
        (lambda: ring(0), "got count = 0; expected a whole number from 1"),
        (lambda: Modes(torch.ones(2), torch.zeros(3, 2), 1.0), r"expected \(K,\) and \(K, d\)"),
        (lambda: Modes(torch.ones(2), torch.zeros(2, 2), 0.0), r"got scale = 0\.0; expected a finite number above 0"),
        (lambda: Rings(()), r"got radii = \(\); expected a sequence of 1 or more numbers"),
        (lambda: Funnel(1), "got dimension = 1; expected a whole number from 2"),
        (
            lambda: EllipticalGaussian(torch.tensor([1.0, -1.0])),
            r"got variances = -1\.0; expected a tensor of finite numbers above 0",
        ),
        (lambda: EllipticalGaussian(torch.ones(2), torch.ones(2, 2)), "orthonormal"),
        (lambda: Phi4(3, mass=-1.0, coupling=0.0), "no finite integral"),
        (lambda: Phi4(()), r"got shape = \(\); expected a whole number or a tuple of 1 or more"),
        (lambda: LogisticRegression(torch.zeros(3, 2), torch.zeros(2)), r"expected \(n, d\) and \(n,\)"),
        (
            lambda: LogisticRegression(torch.zeros(2, 2), torch.tensor([1, 2])),
            r"got the labels \[1, 2\]; expected 0 and 1",
        ),
        (
            lambda: LogisticRegression(torch.full((1, 1), math.nan), torch.zeros(1)),
            "got features = nan; expected a tensor of finite numbers",
        ),
    ],
)
def test_what_is_no_density_is_refused(build, match):
    with pytest.raises(InputError, match=match):
        build()


def test_a_posterior_predicts_by_the_mean_of_its_probabilities():
    """Two draws of three say no; the mean of their weights, which no draw has, would say yes."""
    draws, one = torch.tensor([[20.0], [-2.0], [-2.0]]), torch.ones(1, 1)
    target = LogisticRegression(one, torch.zeros(1))
    assert target.accuracy(draws, one, torch.zeros(1)) == 1.0
    assert target.accuracy(draws.mean(0, keepdim=True), one, torch.zeros(1)) == 0.0
