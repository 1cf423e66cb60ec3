"""What all processes share: capabilities that are asked for, and defaults."""

from __future__ import annotations

import pytest
import torch
from spin_glass import POINTS, ExactRatios

from unnoise._errors import InputError
from unnoise.evaluation import Bound
from unnoise.objectives import Denoising
from unnoise.processes import CTMC, Bridged, DiffusionProcess, Gaussian, HasKernel, rates, require, variance_exploding
from unnoise.spaces import Euclidean, Finite

PLAIN = DiffusionProcess(Euclidean(1), lambda x, t: -x, torch.ones_like, lambda n: None)
GAUSSIAN = variance_exploding(Euclidean(1))


@pytest.mark.parametrize("kind", [Gaussian, Bridged, HasKernel])
def test_a_process_of_the_kind_comes_back_and_another_is_refused_in_one_sentence(kind):
    assert require(GAUSSIAN, kind, "Heun", "samplers.Euler") is GAUSSIAN
    with pytest.raises(
        InputError, match=rf"Heun needs .*\({kind.__name__}\), not DiffusionProcess: use samplers.Euler"
    ):
        require(PLAIN, kind, "Heun", "samplers.Euler")


ASKERS = {
    "Denoising": (lambda rng: Denoising()(ExactRatios(), POINTS, None, rng), "objectives.Implicit"),
    "Bound": (lambda rng: Bound()(ExactRatios(), POINTS, rng), "evaluation.ImplicitBound"),
}


@pytest.mark.parametrize("name", ASKERS)
def test_a_process_without_a_kernel_is_refused_where_one_is_needed(name, rng):
    ask, instead = ASKERS[name]
    with pytest.raises(InputError, match=rf"{name} needs .* kernel is known .*, not JumpProcess: use {instead}"):
        ask(rng)


class TestDefaults:
    """What holds of every process where nothing better is known."""

    PROCESS = CTMC(Finite(2, 3), rates.Absorbing(3))
    X = torch.tensor([[0, 1], [2, 2], [1, 0]])

    def test_noising_starts_at_the_data_itself(self):
        first, volume = self.PROCESS.encode(self.X)
        assert first is self.X
        assert volume.tolist() == [0, 0, 0]

    @pytest.mark.parametrize("kind", [torch.float32, torch.float64])
    def test_zero_is_a_control_variate(self, kind):
        found = self.PROCESS.control_variate(self.X, self.X, torch.tensor(0.5, dtype=kind))
        assert found.dtype == kind
        assert found.tolist() == [0, 0, 0]
