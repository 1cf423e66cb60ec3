"""Models of other libraries have the density and the gradient that mathematics gives them."""

from __future__ import annotations

import math
import warnings

import numpy as np
import pytest
import torch

import unnoise
from unnoise._errors import InputError
from unnoise.walking import from_bridgestan, from_pymc
from unnoise.walking.adapters import Foreign

F64 = torch.float64


class Exponential:
    """As `bridgestan.StanModel` has it: sigma ~ exponential(2), by its logarithm u: log p = log 2 - 2 e^u + u."""

    def param_unc_names(self):
        return ["sigma"]

    def param_names(self):
        return ["sigma"]

    def param_constrain(self, u):
        return np.exp(u)

    def log_density(self, u):
        if u[0] > 100:
            raise RuntimeError("overflow in a Stan program")
        return math.log(2) - 2 * np.exp(u[0]) + u[0]

    def log_density_gradient(self, u):
        return self.log_density(u), 1 - 2 * np.exp(u)


def test_a_model_of_stan_has_its_density_and_gradient():
    law = from_bridgestan(Exponential())
    x = torch.tensor([[0.0], [1.0], [200.0]], dtype=F64)
    value, score = law.log_prob_and_score(x)
    assert value.tolist()[:2] == pytest.approx([math.log(2) - 2, math.log(2) - 2 * math.e + 1])
    assert value[2] == -math.inf  # where it raises
    assert score[:2, 0].tolist() == pytest.approx([-1, 1 - 2 * math.e])
    assert torch.equal(law.log_prob(x), value)
    assert torch.equal(law.score(x), score)
    assert law.constrained(x[:2])["sigma"].tolist() == pytest.approx([1, math.e])
    assert law.names == ("sigma",)


@pytest.mark.slow
def test_a_model_of_stan_is_walked_on():
    found = unnoise.walk(from_bridgestan(Exponential()), n=2000)
    assert found.trusted
    assert found.log_z == pytest.approx(0, abs=0.05)
    assert float(found.draws.exp().mean()) == pytest.approx(0.5, abs=0.05)


def test_what_is_no_model_is_refused():
    with pytest.raises(InputError, match="without param_unc_names; expected a bridgestan"):
        from_bridgestan(3)
    with pytest.raises(InputError, match="names"):
        Foreign((), abs, abs, abs)
    with pytest.raises(InputError, match=r"needs PyMC|expected a pymc\.Model"):
        from_pymc(3)


@pytest.fixture
def pymc():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return pytest.importorskip("pymc", reason="PyMC is not installed")


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # of PyMC and what it needs
def test_a_model_of_pymc_has_its_density_and_gradient(pymc):
    """Normal means b with a half-normal scale s, whose logarithm u is the coordinate."""
    with pymc.Model() as model:
        scale = pymc.HalfNormal("s", 1.0)
        pymc.Normal("b", 0.0, scale, shape=2)
    law = from_pymc(model)
    assert law.names == ("s_log__", "b[0]", "b[1]")
    x = torch.tensor([[0.3, 1.0, -2.0]], dtype=F64, requires_grad=True)
    u, b = x[:, 0], x[:, 1:]
    right = math.log(2) - 0.5 * (2 * u).exp() + u - 2 * u - 0.5 * (b.square().sum(1) * (-2 * u).exp())
    right = right - 1.5 * math.log(2 * math.pi)
    (slope,) = torch.autograd.grad(right.sum(), x)
    value, score = law.log_prob_and_score(x.detach())
    torch.testing.assert_close(value, right.detach())
    torch.testing.assert_close(score, slope)
    shown = law.constrained(x.detach())
    assert shown["s"].tolist() == pytest.approx([math.exp(0.3)])
    assert shown["b"].tolist() == [[1.0, -2.0]]
    with pymc.Model() as counted:
        pymc.Poisson("k", 3.0)
    with pytest.raises(InputError, match=r"discrete variables \(k\)"):
        from_pymc(counted)
