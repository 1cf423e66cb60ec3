"""Densities in natural coordinates, and of a prior and a likelihood: the right draws and integral, and what helps."""

from __future__ import annotations

import importlib
import math
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from scipy.special import betainc, gammainc
from torch.distributions import Beta, Dirichlet, Gamma, HalfCauchy, LKJCholesky, Normal, constraints

import unnoise
from unnoise._errors import InputError
from unnoise.spaces import Euclidean, Sphere
from unnoise.testing import ImprobableError, assert_law
from unnoise.walking import CorrelationCholesky, Interval, Ordered, Positive, Reals, Simplex
from unnoise.walking.asking import asked
from unnoise.walking.charts import ParameterChart

F64 = torch.float64
PARAMETERS = {
    "rate": Positive(),
    "share": constraints.unit_interval,
    "parts": Simplex(3),
    "L": CorrelationCholesky(3),
    "places": Ordered(2),
}
LAWS = {
    "rate": Gamma(torch.tensor(2.0, dtype=F64), 1.0),
    "share": Beta(torch.tensor(2.0, dtype=F64), 3.0),
    "parts": Dirichlet(torch.tensor([1.0, 2.0, 3.0], dtype=F64)),
    "L": LKJCholesky(3, torch.tensor(2.0, dtype=F64)),
}


def log_prob(at):
    """All independent; places are two numbers of N(0, 1) in their order, of which one half are."""
    known = sum(law.log_prob(at[name]) for name, law in LAWS.items())
    return known - 0.5 * at["places"].square().sum(-1) - math.log(2 * math.pi)


def gamma_2(x):
    return gammainc(2, x.numpy())


def assert_right(draws):
    """Fail unless the marginals are those of the closed forms."""
    correlation = (draws["L"] @ draws["L"].mT)[:, 2, 1]
    assert_law(draws["rate"], gamma_2)
    assert_law(draws["share"], lambda x: betainc(2, 3, x.numpy()))
    assert_law(draws["parts"][:, 2], lambda x: betainc(3, 3, x.numpy()))
    assert_law((correlation + 1) / 2, lambda x: betainc(2.5, 2.5, x.numpy()))  # LKJ: Beta(eta + d/2 - 1) on (-1, 1)
    assert_law(draws["places"][:, 1], lambda x: torch.special.ndtr(x) ** 2)


@pytest.fixture
def quick(monkeypatch):
    """Fewer particles, and one attempt."""
    module = importlib.import_module("unnoise.walking.attempting")
    monkeypatch.setattr(module, "PARTICLES", 512)
    monkeypatch.setattr(module, "MORE_PARTICLES", 512)
    monkeypatch.setattr(module, "EFFORTS", module.EFFORTS[:1])


@pytest.mark.slow
def test_laws_of_every_kind_are_right_in_natural_coordinates(quick):
    found = unnoise.walk(log_prob, parameters=PARAMETERS, n=300)
    assert_right(found.draws)
    assert found.log_z == pytest.approx(-math.log(2), abs=0.15)
    assert {name: tuple(x.shape) for name, x in found.modes.items()}["L"] == (len(found.mode_weights), 3, 3)


def test_draws_are_those_of_natural_coordinates_by_the_volume_of_the_chart(quick, monkeypatch):
    def gamma(x):
        return x.log() - x

    found = unnoise.walk(gamma, parameters=Positive(), n=300)
    assert_law(found.draws, gamma_2)
    assert found.log_z == pytest.approx(0, abs=0.15)
    assert found.modes.tolist() == pytest.approx([2.0])  # of the chart, x p(x)
    monkeypatch.setattr(ParameterChart, "log_volume", lambda self, z: 0 * z.sum(1))
    draws = unnoise.walk(gamma, parameters=Positive(), n=300).draws
    with pytest.raises(ImprobableError):
        assert_law(draws, gamma_2)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("function", "parameter", "log_z"),
    [
        (lambda x: 0 * x.sum(-1), Interval(-3, 3, 2), math.log(36)),
        (lambda x: -x, Positive(), 0.0),
        (lambda x: np.log(x) - x, Positive(), 0.0),
        (lambda x: float(np.log(x) - x), Positive(), 0.0),
        (lambda x: torch.log(x).sum() - x.sum(), Positive(3), 0.0),
    ],
    ids=["a box", "exponential", "numpy", "one point in numpy", "one point"],
)
def test_functions_of_all_forms_take_natural_coordinates(function, parameter, log_z):
    found = unnoise.walk(function, parameters=parameter, n=500)
    assert found.trusted
    assert found.log_z == pytest.approx(log_z, abs=0.1)
    assert found.draws.shape == (500, *parameter.event_shape)


