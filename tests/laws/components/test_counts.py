"""Poisson components."""

import torch

from unnoise.laws import PoissonComponents


def test_poisson_parts_are_poisson_laws():
    parts = PoissonComponents(torch.tensor([[2.0, 0.5]]))
    law = torch.distributions.Poisson(parts.means[0])
    x = torch.tensor([[0, 3], [4, 1]])
    torch.testing.assert_close(parts.log_prob(x)[:, 0], law.log_prob(x).sum(1))
