"""Distributions of torch and SciPy given as densities: the right values, bounds and spaces."""

from __future__ import annotations

import math
import re
from functools import partial  # noqa: F401  # named by the page
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import scipy.stats as st
import torch
from scipy import stats  # noqa: F401
from sklearn.mixture import GaussianMixture
from torch.distributions import (
    Bernoulli,
    Beta,
    Binomial,
    Categorical,
    Gamma,
    MixtureSameFamily,
    MultivariateNormal,
    Normal,
    Poisson,
    VonMises,
)

from unnoise._errors import InputError
from unnoise.spaces import Counts, Euclidean, Finite, Sphere, Torus, product  # noqa: F401
from unnoise.walking import Positive  # noqa: F401
from unnoise.walking.asking import asked
from unnoise.walking.beginning import first_points
from unnoise.walking.known import place_of, size_of

F64 = torch.float64
TWO = MultivariateNormal(torch.tensor([[-3.0, 0.0], [3.0, 1.0]], dtype=F64), torch.eye(2, dtype=F64))
SHARES = Categorical(torch.tensor([0.3, 0.7], dtype=F64))
DATA = np.random.default_rng(0).normal(size=(2, 30))
REALS = {  # a law, values of it, and the logarithm of its density there
    "scipy, normal": (st.norm(1, 2), [[0.5], [-3.0]], st.norm(1, 2).logpdf([0.5, -3.0])),
    "scipy, several": (st.norm(np.zeros(2), 1), [[0.5, 1.0]], [st.norm.logpdf([0.5, 1.0]).sum()]),
    "scipy, vectors": (st.multivariate_normal([0, 1], np.eye(2)), [[0.5, 2.0]], [st.norm.logpdf([0.5, 1.0]).sum()]),
    "scipy, a kernel estimate": (st.gaussian_kde(DATA), [[0.5, 1.0]], st.gaussian_kde(DATA).logpdf([[0.5], [1.0]])),
    "torch, a mixture": (
        MixtureSameFamily(SHARES, TWO),
        [[3.0, 1.0]],
        [math.log(0.7 / (2 * math.pi)) + math.log1p(0.3 / 0.7 * math.exp(-18.5))],
    ),
}
BOUNDED = {  # and how much of the law lies below the middle of its chart
    "scipy, gamma": (st.gamma(2), math.inf, 0.0),
    "scipy, beta": (st.beta(2, 3), 1.0, 0.0),
    "scipy, bounds of each": (st.uniform([0, 1], [1, 2]), 3.0, 0.0),
    "scipy, angles": (st.vonmises(2.0), math.pi, -math.pi),
    "scipy, below": (st.weibull_max(2.0), 0.0, -math.inf),
    "torch, a mixture": (MixtureSameFamily(SHARES, Gamma(torch.tensor([1.0, 2.0]), 1.0)), math.inf, 0.0),
    "torch, angles": (VonMises(0.0, 2.0), math.pi, -math.pi),
    "torch, a share": (Beta(2.0, 3.0), 1.0, 0.0),
}
WHOLE = {
    "scipy, poisson": (st.poisson(3), Counts(1), st.poisson(3).logpmf([0, 4]), [[0], [4]]),
    "scipy, binomial": (st.binom(5, 0.3), Finite(1, 6), st.binom(5, 0.3).logpmf([0, 4]), [[0], [4]]),
    "scipy, several": (st.nbinom([3, 4], 0.5), Counts(2), [st.nbinom([3, 4], 0.5).logpmf([1, 2]).sum()], [[1, 2]]),
    "torch, poisson": (
        Poisson(torch.tensor([3.0, 1.0])),
        Counts(2),
        [st.poisson([3, 1]).logpmf([1, 2]).sum()],
        [[1, 2]],
    ),
    "torch, bits": (Bernoulli(torch.tensor([0.3, 0.6])), Finite(2, 2), [math.log(0.3 * 0.4)], [[1, 0]]),
    "torch, letters": (Categorical(torch.tensor([0.3, 0.6, 0.1])), Finite(1, 3), [math.log(0.1)], [[2]]),
    "torch, binomial": (Binomial(5, torch.tensor(0.3)), Finite(1, 6), st.binom(5, 0.3).logpmf([4]), [[4]]),
}


