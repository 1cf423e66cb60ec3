"""Deterministic solvers of k-diffusion, diffusers, azula and smalldiffusion, called as their authors publish them.

Each is a function of a denoiser x, sigma -> E[x_0], starts, noise levels from the highest to the lowest, and it makes
one sample per start. Packages that are missing are left out, and named.
"""

from __future__ import annotations

import importlib
import importlib.util
import math
import sys
import types
import warnings
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import torch
from torch import Tensor

Denoise = Callable[[Tensor, Tensor], Tensor]
Solve = Callable[[Denoise, Tensor, str, int], Tensor]  # denoise, starts, grid, evaluations
GRIDS = ("karras", "log-linear")
LOWEST, HIGHEST, RHO = 0.002, 20.0, 7.0


def levels(grid: str, count: int) -> Tensor:
    """Decreasing noise levels, as all four libraries place them."""
    if grid == "karras":
        return torch.linspace(HIGHEST ** (1 / RHO), LOWEST ** (1 / RHO), count, dtype=torch.float64) ** RHO
    return torch.logspace(math.log10(HIGHEST), math.log10(LOWEST), count, dtype=torch.float64)


def found() -> tuple[dict[str, Solve], list[str]]:
    """All solvers that are installed, by name, and the packages that are missing."""
    solvers: dict[str, Solve] = {}
    missing = []
    for name, load in LIBRARIES.items():
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                solvers |= {f"{name} {solver}": solve for solver, solve in load().items()}
        except ImportError:
            missing.append(name)
    return solvers, missing


def k_diffusion() -> Mapping[str, Solve]:
    """Their module of samplers alone: the package itself imports pkg_resources, which is gone, and image models."""
    _bare("k_diffusion")
    stubs = {} if importlib.util.find_spec("torchvision") else _torchvision()  # no sampler uses it
    sys.modules |= stubs
    sampling = importlib.import_module("k_diffusion.sampling")
    for name in stubs:
        del sys.modules[name]

    def one(sample: Callable[..., Tensor], per_step: int, denoise: Denoise, x: Tensor, grid: str, n: int) -> Tensor:
        steps = n if per_step == 1 else (n + 1) // 2  # the last step, to noise level 0, costs one
        sigmas = torch.cat([levels(grid, steps), torch.zeros(1, dtype=torch.float64)])
        return sample(denoise, x, sigmas, disable=True)

    solvers = {"euler": (sampling.sample_euler, 1), "heun": (sampling.sample_heun, 2)}
    solvers |= {"dpm_2": (sampling.sample_dpm_2, 2), "dpmpp_2m": (sampling.sample_dpmpp_2m, 1)}
    solvers |= {f"lms order {q}": (partial(sampling.sample_lms, order=q), 1) for q in (2, 3, 4)}
    return {name: partial(one, *how) for name, how in solvers.items()}


def _bare(name: str) -> None:
    """Let modules of a package be imported without its __init__, which imports what they do not use."""
    spec = importlib.util.find_spec(name)
    if spec is None or not spec.submodule_search_locations:
        raise ImportError(name)
    package = types.ModuleType(name)
    package.__path__ = list(spec.submodule_search_locations)
    sys.modules[name] = package


def _torchvision() -> dict[str, Any]:
    """Empty modules in the place of what k-diffusion's helpers for image files import."""
    names = ("torchvision", "torchvision.transforms", "torchvision.transforms.functional")
    modules: dict[str, Any] = {name: types.ModuleType(name) for name in names}
    modules[names[1]].functional = modules[names[2]]
    return modules


