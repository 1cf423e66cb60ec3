"""What needs a kernel says so, and what works without one."""

from __future__ import annotations

import pytest
import torch
from spin_glass import POINTS, ExactRatios

from unnoise._errors import InputError
from unnoise.evaluation import Bound
from unnoise.objectives import Denoising

ASKERS = {
    "Denoising": (lambda rng: Denoising()(ExactRatios(), POINTS, None, rng), "objectives.Implicit"),
    "Bound": (lambda rng: Bound()(ExactRatios(), POINTS, rng), "evaluation.ImplicitBound"),
}


@pytest.mark.parametrize("name", ASKERS)
def test_a_process_without_a_kernel_is_refused_where_one_is_needed(name):
    ask, instead = ASKERS[name]
    with pytest.raises(InputError, match=f"{name} needs .* kernel .*JumpProcess.*: use {instead}"):
        ask(torch.Generator())
