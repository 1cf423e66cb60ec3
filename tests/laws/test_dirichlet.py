"""Dirichlet laws against torch.distributions."""

from __future__ import annotations

import torch

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
