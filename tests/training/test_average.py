from __future__ import annotations

import torch
from torch import nn

from unnoise.training import Average


def test_it_follows_the_formula() -> None:
    network = nn.Linear(2, 2, dtype=torch.float64)
    expected = network.weight.detach().clone()
    average = Average(network, decay=0.5)
    for number in range(20):
        nn.init.normal_(network.weight, generator=torch.Generator().manual_seed(number))
        average.update(number)
        decay = min(0.5, (1 + number) / (10 + number))
        expected = decay * expected + (1 - decay) * network.weight.detach()
    torch.testing.assert_close(average.network.weight.data, expected, rtol=1e-12, atol=0.0)


def test_buffers_are_copied_and_the_copy_does_not_learn() -> None:
    network = nn.BatchNorm1d(2)
    average = Average(network, decay=0.9)
    network(torch.randn(8, 2, generator=torch.Generator().manual_seed(0)))
    average.update(0)
    assert torch.equal(average.network.running_mean, network.running_mean)
    assert average.network.num_batches_tracked == 1
    assert not average.network.training
    assert network.training
    assert not any(weight.requires_grad for weight in average.network.parameters())