def diffusers() -> Mapping[str, Solve]:
    """Schedulers for EDM's models, whose network is what is left after preconditioning."""
    library = importlib.import_module("diffusers")

    def one(
        make: Callable[..., Any], options: dict[str, Any], denoise: Denoise, x: Tensor, grid: str, n: int
    ) -> Tensor:
        kind = "karras" if grid == "karras" else "exponential"
        scheduler = make(sigma_min=LOWEST, sigma_max=HIGHEST, sigma_schedule=kind, **options)
        scheduler.set_timesteps(n)
        width = scheduler.config.sigma_data
        for step, sigma in zip(scheduler.timesteps, scheduler.sigmas.double(), strict=False):
            scheduler.scale_model_input(x, step)
            spread = torch.sqrt(sigma**2 + width**2)
            output = (denoise(x, sigma) - width**2 / spread**2 * x) * spread / (sigma * width)
            x = scheduler.step(output, step, x).prev_sample
        return x

    solvers: dict[str, tuple[Any, dict[str, Any]]] = {"EDMEuler": (library.EDMEulerScheduler, {})}
    for order in (2, 3):
        solvers[f"EDMDPMSolverMultistep order {order}"] = (
            library.EDMDPMSolverMultistepScheduler,
            {"solver_order": order},
        )
    return {name: partial(one, *how) for name, how in solvers.items()}


def azula() -> Mapping[str, Solve]:
    """Their samplers run from the highest to the lowest level, equal steps of a schedule's time."""
    sample = importlib.import_module("azula.sample")
    denoisers = importlib.import_module("azula.denoise")

    class Known(denoisers.Denoiser):  # type: ignore[name-defined,misc]
        """A given denoiser, under a schedule that makes equal steps those of a grid."""

        def __init__(self, denoise: Denoise, grid: str) -> None:
            super().__init__()
            self.denoise, self.grid = denoise, grid

        def schedule(self, t: Tensor) -> tuple[Tensor, Tensor]:
            """Alpha and sigma."""
            if self.grid == "karras":
                first, last = HIGHEST ** (1 / RHO), LOWEST ** (1 / RHO)
                return torch.ones_like(t), (last + t * (first - last)) ** RHO
            return torch.ones_like(t), LOWEST * (HIGHEST / LOWEST) ** t

        def forward(self, x_t: Tensor, t: Tensor, **_: Any) -> Any:
            """A point mass at the mean."""
            return denoisers.DiracPosterior(mean=self.denoise(x_t, self.schedule(t)[1]))

    def one(make: Callable[..., Any], per_step: int, denoise: Denoise, x: Tensor, grid: str, n: int) -> Tensor:
        found: Tensor = make(Known(denoise, grid), steps=n // per_step, silent=True, dtype=torch.float64)(x)
        return found

    solvers: dict[str, tuple[Any, int]] = {"Euler": (sample.EulerSampler, 1), "Heun": (sample.HeunSampler, 2)}
    for kind in ("zAB", "vAB", "zEAB", "xEAB"):
        for order in (2, 3, 4):
            solvers[f"{kind} order {order}"] = (partial(getattr(sample, f"{kind}Sampler"), order=order), 1)
    return {name: partial(one, *how) for name, how in solvers.items()}


def smalldiffusion() -> Mapping[str, Solve]:
    """`samples` with one level more than steps."""
    _bare("smalldiffusion")
    diffusion = importlib.import_module("smalldiffusion.diffusion")
    accelerator = types.SimpleNamespace(device=torch.device("cpu"))

    class Model(torch.nn.Module):
        """What `samples` asks of a model."""

        def __init__(self, denoise: Denoise) -> None:
            super().__init__()
            self.denoise = denoise

        def rand_input(self, n: int) -> Tensor:
            """Noise, which these settings multiply by 0."""
            return torch.zeros(n, 1, dtype=torch.float64)

        def predict_eps_cfg(self, x: Tensor, sigma: Tensor, *_: Any) -> Tensor:
            """The noise in x."""
            return (x - self.denoise(x, sigma)) / sigma

    def one(gam: float, denoise: Denoise, x: Tensor, grid: str, n: int) -> Tensor:
        *_, last = diffusion.samples(Model(denoise), levels(grid, n + 1), gam=gam, xt=x, accelerator=accelerator)
        end: Tensor = last
        return end

    return {f"samples gam={gam:g}": partial(one, gam) for gam in (1.0, 2.0)}


LIBRARIES: dict[str, Callable[[], Mapping[str, Solve]]] = {
    "k-diffusion": k_diffusion,
    "diffusers": diffusers,
    "azula": azula,
    "smalldiffusion": smalldiffusion,
}
