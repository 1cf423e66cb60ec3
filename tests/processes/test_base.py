"""What all processes share: asking for a capability."""

from __future__ import annotations

import pytest
import torch

from unnoise._errors import InputError
from unnoise.processes import AffineGaussian, Bridged, DiffusionProcess, HasKernel, VarianceExploding, require
from unnoise.spaces import Euclidean

PLAIN = DiffusionProcess(Euclidean(1), lambda x, t: -x, torch.ones_like, lambda n: None)
GAUSSIAN = VarianceExploding(Euclidean(1))


@pytest.mark.parametrize("kind", [AffineGaussian, Bridged, HasKernel])
def test_a_process_of_the_kind_comes_back_and_another_is_refused_in_one_sentence(kind):
    assert require(GAUSSIAN, kind, "Heun", "samplers.Euler") is GAUSSIAN
    with pytest.raises(
        InputError, match=rf"Heun needs .*\({kind.__name__}\), not DiffusionProcess: use samplers.Euler"
    ):
        require(PLAIN, kind, "Heun", "samplers.Euler")
