"""What networks see and say of counts."""

from __future__ import annotations

import pytest
import torch

from unnoise._errors import InputError
from unnoise.heads import CountHead
from unnoise.processes import ImmigrationDeath, PureDeath, edm
from unnoise.spaces import Counts, Euclidean

X = torch.tensor([[0, 3], [1, 2], [5, 0], [12, 7]])


def test_zero_output_is_exact_for_poisson_data():
    """What is gone is m (1 - rho), and of those present a share 1 - rho has come since."""
    process, t = ImmigrationDeath(Counts(2), mean=(2.0, 4.0)), torch.tensor(0.6)
    stat = CountHead(process).estimate(torch.zeros(4, 4), X, t)
    _, gone = process.gone(t, X)
    torch.testing.assert_close(stat[..., 0], (torch.tensor([2.0, 4.0]) * gone).expand(4, 2))
    torch.testing.assert_close(stat[..., 1], X * gone)


def test_zero_output_is_exact_for_geometric_data():
    """Bayes' rule over x_0 up to 2000, of P(x_0) = (1 - a) a^x_0 with a = m / (1 + m)."""
    process, t = PureDeath(Counts(2), mean=4.0), torch.tensor(0.6, dtype=torch.float64)
    found = CountHead(process).estimate(torch.zeros(4, 2, dtype=torch.float64), X, t)
    x_0 = torch.arange(2000)[:, None, None].expand(-1, 4, 2)
    law = process.marginal(x_0, t)
    site = type(law)(law.count, law.kept, law.arrivals, 0)
    weight = torch.softmax(site.log_prob(X) + x_0 * torch.tensor(0.8, dtype=torch.float64).log(), 0)
    torch.testing.assert_close(found, (weight * x_0).sum(0), rtol=1e-6, atol=1e-6)


def test_arrays_get_channels():
    head = CountHead(ImmigrationDeath(Counts((3, 4)), mean=2.0))
    x, t = torch.ones(5, 3, 4, dtype=torch.int64), torch.rand(5, generator=torch.Generator().manual_seed(0))
    assert head.inputs(x, t).shape == (5, 1, 3, 4)
    assert head.estimate(torch.zeros(5, 2, 3, 4), x, t).shape == (5, 3, 4, 2)


def test_networks_see_their_own_precision_whatever_times_are():
    """Samplers of counts ask in double precision."""
    head = CountHead(PureDeath(Counts(2), mean=4.0))
    assert head.inputs(X, torch.tensor(0.6, dtype=torch.float64)).dtype == torch.get_default_dtype()


def test_a_process_of_another_kind_is_refused():
    with pytest.raises(InputError, match="of births and deaths of counts, not of Gaussian: leave the head out"):
        CountHead(edm(Euclidean(2)))
