"""Aitchison's geometry: there and back, its volume, and Gaussian noise on it."""

from __future__ import annotations

import pytest
import torch

from unnoise._config import decode, encode
from unnoise._errors import InputError
from unnoise.processes import variance_preserving
from unnoise.schedules import Cosine
from unnoise.spaces import Aitchison
from unnoise.testing import check_process

SPACE = Aitchison(4)
X = torch.tensor([[0.1, 0.2, 0.3, 0.4], [0.7, 0.1, 0.15, 0.05], [0.25, 0.25, 0.25, 0.25]], dtype=torch.float64)


def test_there_and_back():
    torch.testing.assert_close(SPACE.to_proportions(SPACE.from_proportions(X)), X)
    assert SPACE.event_shape == (3,)
    assert SPACE.dimension == 3


def test_distances_are_those_of_centred_log_ratios():
    centred = X.log() - X.log().mean(-1, keepdim=True)
    z = SPACE.from_proportions(X)
    torch.testing.assert_close(torch.cdist(z, z), torch.cdist(centred, centred), rtol=1e-9, atol=1e-9)


def test_log_volume_is_that_of_the_jacobian():
    def from_free(free):
        return SPACE.from_proportions(torch.cat([free, 1 - free.sum(-1, keepdim=True)], -1)[None])[0]

    for x in X:
        jacobian = torch.autograd.functional.jacobian(from_free, x[:3])
        found = SPACE.log_volume(SPACE.from_proportions(x[None]))[0]
        torch.testing.assert_close(found, torch.linalg.slogdet(jacobian).logabsdet)


def test_gaussian_processes_run_on_it():
    process = variance_preserving(SPACE, Cosine())
    check_process(process, SPACE.from_proportions(X), draws=1000, functions=3, times=(0.4, 0.6))
    assert decode(encode(SPACE)) == SPACE


def test_faces_lie_at_infinity():
    with pytest.raises(InputError, match=r"got a part of zero at batch index \[1\], which has no logarithm"):
        SPACE.from_proportions(torch.tensor([[0.25] * 4, [0.0, 0.5, 0.25, 0.25]]))
    with pytest.raises(InputError, match="were these logits"):
        SPACE.from_proportions(X.log())
