"""The samplers equal those of the published libraries, on the same noise and with the same exact denoiser.

Both libraries are optional: `pip install diffusers`, and `pip install --no-deps k-diffusion torchsde
trampoline torchdiffeq`.
"""

from __future__ import annotations

import importlib.util
import math
import sys
import types
import warnings
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch

from unnoise.denoisers import ExactMixture
from unnoise.processes import edm, variance_exploding, variance_preserving
from unnoise.samplers import DDIM, Ancestral, Heun, dpm_solver_pp, linear_multistep
from unnoise.samplers.grids import Grid, Karras, UniformGrid, UniformLogSNR
from unnoise.schedules import Cosine, Linear, LinearLogSNR
from unnoise.spaces import Euclidean

FLOAT64 = torch.float64
CLOSE = {"rtol": 0, "atol": 1e-5}


def seeded(seed):
    return torch.Generator().manual_seed(seed)


@pytest.fixture(scope="module")
def diffusers():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what the libraries that it imports say is not ours to mend
        return pytest.importorskip("diffusers", reason="compares with diffusers: pip install diffusers")


@dataclass(frozen=True)
class Levels(Grid):
    """The times at which a process has given values of alpha-bar."""

    alpha_bar: torch.Tensor

    def __call__(self, process, count):
        return process.time_at(torch.logit(self.alpha_bar))


def run_scheduler(scheduler, denoiser, times, x, **options):
    """The sampling loop of diffusers' own documentation, in float64."""
    for step, t in zip(scheduler.timesteps, times, strict=True):
        x = scheduler.step(denoiser(x, t), step, x, **options).prev_sample
    return x


SCHEDULES = {"linear": Linear(), "cosine": Cosine(), "log-snr": LinearLogSNR()}
PAIRS = {
    "ddpm": ("DDPMScheduler", {"variance_type": "fixed_small"}, {}, lambda d, n, grid: Ancestral(d, n, grid)),
    "ddim": ("DDIMScheduler", {}, {"eta": 0.0}, lambda d, n, grid: DDIM(d, n, 0.0, grid)),
    "ddim-half": ("DDIMScheduler", {}, {"eta": 0.5}, lambda d, n, grid: DDIM(d, n, 0.5, grid)),
    "ddim-one": ("DDIMScheduler", {}, {"eta": 1.0}, lambda d, n, grid: DDIM(d, n, 1.0, grid)),
}


@pytest.mark.parametrize(("name", "setting", "options", "ours"), PAIRS.values(), ids=PAIRS)
class TestDiffusers:
    @pytest.mark.parametrize("schedule", SCHEDULES.values(), ids=SCHEDULES)
    def test_on_its_own_noise_levels(self, diffusers, ring, name, setting, options, ours, schedule):
        """Its defaults: 1000 levels, of which 20 are used. Every schedule of ours has a time for each of them."""
        count = 20
        theirs = getattr(diffusers, name)(clip_sample=False, prediction_type="sample", **setting)
        theirs.set_timesteps(count)
        grid = Levels(theirs.alphas_cumprod[theirs.timesteps].double())
        denoiser = ExactMixture(variance_preserving(Euclidean(2), schedule), ring)
        start = torch.randn(200, 2, generator=seeded(1), dtype=FLOAT64)
        times = grid(denoiser.process, count)
        expected = run_scheduler(theirs, denoiser, times, start, generator=seeded(2), **options)
        torch.testing.assert_close(ours(denoiser, count, grid).run(start, seeded(2)), expected, **CLOSE)

    def test_on_our_noise_levels(self, diffusers, ring, name, setting, options, ours):
        """Every level, given as betas. Without the rounding of its table to float32, all digits are the same."""
        process, count = variance_preserving(Euclidean(2), Linear(tau_min=0.02)), 40
        alpha_bar = torch.exp(-process.schedule.value(torch.linspace(0, 1, count, dtype=FLOAT64)))
        betas = 1 - alpha_bar / torch.cat([torch.ones(1, dtype=FLOAT64), alpha_bar[:-1]])
        theirs = getattr(diffusers, name)(
            num_train_timesteps=count,
            trained_betas=betas.tolist(),
            clip_sample=False,
            prediction_type="sample",
            **setting,
        )
        theirs.set_timesteps(count)
        torch.testing.assert_close(theirs.alphas_cumprod, alpha_bar.float(), rtol=1e-5, atol=0)
        theirs.alphas_cumprod = alpha_bar
        denoiser, times = ExactMixture(process, ring), UniformGrid()(process, count)
        start = torch.randn(200, 2, generator=seeded(1), dtype=FLOAT64)
        expected = run_scheduler(theirs, denoiser, times, start, generator=seeded(2), **options)
        found = ours(denoiser, count, UniformGrid()).run(start, seeded(2))
        torch.testing.assert_close(found, expected, rtol=0, atol=1e-10)


