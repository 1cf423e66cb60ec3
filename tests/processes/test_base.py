"""What all processes share: capabilities that are asked for, and defaults."""

from __future__ import annotations

import math

import pytest
import torch
from spin_glass import POINTS, ExactRatios

from unnoise._errors import InputError
from unnoise.denoisers import Exact
from unnoise.evaluation import Bound, ProbabilityFlow
from unnoise.objectives import Denoising
from unnoise.processes import (
    CTMC,
    Bridged,
    Brownian,
    DiffusionProcess,
    Gaussian,
    HasKernel,
    ImmigrationDeath,
    PureDeath,
    WrightFisher,
    edm,
    product,
    rates,
    require,
    variance_exploding,
)
from unnoise.spaces import Counts, Euclidean, Finite, Simplex, Sphere

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


@pytest.mark.parametrize("likelihood", [Bound(draws=4), ProbabilityFlow()])
def test_data_are_rows_of_whole_points_in_full_precision(likelihood, rng):
    """Points with a further axis got likelihoods of other points, (n, n); half precision got NaN."""
    x = torch.randn(3, 2, generator=rng)
    denoiser = Exact(edm(Euclidean(2)), x)
    with pytest.raises(InputError, match=r"got data of shape \(3, 1, 2\); expected n points of shape \(2,\)"):
        likelihood(denoiser, x[:, None], rng)
    for kind in (torch.float16, torch.bfloat16):
        with pytest.raises(InputError, match=f"got data in {kind}, too coarse for fine noise: convert it with x.float"):
            likelihood(denoiser, x.to(kind), rng)


TIMED = {
    "gaussian": (GAUSSIAN, torch.zeros(2, 1)),
    "ctmc": (CTMC(Finite(3, 4), rates.Absorbing(4)), torch.zeros(2, 3, dtype=torch.int64)),
    "pure death": (PureDeath(Counts(2)), torch.ones(2, 2, dtype=torch.int64)),
    "immigration": (ImmigrationDeath(Counts(2)), torch.ones(2, 2, dtype=torch.int64)),
    "brownian": (Brownian(Sphere(2)), torch.eye(3)[:2]),
    "wright-fisher": (WrightFisher(Simplex(2)), torch.full((2, 2), 0.5)),
    "product": (product({"a": GAUSSIAN}), {"a": torch.zeros(2, 1)}),
}


@pytest.mark.parametrize("name", TIMED)
@pytest.mark.parametrize("t", [-0.5, 2.5, math.nan, math.inf, [0.5, math.nan], [2.0, 0.5]])
def test_a_kernel_at_no_time_of_the_process_is_refused(name, t):
    """Letters drawn at NaN were letters all the same."""
    process, x_0 = TIMED[name]
    with pytest.raises(InputError, match=r"got t = .*; expected times from 0, data, to 1, noise"):
        process.marginal(x_0, torch.tensor(t))
    with pytest.raises(InputError, match=r"got t = .*; expected a tensor"):
        process.marginal(x_0, 0.5)


@pytest.mark.parametrize("name", ["gaussian", "ctmc", "pure death", "product"])
def test_a_bridge_leads_to_an_earlier_time(name):
    process, x_0 = TIMED[name]
    t, x_t = torch.tensor(0.5), process.marginal(x_0, torch.tensor(0.5)).sample(torch.Generator().manual_seed(0))
    process.bridge(x_0, x_t, t, t).sample(torch.Generator())
    with pytest.raises(InputError, match="got a step to s after its start t"):
        process.bridge(x_0, x_t, t, torch.tensor(0.6))
    with pytest.raises(InputError, match="got s = nan"):
        process.bridge(x_0, x_t, t, torch.tensor(math.nan))


def test_a_transition_leads_to_a_later_time():
    x = torch.zeros(2, 1)
    assert (GAUSSIAN.transition(x, torch.tensor(0.5), torch.tensor(0.5)).scale == 0).all()
    with pytest.raises(InputError, match="got a step to s after its start t"):
        GAUSSIAN.transition(x, torch.tensor(0.6), torch.tensor(0.5))
