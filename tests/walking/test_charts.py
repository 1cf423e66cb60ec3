"""Charts of parameters: their volume by differentiation, their integrals in closed form, and no NaN at their ends."""

from __future__ import annotations

import math

import pytest
import torch
from torch.distributions import Beta, Dirichlet, Gamma, LKJCholesky, constraints

from unnoise._errors import InputError
from unnoise.walking import (
    Above,
    Below,
    Constrained,
    CorrelationCholesky,
    Interval,
    Ordered,
    Positive,
    Reals,
    Simplex,
)
from unnoise.walking.charts import ParameterChart, chart_of

F64 = torch.float64


def below_the_diagonal(x):
    rows, columns = torch.tril_indices(len(x), len(x), -1)
    return x[rows, columns]


# Parameters, and the numbers of a value with respect to which densities are.
CHARTS = {
    "real": (Reals(2), torch.Tensor.flatten),
    "positive": (Positive((2, 2)), torch.Tensor.flatten),
    "above": (Above(3.0, 2), torch.Tensor.flatten),
    "below": (Below(-1.0, 2), torch.Tensor.flatten),
    "interval": (Interval(-2.0, 5.0, 3), torch.Tensor.flatten),
    "ordered": (Ordered(4), torch.Tensor.flatten),
    "shares": (Simplex(4), lambda x: x[:-1]),
    "several shares": (Constrained(constraints.simplex, (2, 3)), lambda x: x[:, :-1].flatten()),
    "correlations": (CorrelationCholesky(4), below_the_diagonal),
}


@pytest.mark.parametrize("name", CHARTS)
def test_the_volume_is_that_of_the_derivative(name):
    parameter, free = CHARTS[name]
    chart = chart_of(parameter)
    z = torch.randn(3, chart.size, dtype=F64, generator=torch.Generator().manual_seed(0))
    jacobian = torch.stack(
        [torch.autograd.functional.jacobian(lambda u: free(chart.inside(u[None])[0]), row) for row in z]
    )
    torch.testing.assert_close(chart.log_volume(z), torch.linalg.slogdet(jacobian)[1])
    assert bool(parameter.constraint.check(chart.inside(z)).all())
    torch.testing.assert_close(chart.outside(chart.inside(z)), z)


@pytest.mark.parametrize("name", CHARTS)
def test_far_out_numbers_hold_a_value_or_are_told_not_to(name):
    parameter, _ = CHARTS[name]
    chart = chart_of(parameter)
    for length in (1.0, 30.0, 300.0, 1e4, 1e300):
        z = length * torch.randn(50, chart.size, dtype=F64, generator=torch.Generator().manual_seed(1))
        held = chart.held(z)
        assert bool(held.all()) or length > 1
        if not bool(held.any()):
            break
        assert torch.isfinite(chart.inside(z[held])).all()
        assert bool(parameter.constraint.check(chart.inside(z[held])).all())
        assert torch.isfinite(chart.log_volume(z[held])).all()


LAWS = {
    "Gamma": (Positive(), Gamma(torch.tensor(3.0, dtype=F64), 1.0), 1),
    "Beta": (Interval(0, 1), Beta(torch.tensor(0.5, dtype=F64), 2.0), 1),
    "Dirichlet": (Simplex(3), Dirichlet(torch.tensor([0.7, 1.0, 3.0], dtype=F64)), 2),
    "LKJ": (CorrelationCholesky(2), LKJCholesky(2, torch.tensor(2.0, dtype=F64)), 1),
}


def integral(chart, law, size, volume):
    """Of exp(log p(phi(z)) + volume(z)) over R^d, by the trapezium rule."""
    line = torch.linspace(-30, 30, 601, dtype=F64)
    z = torch.cartesian_prod(*[line] * size).reshape(-1, size)
    return float(torch.exp(law.log_prob(chart.inside(z)) + volume(z)).sum() * (line[1] - line[0]) ** size)


@pytest.mark.parametrize("name", LAWS)
def test_a_law_of_natural_coordinates_has_mass_one_in_the_chart(name):
    parameter, law, size = LAWS[name]
    chart = chart_of(parameter)
    assert integral(chart, law, size, chart.log_volume) == pytest.approx(1, abs=1e-4)
    without = integral(chart, law, size, lambda z: 0 * z.sum(1))
    assert not abs(without - 1) < 0.05


def test_ordered_numbers_have_their_share_of_all():
    chart = chart_of(Ordered(2))
    line = torch.linspace(-12, 12, 481, dtype=F64)
    z = torch.cartesian_prod(line, line)
    heights = -0.5 * chart.inside(z).square().sum(1) - math.log(2 * math.pi)
    assert float((heights + chart.log_volume(z)).exp().sum() * 0.05**2) == pytest.approx(0.5, abs=1e-3)


