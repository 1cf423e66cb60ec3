"""Products of the numbers of a condition."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from unnoise.networks import MLP, Products


class Seen(nn.Module):
    """Gives the condition that it is given."""

    def forward(self, x: Tensor, level: Tensor, cond: Tensor) -> Tensor:
        return cond


def test_every_pair_is_there_once() -> None:
    cond = torch.tensor([[0.5, -3.0, 100.0]])
    found = Products(Seen(), 3)(torch.zeros(1, 1), torch.zeros(1), cond)
    a, b, c = torch.asinh(cond)[0]
    torch.testing.assert_close(found[0], torch.stack([*cond[0], a * a, a * b, a * c, b * b, b * c, c * c]))
    assert found.shape[1] == Products.features(3)


def test_the_condition_stands_beside_the_input_where_asked() -> None:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = MLP((2,), cond_features=3, width=8, depth=1, beside=True)
        nn.init.normal_(network.last.weight)
    assert network.first.in_features == 5
    cond = torch.randn(4, 3, generator=torch.Generator().manual_seed(0))
    nn.init.zeros_(network.embedding.cond.weight)  # what is left is what stands beside
    outputs = network(torch.zeros(4, 2), torch.zeros(4), cond)
    assert len(outputs.unique(dim=0)) == 4
    one = network(torch.zeros(4, 2), torch.zeros(4), cond[:1])
    torch.testing.assert_close(one, outputs[:1].expand(4, -1))
