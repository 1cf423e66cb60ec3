"""What all families of components share."""

import torch

from unnoise.laws import NormalComponents


def test_one_law_becomes_many():
    one = NormalComponents(torch.zeros(1, 2), torch.ones(1, 2))
    many = one.repeated(3)
    assert (len(many), many.cells) == (3, (2,))
    assert {name: tuple(part.shape) for name, part in many.tensors().items()} == {"means": (3, 2), "variances": (3, 2)}
    x = torch.ones(4, 2)
    torch.testing.assert_close(many.log_prob(x), one.log_prob(x).expand(-1, 3))