def test_several_parameters_stand_side_by_side():
    chart = ParameterChart({"mu": Reals(), "L": CorrelationCholesky(2), "t": Positive(2)})
    assert (chart.size, chart.named) == (4, True)
    assert chart.columns == ["mu", "L[0, 0]", "L[0, 1]", "L[1, 0]", "L[1, 1]", "t[0]", "t[1]"]
    z = torch.randn(5, 4, dtype=F64, generator=torch.Generator().manual_seed(0))
    values = chart.inside(z)
    flat = torch.cat([values["mu"][:, None], values["L"].flatten(1), values["t"]], 1)
    torch.testing.assert_close(chart.outside(chart.read(flat)), z)
    parts = [chart_of(part) for part in chart.parts.values()]
    pieces = [part.log_volume(x) for part, x in zip(parts, z.split([1, 1, 2], 1), strict=True)]
    torch.testing.assert_close(chart.log_volume(z), sum(pieces))


def test_only_bounded_numbers_begin_near_their_bounds_middle():
    chart = ParameterChart({"x": Reals(), "t": Positive()})
    near = chart.near(torch.tensor([[1e5, 1e5]], dtype=F64))
    assert near[0, 0] == 1e5
    assert 19 < near[0, 1] < 20
    assert chart.reaches_its_end(torch.tensor([[0.0, -700.0]]))
    assert not chart.reaches_its_end(torch.tensor([[-700.0, 0.0]]))


GIVEN = {
    "a bound": ({"t": [1.0, -1.0]}, r"got t = -1 in row 1 \(the first is 0\); expected a number above 0"),
    "infinite": ({"t": [torch.inf]}, r"got t = inf in row 0 .*; expected a number above 0"),
    "a name": ({"s": [1.0]}, "got the values s; expected a dict of t"),
    "no dict": (torch.ones(3), "expected a dict of t"),
    "a shape": ({"t": [[1.0]]}, r"got t of shape \(1, 1\); expected \(n\)"),
    "no number": ({"t": ["x"]}, "expected numbers"),
}


@pytest.mark.parametrize("name", GIVEN)
def test_values_that_break_a_constraint_are_told_by_row_and_name(name):
    values, match = GIVEN[name]
    with pytest.raises(InputError, match=match):
        ParameterChart({"t": Positive()}).outside(values)


def test_a_place_within_a_value_is_told():
    with pytest.raises(InputError, match=r"got t\[1\] = -1 in row 0"):
        ParameterChart({"t": Positive(2)}).outside({"t": torch.tensor([[1.0, -1.0]])})
    with pytest.raises(InputError, match=r"got x = \(0.2, 0.8, 0\) in row 1 .* positive shares"):
        chart_of(Simplex(3)).outside(torch.tensor([[0.2, 0.3, 0.5], [0.2, 0.8, 0.0]], dtype=F64))


@pytest.mark.parametrize(
    "parameter",
    [
        Constrained(constraints.positive_definite, (2, 2)),
        constraints.interval(3.0, 1.0),
        Constrained(constraints.simplex, 1),
        Positive(10**9),
    ],
    ids=str,
)
def test_what_has_no_chart_is_told(parameter):
    with pytest.raises(InputError, match="no chart is known for a parameter of shape"):
        chart_of(parameter)


def test_draws_are_counted_of_which_floating_point_hides_what_is_nearer_to_a_bound():
    """Of Beta(.1, .1) in log odds, and of numbers that lie beside a million; near zero nothing is hidden."""
    odds = torch.linspace(-36, 36, 20_001, dtype=F64)
    sigmoid = torch.nn.functional.logsigmoid
    weights = (0.1 * (sigmoid(odds) + sigmoid(-odds))).exp()
    z = odds[torch.multinomial(weights, 20_000, replacement=True, generator=torch.Generator().manual_seed(0))][:, None]
    right = float(weights[odds > 52 * math.log(2) - 8].sum() / weights.sum())
    assert chart_of(Interval(0, 1)).at_bounds(z) == pytest.approx(right, rel=0.2)
    assert chart_of(Interval(0, 1, 2)).at_bounds(torch.cat([z, 0 * z], 1)) == pytest.approx(right, rel=0.2)
    assert chart_of(Positive()).at_bounds(10 * z) == 0
    assert chart_of(Above(1e6)).at_bounds(torch.tensor([[-20.0], [0.0]], dtype=F64)) == 0.5
    assert chart_of(Reals(1)).at_bounds(1e20 * z) == 0
    assert chart_of(Simplex(3)).at_bounds(10 * torch.cat([z, -z], 1)) == 0