@pytest.mark.parametrize(("kind", "grid"), [("karras", Karras()), ("exponential", UniformLogSNR())])
def test_dpm_solver_pp_is_that_of_diffusers(diffusers, ring, kind, grid):
    """Its scheduler for EDM's models, which asks for what is left after preconditioning; its levels are float32."""
    low, high, count = 0.002, 20.0, 20
    process = variance_exploding(Euclidean(2), low, high)
    theirs = diffusers.EDMDPMSolverMultistepScheduler(low, high, sigma_schedule=kind)
    theirs.set_timesteps(count)
    denoiser, width = ExactMixture(process, ring), theirs.config.sigma_data
    x = start = 20 * torch.randn(200, 2, generator=seeded(1), dtype=FLOAT64)
    for step, sigma in zip(theirs.timesteps, theirs.sigmas.double(), strict=False):
        theirs.scale_model_input(x, step)
        spread = torch.hypot(sigma, torch.tensor(width, dtype=FLOAT64))
        data = denoiser(x, process.time_at(-2 * sigma.log()))
        x = theirs.step((data - (width / spread) ** 2 * x) * spread / (sigma * width), step, x).prev_sample
    torch.testing.assert_close(dpm_solver_pp(denoiser, count, grid=grid).run(start, seeded(2)), x, **CLOSE)


@pytest.fixture(scope="module")
def k_diffusion():
    """Their file sampling.py alone: the package itself imports pkg_resources, which is gone, and image models."""
    spec = importlib.util.find_spec("k_diffusion")
    reason = "compares with k-diffusion: pip install --no-deps k-diffusion torchsde trampoline torchdiffeq"
    if spec is None:
        pytest.skip(reason)
    folder = Path(spec.submodule_search_locations[0])
    with warnings.catch_warnings(), pytest.MonkeyPatch.context() as patch:
        warnings.simplefilter("ignore")
        for needed in ("torchsde", "torchdiffeq", "tqdm"):
            pytest.importorskip(needed, reason=reason)
        package = types.ModuleType("k_diffusion")
        package.__path__ = [str(folder)]
        patch.setitem(sys.modules, "k_diffusion", package)
        if importlib.util.find_spec("torchvision") is None:  # their helpers for image files import it; no sampler does
            for name in ("torchvision", "torchvision.transforms", "torchvision.transforms.functional"):
                patch.setitem(sys.modules, name, types.ModuleType(name))
            sys.modules["torchvision.transforms"].functional = sys.modules["torchvision.transforms.functional"]
        for name in ("k_diffusion.utils", "k_diffusion.sampling"):
            patch.setitem(sys.modules, name, types.ModuleType(name))  # remembered, so that it is taken out again
            sys.modules.pop(name)
            importlib.import_module(name)
        return sys.modules["k_diffusion.sampling"]


PROCESSES = {"edm": edm(Euclidean(2)), "ve": variance_exploding(Euclidean(2))}
GRIDS = {"karras": Karras(), "log-snr": UniformLogSNR()}


def their_run(sample, denoiser, levels, x, **options):
    """Their model takes a noise level per row; their noise comes from the global generator."""

    def model(x, sigma):
        return denoiser(x, denoiser.process.time_at(-2 * sigma.log()))

    with torch.random.fork_rng():
        torch.manual_seed(2)
        return sample(model, x, torch.cat([levels, levels.new_zeros(1)]), disable=True, **options)


@pytest.fixture(params=PROCESSES.values(), ids=PROCESSES)
def denoiser(request, ring):
    return ExactMixture(request.param, ring)