WITHOUT_BOUNDS = {
    "a box": (lambda x: torch.where((x.abs() <= 3).all(-1), 0.0, -torch.inf), 2, math.log(36)),
    "exponential": (lambda x: torch.where(x[:, 0] > 0, -x[:, 0], -torch.inf), 1, 0.0),
    "gamma": (lambda x: (x.log() - x).sum(-1), 1, 0.0),
    "far": (lambda x: torch.where(x[:, 0] > 1000, 1000 - x[:, 0], -torch.inf), 1, 0.0),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", WITHOUT_BOUNDS)
def test_where_no_bounds_are_told_starts_inside_are_found(name):
    function, dimension, log_z = WITHOUT_BOUNDS[name]
    found = unnoise.walk(function, dimension=dimension, n=500)
    assert found.trusted
    assert found.log_z == pytest.approx(log_z, abs=0.1)


def test_a_corner_that_is_hardly_met_is_told_of():
    with pytest.raises(InputError, match=r"not finite at .* of 6,208 points that were tried; give the bounds"):
        unnoise.walk(lambda x: torch.where((x > 0).all(-1), -x.sum(-1), -torch.inf), dimension=12)


@pytest.mark.slow
def test_a_prior_of_distributions_says_its_bounds(quick):
    prior = {"mu": Normal(0.0, 1.0), "tau": HalfCauchy(1.0), "z": Normal(torch.zeros(2), 1.0)}
    question = asked(log_prior=prior, log_likelihood=lambda at: -0.5 * (at["mu"] - 1).square())
    assert question.columns == ["mu", "tau", "z[0]", "z[1]"]
    found = unnoise.walk(question, n=300)
    assert float(found.draws["tau"].min()) > 0
    assert_law((found.draws["mu"] - 0.5) * math.sqrt(2), torch.special.ndtr)
    assert found.log_z == pytest.approx(-0.25 - 0.5 * math.log(2), abs=0.15)


def test_prior_and_likelihood_may_have_forms_of_their_own():
    def prior(x):
        return -0.5 * x.square().sum(-1)

    def one_point(x):
        return -0.5 * float(np.square(x - 1).sum())

    x = torch.randn(8, 2, dtype=F64, generator=torch.Generator().manual_seed(0))
    both = asked(log_prior=prior, log_likelihood=one_point, dimension=2).density(x)
    torch.testing.assert_close(both.log_prob(x), -0.5 * x.square().sum(1) - 0.5 * (x - 1).square().sum(1))
    thing = SimpleNamespace(log_prior=prior, log_likelihood=prior, parameters=Reals(2))
    torch.testing.assert_close(asked(thing).density(x).log_prob(x), -x.square().sum(1))


def test_what_an_object_says_of_itself_counts():
    one = SimpleNamespace(log_prob=lambda at: -at["t"], parameters={"t": Positive()})
    assert asked(one).space == Euclidean(1)
    module = torch.nn.Linear(2, 1)  # whose parameters are a method
    assert asked(module, dimension=2).chart is None
    assert asked(Normal(torch.zeros(3), 1.0)).space == Euclidean(3)


def test_no_number_that_holds_nothing_reaches_the_function():
    seen = []

    def watched(x):
        seen.append(x.detach().clone())
        return -x

    density = asked(watched, parameters=Positive()).density(torch.zeros(8, 1, dtype=F64))
    z = torch.tensor([[-1e4], [0.0], [1e4]], dtype=F64)
    values, score = density.log_prob_and_score(z)
    assert values.tolist() == [-math.inf, -1.0, -math.inf]
    assert score.flatten().tolist() == [0.0, 0.0, 0.0]
    assert all(bool((torch.isfinite(x) & (x > 0)).all()) for x in seen)


def normal(x):
    return -0.5 * x.square().sum(-1)


WRONG = {
    "space too": ((normal,), {"parameters": Positive(2), "space": Sphere(2)}, "got space= and parameters="),
    "dimension": ((normal,), {"parameters": Positive(2), "dimension": 3}, "the parameters have 2 free numbers"),
    "nothing": ((), {}, "expected log_prob, or log_prior and log_likelihood"),
    "no likelihood": ((), {"log_prior": normal}, "got log_prior without log_likelihood"),
    "no prior": ((), {"log_likelihood": normal}, "got log_likelihood without log_prior"),
    "all": ((normal,), {"log_likelihood": normal}, "got log_prob beside log_prior or log_likelihood"),
    "a number": ((3,), {"dimension": 2}, "got the log density = 3; expected a function of points"),
    "no place": ((normal,), {}, "give dimension=, or space=, or parameters="),
    "other names": (
        (),
        {"log_prior": {"a": Normal(0.0, 1.0)}, "log_likelihood": normal, "parameters": {"b": Reals()}},
        "got log_prior for a; expected one for each of the parameters: b",
    ),
    "mixed": ((), {"log_prior": {"a": normal}, "log_likelihood": normal}, r"got log_prior\['a'\] = <function"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_does_not_fit_together_is_told(name):
    given, options, match = WRONG[name]
    with pytest.raises(InputError, match=match):
        asked(*given, **options)


IMPROPER = {
    "flat": (lambda x: 0 * x, Positive()),
    "1/x": (lambda x: -x.log(), Positive()),
    "1/x near a bound": (lambda x: -x.log(), Interval(0, 1)),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", IMPROPER)
def test_an_improper_density_of_bounded_numbers_is_told(name):
    function, parameter = IMPROPER[name]
    with pytest.raises(InputError, match="does not seem to be integrable"):
        unnoise.walk(function, parameters=parameter)


def test_a_start_that_breaks_a_constraint_is_told():
    with pytest.raises(InputError, match=r"got t = -1 in row 1 \(the first is 0\); expected a number above 0"):
        unnoise.walk(lambda at: -at["t"], parameters={"t": Positive()}, start={"t": torch.tensor([1.0, -1.0])})
    assert asked(lambda at: -at, parameters=Positive()).read(torch.ones(3)).tolist() == [[0.0]] * 3