@pytest.mark.parametrize("name", REALS)
def test_laws_on_vectors_say_their_dimension_and_have_their_density(name):
    law, x, expected = REALS[name]
    question = asked(law)
    x = torch.tensor(x, dtype=F64)
    assert question.space == Euclidean(x.shape[1])
    first = torch.randn(8, x.shape[1], dtype=F64, generator=torch.Generator().manual_seed(0))
    found = question.density(first).log_prob(x)
    torch.testing.assert_close(found.double(), torch.tensor(np.array(expected)).double(), rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("name", BOUNDED)
def test_bounds_of_laws_need_not_be_declared(name):
    """Its density in the chart has the integral 1."""
    law, high, low = BOUNDED[name]
    question = asked(law)
    size = question.space.event_shape[0]
    z = torch.linspace(-40, 40, 8001, dtype=F64)
    rows = torch.cat([z[:, None], torch.zeros(len(z), size - 1, dtype=F64)], 1)
    values = question.density(rows[::500]).log_prob(rows)
    others = question.density(rows[::500]).log_prob(rows[4000:4001]) if size > 1 else None
    x = question.shown(rows).flatten(1) if size > 1 else question.shown(rows)
    assert float(x.amax()) <= high
    assert float(x.amin()) >= low
    if others is None:
        assert float(torch.trapezoid(values.exp(), z)) == pytest.approx(1, abs=1e-4)
    else:  # uniform and independent: the second number at z = 0 has the density of the logistic law there
        assert float(torch.trapezoid(values.exp(), z)) == pytest.approx(0.25, abs=1e-4)


@pytest.mark.parametrize("name", WHOLE)
def test_laws_of_whole_numbers_say_their_space(name):
    law, space, expected, x = WHOLE[name]
    question = asked(law)
    assert question.space == space
    x = torch.tensor(x)
    first = torch.randint(
        3 if "letters" in name else 2, (8, *space.event_shape), generator=torch.Generator().manual_seed(0)
    )
    found = question.density(first).log_prob(x).double()
    torch.testing.assert_close(found, torch.tensor(np.array(expected)), rtol=1e-6, atol=1e-6)


def test_directions_and_shares_of_scipy():
    assert place_of(st.vonmises_fisher([0, 0, 1.0], 2)) == Sphere(2)
    law = st.dirichlet([1.0, 2.0, 3.0])
    question = asked(law)
    z = torch.zeros(6, 2, dtype=F64) + torch.arange(6)[:, None] / 10
    x = question.shown(z)
    expected = torch.tensor(law.logpdf(x.numpy().T)) + question.chart.log_volume(z)
    torch.testing.assert_close(question.density(z).log_prob(z), expected)


@pytest.mark.parametrize("method", ["log_prob", "logpdf", "logp", "log_density", "score_samples"])
@pytest.mark.parametrize("size", ["dimension", "dim", "ndim", "n_features_in_"])
def test_objects_of_other_libraries_have_other_names_for_the_same(method, size):
    law = SimpleNamespace(**{method: lambda x: -0.5 * np.square(x).sum(-1), size: 2})
    x = torch.randn(5, 2, dtype=F64, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(asked(law).density(x).log_prob(x), -0.5 * x.square().sum(1))
    assert size_of(SimpleNamespace(**{size: True})) is None


def test_what_has_no_place_is_refused():
    with pytest.raises(InputError, match="whole numbers from -2 on; expected none below 0"):
        asked(st.randint(-2, 4))
    with pytest.raises(InputError, match="some of the numbers of the distribution are bounded"):
        asked(st.pareto([1.0, 2.0]).__class__(st.truncnorm, [-1.0, -math.inf], [math.inf, math.inf]))
    with pytest.raises(InputError, match=r"gamma has no parameters; give them, as in gamma\(...\)"):
        asked(st.gamma)
    with pytest.raises(InputError, match="give dimension="):
        asked(st.multinomial(5, [0.3, 0.7]))
    with pytest.raises(InputError, match="got dimension = 3; points of Counts"):
        asked(Poisson(3.0), space=Counts(1), dimension=3)
    with pytest.raises(InputError, match="expected a function of points"):
        asked(st.special_ortho_group(3))
    assert asked(lambda mu, tau: -mu * tau).columns == ["mu", "tau"]
    assert asked(Normal(0.0, 1.0), dimension=1).space == Euclidean(1)


def written():
    """What the page of densities says to write."""
    page = (Path(__file__).parents[2] / "docs" / "your-density.md").read_text(encoding="utf-8")
    return re.findall(r"^\| .* \| `(unnoise\.walk\(.*?\))`.*\|$", page, re.MULTILINE)


def test_what_the_page_of_densities_says_to_write_is_understood():
    """Each line of its table has a density at most first points."""
    found = []

    def walk(*given, **options):
        question = asked(*given, **options)
        first = first_points(question, 64, torch.Generator().manual_seed(0))
        values = question.density(first).log_prob(first)
        found.append(values.isfinite().double().mean())

    data = DATA.T

    def log_prob(x, data):
        return -0.5 * np.square(x[0] - data).sum() - x[1] ** 2

    mixture = GaussianMixture(2, random_state=0).fit(data)
    names = {"log_prob": log_prob, "data": data, "mixture": mixture, "unnoise": SimpleNamespace(walk=walk)}
    for line in (lines := written()):
        eval(line, globals() | names)  # our own page
    assert len(found) == len(lines) == 13
    assert min(found) > 0.5
