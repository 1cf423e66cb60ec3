"""Dirichlet laws against torch.distributions."""

from __future__ import annotations

import math

import pytest
import torch

from unnoise._errors import InputError
from unnoise.laws import Dirichlet
from unnoise.testing import check_law

ALPHA = torch.tensor([0.7, 2.0, 1.3], dtype=torch.float64)


def test_log_density_is_the_published_one(rng):
    law = Dirichlet(ALPHA.expand(50, 3))
    x = law.sample(rng)
    torch.testing.assert_close(law.log_prob(x), torch.distributions.Dirichlet(ALPHA).log_prob(x))


def test_it_keeps_the_properties_of_a_law():
    check_law(Dirichlet(ALPHA), Dirichlet(0.8 * ALPHA), draws=4000)


def test_score_is_the_gradient_up_to_a_constant(rng):
    x = Dirichlet(ALPHA.expand(5, 3)).sample(rng).requires_grad_()
    (gradient,) = torch.autograd.grad(Dirichlet(ALPHA).log_prob(x).sum(), x)
    torch.testing.assert_close(Dirichlet(ALPHA).score(x.detach()), gradient)


def test_parts_that_underflow_stay_positive(rng):
    x = Dirichlet(torch.full((1000, 2), 1e-3)).sample(rng)
    assert (x > 0).all()
    assert torch.isfinite(Dirichlet(ALPHA[:2].float()).log_prob(x)).all()


INFINITE, NONE = math.inf, -math.inf
ON_A_FACE = {
    "rises": ((0.5, 1.0, 2.0), (0.0, 0.4, 0.6), INFINITE),
    "falls": ((2.0, 1.0, 3.0), (0.0, 0.4, 0.6), NONE),
    "flat": ((1.0, 2.0, 3.0), (0.0, 0.4, 0.6), math.log(60 * 0.4 * 0.36)),
    "rises-more-than-it-falls": ((0.2, 1.5, 2.0), (0.0, 0.0, 1.0), INFINITE),
    "falls-more-than-it-rises": ((0.5, 2.0, 2.0), (0.0, 0.0, 1.0), NONE),
}


@pytest.mark.parametrize(("alpha", "x", "wanted"), ON_A_FACE.values(), ids=ON_A_FACE)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_on_a_face_it_has_the_limit_from_inside(alpha, x, wanted, dtype):
    law, x = Dirichlet(torch.tensor(alpha, dtype=dtype)), torch.tensor(x, dtype=dtype)
    found = float(law.log_prob(x))
    assert found == pytest.approx(wanted, rel=1e-5)
    inside = float(law.log_prob(x + 1e-25))
    assert math.isfinite(inside)
    assert inside > 10 if wanted == INFINITE else inside < -10 if wanted == NONE else inside == pytest.approx(found)


def test_off_the_simplex_there_is_no_density():
    """Where all alphas are 1 it was that of the simplex."""
    points = torch.tensor([[-0.5, 0.7, 0.8], [0.3, 0.3, 0.5], [0.3, 0.3, 0.4]])
    assert Dirichlet(torch.ones(3)).log_prob(points).exp().tolist() == pytest.approx([0.0, 0.0, 2.0])
    with pytest.raises(InputError, match=r"got points of shape \(4, 1\); expected vectors of 3 numbers"):
        Dirichlet(torch.ones(3)).log_prob(torch.ones(4, 1))


def test_a_face_leaves_gradients_of_other_rows_alone():
    alpha = ALPHA.clone().requires_grad_()
    x = torch.tensor([[0.0, 0.4, 0.6], [0.2, 0.3, 0.5]], dtype=torch.float64, requires_grad=True)
    Dirichlet(alpha).log_prob(x)[1].backward()
    assert torch.isfinite(alpha.grad).all()
    torch.testing.assert_close(x.grad[1], Dirichlet(ALPHA).score(x.detach())[1])