class TestKDiffusion:
    @pytest.mark.parametrize("grid", GRIDS.values(), ids=GRIDS)
    def test_heun(self, k_diffusion, denoiser, grid):
        sampler = Heun(denoiser, 20, grid=grid)
        start, levels = sampler.start(200, seeded(1)), denoiser.process.alpha_sigma(grid(denoiser.process, 20))[1]
        expected = their_run(k_diffusion.sample_heun, denoiser, levels, start)
        torch.testing.assert_close(sampler.run(start, seeded(2)), expected, **CLOSE)

    def test_heun_with_churn(self, k_diffusion, denoiser):
        sampler = Heun(denoiser, 20, churn=40.0, churn_range=(0.05, math.inf), churn_noise=1.003)
        start, levels = sampler.start(200, seeded(1)), denoiser.process.alpha_sigma(Karras()(denoiser.process, 20))[1]
        options = {"s_churn": 40.0, "s_tmin": 0.05, "s_noise": 1.003}
        expected = their_run(k_diffusion.sample_heun, denoiser, levels, start, **options)
        torch.testing.assert_close(sampler.run(start, seeded(2)), expected, **CLOSE)

    @pytest.mark.parametrize("grid", GRIDS.values(), ids=GRIDS)
    def test_euler_is_ddim(self, k_diffusion, denoiser, grid):
        sampler = DDIM(denoiser, 20, grid=grid)
        start, levels = sampler.start(200, seeded(1)), denoiser.process.alpha_sigma(grid(denoiser.process, 20))[1]
        expected = their_run(k_diffusion.sample_euler, denoiser, levels, start)
        torch.testing.assert_close(sampler.run(start, seeded(2)), expected, **CLOSE)

    def test_ancestral(self, k_diffusion, denoiser):
        sampler = Ancestral(denoiser, 20, Karras())
        start, levels = sampler.start(200, seeded(1)), denoiser.process.alpha_sigma(Karras()(denoiser.process, 20))[1]
        expected = their_run(k_diffusion.sample_euler_ancestral, denoiser, levels, start)
        torch.testing.assert_close(sampler.run(start, seeded(2)), expected, **CLOSE)

    @pytest.mark.parametrize("grid", GRIDS.values(), ids=GRIDS)
    def test_dpm_solver_pp(self, k_diffusion, denoiser, grid):
        sampler = dpm_solver_pp(denoiser, 20, grid=grid)
        start, levels = sampler.start(200, seeded(1)), denoiser.process.alpha_sigma(grid(denoiser.process, 20))[1]
        expected = their_run(k_diffusion.sample_dpmpp_2m, denoiser, levels, start)
        torch.testing.assert_close(sampler.run(start, seeded(2)), expected, **CLOSE)

    def test_its_sde(self, k_diffusion, denoiser):
        """With plain noise in the place of their Brownian tree."""
        sampler = dpm_solver_pp(denoiser, 20, churn=1.0, grid=Karras())
        start, levels = sampler.start(200, seeded(1)), denoiser.process.alpha_sigma(Karras()(denoiser.process, 20))[1]
        noise = lambda *_: torch.randn_like(start)  # noqa: E731
        expected = their_run(k_diffusion.sample_dpmpp_2m_sde, denoiser, levels, start, noise_sampler=noise)
        torch.testing.assert_close(sampler.run(start, seeded(2)), expected, **CLOSE)

    @pytest.mark.parametrize("order", [1, 2, 3, 4])
    def test_linear_multistep(self, k_diffusion, denoiser, order):
        """Up to the last denoising, in the place of which theirs extrapolates to noise level 0."""
        sampler = linear_multistep(denoiser, 20, order, grid=Karras())
        start, levels = sampler.start(200, seeded(1)), denoiser.process.alpha_sigma(Karras()(denoiser.process, 20))[1]
        seen = []
        theirs = {"order": order, "callback": lambda info: seen.append(info["denoised"])}
        their_run(k_diffusion.sample_lms, denoiser, levels, start, **theirs)
        torch.testing.assert_close(sampler.run(start, seeded(2)), seen[-1], **CLOSE)

    def test_grids(self, k_diffusion):
        """Theirs are in float32 and end with an additional 0."""
        process = PROCESSES["edm"]
        for grid, theirs in ((Karras(), "get_sigmas_karras"), (UniformLogSNR(), "get_sigmas_exponential")):
            levels = process.alpha_sigma(grid(process, 20))[1]
            expected = getattr(k_diffusion, theirs)(20, 0.002, 80.0)[:-1]
            torch.testing.assert_close(levels.float(), expected, rtol=1e-4, atol=0)
