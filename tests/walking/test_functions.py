"""Log densities that return what they like, and slopes by differences."""

from __future__ import annotations

import math

import pytest
import torch

from unnoise._errors import InputError
from unnoise.chains import Density
from unnoise.spaces import Euclidean, Finite, Sphere, Torus, product
from unnoise.targets import Potts
from unnoise.walking.functions import Differences, Driftless, Function, Tried, TriedRatios

SPACE = Euclidean(2)
X = torch.randn(5, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(0))


def test_what_is_no_number_is_no_density_and_is_counted():
    def holed(x):
        return torch.where(x[:, 0] > 0, torch.nan, x[:, 1])

    target = Tried(Density(holed), SPACE)
    values, score = target.log_prob_and_score(X)
    wrong = X[:, 0] > 0
    assert torch.isneginf(values[wrong]).all()
    assert torch.equal(values[~wrong], X[~wrong, 1])
    assert torch.isfinite(score).all()
    assert (target.evaluations, target.refused) == (5, int(wrong.sum()))
    assert float(Tried(Density(lambda x: x[:, 0] * 0 + math.inf), SPACE).log_prob(X)[0]) == -math.inf


def test_ratios_pass():
    potts = Potts((2, 2), 3, 1.0)
    x = torch.zeros(1, 2, 2, dtype=torch.long)
    torch.testing.assert_close(TriedRatios(potts, potts.space).log_ratios(x), potts.log_ratios(x))


def test_differences_are_slopes_at_any_scale():
    for scale in (1e-3, 1.0, 1e4):
        target = Density(lambda x, s=scale: -0.5 * (x / s).square().sum(1) + x[:, 0] / s)
        value, slope = Differences(target).log_prob_and_score(scale * X)
        right = target.log_prob_and_score(scale * X)
        torch.testing.assert_close(value, right[0])
        torch.testing.assert_close(scale * slope, scale * right[1], rtol=1e-4, atol=1e-4)


def test_beside_an_edge_there_is_no_slope():
    target = Differences(Density(lambda x: torch.where(x[:, 0] > 0, -x[:, 0], -torch.inf)))
    _, slope = target.log_prob_and_score(torch.tensor([[1e-12, 1.0], [1.0, 1.0]], dtype=torch.float64))
    torch.testing.assert_close(slope, torch.tensor([[0.0, 0.0], [-1.0, 0.0]], dtype=torch.float64))


def trapped(x):
    """Of slope NaN, as torch has it, for negative numbers, where it is -x^2."""
    return torch.where(x[:, 0] > 0, -x[:, 0].sqrt(), -x[:, 0].square()) - x[:, 1].square()


def test_where_torch_finds_no_slope_a_value_counts_and_differences_are_its_slope():
    x = torch.tensor([[-1.0, 2.0], [-0.5, -1.0], [0.25, 0.5]], dtype=torch.float64)
    target = Tried(Density(trapped), SPACE)
    assert target.log_density.log_prob_and_score(x)[1].isnan().any(1).tolist() == [True, True, False]
    values, slope = target.log_prob_and_score(x)
    torch.testing.assert_close(values, trapped(x))
    torch.testing.assert_close(slope, torch.tensor([[2.0, -4.0], [1.0, 2.0], [-1.0, -1.0]], dtype=torch.float64))
    assert (target.evaluations, target.refused) == (3 + 2 * 4, 0)


def test_where_neither_torch_nor_differences_find_a_slope_a_point_is_refused():
    """As within rounding of an edge."""
    target = Tried(Density(lambda x: x[:, 0].log() - x[:, 1] ** 2), SPACE)
    x = torch.tensor([[1e-320, 1.0], [1.0, 1.0]], dtype=torch.float64)
    values, slope = target.log_prob_and_score(x)
    assert values.isneginf().tolist() == [True, False]
    assert not bool(slope[0].any())


@pytest.mark.parametrize(("space", "size"), [(Sphere(2), 3), (Euclidean(60), 60)])
def test_where_differences_are_no_help_the_slope_is_zero(space, size):
    x = torch.nn.functional.normalize(-torch.ones(2, size, dtype=torch.float64), dim=1)
    values, slope = Tried(Density(trapped, space), space).log_prob_and_score(x)
    torch.testing.assert_close(values, trapped(x))
    assert not bool(slope.any())


def test_where_a_function_does_not_depend_on_points_its_slope_is_zero():
    """As beyond a bound, where a loop over points returns minus infinity as a number."""

    def bounded(x):
        return torch.stack([-row.square().sum() if row[0] > 0 else torch.tensor(-math.inf).double() for row in x])

    x = torch.tensor([[-1.0, 2.0], [-2.0, 1.0]], dtype=torch.float64)
    values, slope = Function(bounded, Euclidean(2), True).log_prob_and_score(x)
    assert values.isneginf().all()
    assert not bool(slope.any())
    values, slope = Function(bounded, Euclidean(2), True).log_prob_and_score(-x)
    assert slope.tolist() == (2 * x).tolist()
    with pytest.raises(InputError, match="the log density has no gradient"):
        Function(lambda x: -x.detach().square().sum(-1), Euclidean(2), False).log_prob_and_score(x)


def test_how_many_points_were_evaluated_is_told_after_every_batch():
    heard = []
    target = Tried(Function(lambda x: -x.square().sum(-1), Euclidean(1), True), Euclidean(1), heard.append)
    target.log_prob(torch.zeros(3, 1))
    target.log_prob_and_score(torch.zeros(2, 1))
    assert heard == [3, 5]


def test_a_density_of_values_alone_has_no_drift():
    """Where moves ask for slopes, as on curved spaces and along factors."""
    x = torch.nn.functional.normalize(torch.randn(4, 3, dtype=torch.float64), dim=1)
    sphere = Driftless(Function(lambda x: torch.from_numpy(x.numpy()[:, 2]), Sphere(2), False))
    values, slope = sphere.log_prob_and_score(x)
    assert torch.equal(values, x[:, 2])
    assert not bool(slope.any())
    assert not sphere.log_prob(x).requires_grad


def test_a_factor_that_a_function_does_not_use_has_no_slope():
    space = product({"x": Euclidean(1), "angle": Torus(1), "bit": Finite(1, 2)})
    x = {"x": torch.ones(3, 1), "angle": torch.zeros(3, 1), "bit": torch.zeros(3, 1, dtype=torch.long)}
    log_prob, local = space.reversible(Function(lambda at: -at["x"][:, 0].square(), space, True), x)
    assert log_prob.tolist() == [-1.0] * 3
    assert local["x"].drift.flatten().tolist() == [-2.0] * 3
    assert not bool(local["angle"].drift.any())
