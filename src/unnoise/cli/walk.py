"""unnoise walk: points of a density that is known up to a constant."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from unnoise._errors import InputError, NonFiniteError
from unnoise.cli import common, named

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from unnoise.chains import Density, Kernel, Sequential

CHAINS = ("mala", "langevin", "underdamped", "geodesic", "sequential")
WATCHED, KEPT = 64, 50  # chains, and positions of each, for R-hat
FORGOTTEN = 0.1  # correlation with the position half way, above which chains have not mixed
DRAWS = 512  # of the plug-in denoiser, per point


@dataclass(frozen=True)
class _Settings:
    chain: str
    steps: int
    step_size: float | None
    scale: float
    sigma: float | None


@dataclass(frozen=True)
class _Walk:
    """What came of it."""

    x: Tensor
    step_size: float
    acceptance: float | None = None
    memory: float | None = None
    kept: Tensor | None = None


@common.told
def walk(
    target: Annotated[
        str, typer.Argument(metavar="TARGET", help="MODULE:OBJECT; modules are looked for in this folder too.")
    ],
    output: Annotated[Path, typer.Option("-o", "--output", metavar="FILE", help="A .csv, .parquet or .npy file.")],
    n: Annotated[int, typer.Option("-n", help="How many points; each is the end of a chain of its own.", min=2)] = 1000,
    chain: Annotated[
        str | None,
        typer.Option(help=f"One of {', '.join(CHAINS)}; by default mala, and geodesic on curved spaces."),
    ] = None,
    steps: Annotated[int, typer.Option(min=2, help="Of every chain.")] = 1000,
    dimension: Annotated[
        int | None, typer.Option(min=1, help="Of the points, where OBJECT does not say it.", show_default=False)
    ] = None,
    step_size: Annotated[
        float | None, typer.Option(help="Of the chain; by default mala finds a good one.", show_default=False)
    ] = None,
    scale: Annotated[
        float, typer.Option(help="Chains start from N(0, scale^2 I): take it as wide as the density is.")
    ] = 1.0,
    sigma: Annotated[
        float | None,
        typer.Option(help="Noise of the first measurements of sequential; by default scale.", show_default=False),
    ] = None,
    seed: common.Seed = 0,
    overwrite: common.Overwrite = False,
    json: common.Json = False,
) -> None:
    """Walk on the density TARGET, which need not be normalised, and write where the chains end.

    OBJECT is a function log_prob(x) of points (n, d) that returns (n,), made of torch operations; or has such a
    log_prob and a space or a dimension, as chains.Density and what is in unnoise.targets has; or is a function without
    arguments that returns one of these, or a class that is given the dimension.

    mala is exact in the long run, but rarely passes between modes that are far apart. sequential draws noisy
    measurements one after the other, which finds modes within reach of sigma, and ends by mala; log_prob alone tells it
    what to do, so it suits few dimensions, about 8.

    Examples:
      unnoise walk my_posterior:log_prob --dimension 3 -n 2000 -o points.csv

      unnoise walk unnoise.targets:Phi4 -n 500 -o fields.npy --json
    """
    from unnoise._random import generator
    from unnoise.data import files

    files.check_writable(output, overwrite, {".csv", ".parquet", ".npy"})
    if chain is not None and chain not in CHAINS:
        raise InputError(f"got the chain {chain!r}; expected one of {', '.join(CHAINS)}")
    for option, number in (("--scale", scale), ("--sigma", sigma), ("--step-size", step_size)):
        if number is not None and not 0 < number < math.inf:
            raise InputError(f"got {option} {number}; expected a positive number")
    with named.this_folder():
        try:
            density, shape = _density(named.named(target, "my_posterior:log_prob"), target, dimension)
            settings = _Settings(_chain(chain, density), steps, step_size, scale, sigma)
            found = _walked(density, shape, n, settings, generator(seed))
        except (InputError, NonFiniteError):
            raise
        except Exception as error:  # of any kind: the density is the user's
            common.fail(named.raised(error), 1)
    x = found.x if output.suffix == ".npy" else found.x.flatten(1)
    files.write(x.cpu().numpy(), output, overwrite=overwrite)
    facts = {"output": str(output), "rows": n, "dimension": math.prod(shape), "seed": seed, "steps": steps}
    verdict, measured = _verdict(found)
    facts |= {"chain": settings.chain, "step_size": found.step_size, "acceptance": found.acceptance} | measured
    common.result(json, facts, f"wrote {n:,} points to {output}{_said(found)}{verdict}")


def _density(found: Any, target: str, dimension: int | None) -> tuple[Density, tuple[int, ...]]:
    """The density, and the shape of its points."""
    from unnoise.chains import Density
    from unnoise.spaces import Manifold

    unsized = InputError(f"{target} does not say how many numbers its points have: give --dimension")
    if isinstance(found, type) and (dimension is not None or not named.needs_nothing(found)):
        if dimension is None:
            raise unsized
        found = found(dimension)
    elif isinstance(found, type) or (not hasattr(found, "log_prob") and named.needs_nothing(found)):
        found = found()
    if not hasattr(found, "log_prob"):
        if not callable(found):
            raise InputError(
                f"{target} is a {type(found).__name__}; expected a function log_prob(x), or an object that has one"
            )
        if dimension is None:
            raise unsized
        return Density(found), (dimension,)
    space = getattr(found, "space", None)
    if space is not None and not isinstance(space, Manifold):
        raise InputError(
            f"{target} lives on {type(space).__name__}, where there is no gradient to follow; expected real coordinates"
        )
    size: Any = dimension or getattr(found, "dimension", None)
    if space is None and size is None:
        raise unsized
    shape: tuple[int, ...] = (size,) if space is None else tuple(space.event_shape)
    if dimension is not None and math.prod(shape) != dimension:
        raise InputError(f"got --dimension {dimension}; {target} has points of shape {shape}")
    score = getattr(found, "score", None)
    return (found if isinstance(found, Density) else Density(found.log_prob, space, score)), shape


def _chain(chain: str | None, density: Density) -> str:
    from unnoise.spaces import Euclidean

    flat = density.space is None or isinstance(density.space, Euclidean)
    if chain is None:
        return "mala" if flat else "geodesic"
    if not flat and chain != "geodesic":
        raise InputError(
            f"--chain {chain} moves along straight lines, and the density lives on {density.space}: use geodesic"
        )
    return chain


def _walked(density: Density, shape: tuple[int, ...], n: int, settings: _Settings, rng: torch.Generator) -> _Walk:
    from unnoise import chains

    x, size = _start(density, shape, n, settings, rng), settings.step_size
    if settings.chain == "sequential":
        x = _measured(density, x, settings, rng)
    if settings.chain in ("mala", "sequential"):
        kernel = chains.MALA(density, size or 0.5 * settings.scale**2 * math.prod(shape) ** (-1 / 3))
        if size is None:
            tuned = chains.tune(kernel, x, rng, steps=min(200, settings.steps))
            kernel, x = tuned.kernel, tuned.state.x
        found = _ran(kernel, x, settings.steps, rng)
        return replace(found, memory=None, kept=None) if settings.chain == "sequential" else found
    if size is None:
        raise InputError(f"--chain {settings.chain} does not find its own step: give --step-size")
    if settings.chain == "geodesic":
        target = density if density.space is not None else _placed(density, shape)
        return replace(_ran(chains.Geodesic(target, size), x, settings.steps, rng), acceptance=None)
    kind: Callable[..., Kernel[Any]] = {"langevin": chains.Langevin, "underdamped": chains.Sachs}[settings.chain]
    return replace(_ran(kind(density, size), x, settings.steps, rng), acceptance=None)


def _placed(density: Density, shape: tuple[int, ...]) -> Density:
    """The same density, on a Euclidean space of this shape."""
    from unnoise.chains import Density
    from unnoise.spaces import Euclidean

    return Density(density.log_prob, Euclidean(shape), density.gradient)


def _start(density: Density, shape: tuple[int, ...], n: int, settings: _Settings, rng: torch.Generator) -> Tensor:
    """Normal points, or uniform ones on compact spaces."""
    import torch

    from unnoise.spaces import Compact

    if isinstance(density.space, Compact):
        return density.space.uniform(n).sample(rng).to(torch.get_default_dtype())
    x = settings.scale * torch.randn(n, *shape, generator=rng)
    return x if density.space is None else density.space.project(x)


def _measured(density: Density, x: Tensor, settings: _Settings, rng: torch.Generator) -> Tensor:
    """Jumps after measurements that get finer and finer; all doubts of the denoiser are told as one warning."""
    import warnings

    from unnoise import chains
    from unnoise._progress import progress

    sigma = settings.sigma or settings.scale
    sampler = chains.Sequential(
        chains.PlugIn(density, DRAWS, rng), chains.growing(sigma, 8, last=0.1 * sigma), first=100
    )
    with progress("measuring") as update, warnings.catch_warnings(record=True) as doubts:
        warnings.simplefilter("always", chains.UnreliableEstimate)
        jumps = sampler.sample(
            0 * x, rng, on_step=lambda k, mean: update((k + 1) / len(sampler.sigmas), f"noise {mean.level:.2g}")
        )
    if doubts:
        common.say(
            f"unnoise: warning: sequential was not sure of its denoiser in {len(doubts):,} steps of "
            f"{_scores(sampler):,}, so modes may have wrong weights; try another --sigma; the first doubt: "
            f"{doubts[0].message}"
        )
    return jumps


def _scores(sampler: Sequential) -> int:
    """How often the denoiser is asked."""
    return len(sampler.sigmas) * (sampler.steps + 1) + sampler.first - sampler.steps


def _ran(kernel: Kernel[Any], x: Tensor, steps: int, rng: torch.Generator) -> _Walk:
    """The chains, and what a few of them looked like in the second half."""
    import torch

    from unnoise import chains
    from unnoise._progress import progress

    half, every = steps // 2, max(1, (steps - steps // 2) // KEPT)
    middle, kept = x, []
    with progress("walking") as update:

        def look(index: int, state: Any) -> None:
            nonlocal middle
            if index + 1 == half:
                middle = state.x.clone()
            if index + 1 > half and (index + 1 - half) % every == 0:
                kept.append(state.x[:WATCHED].clone())
            update((index + 1) / steps, f"step {index + 1:,} of {steps:,}")

        trace = chains.run(kernel, x, steps, rng, on_step=look)
    return _Walk(trace.x, kernel.step_size, trace.acceptance, _memory(middle, trace.x), torch.stack(kept))


def _memory(middle: Tensor, end: Tensor) -> float:
    """The largest correlation over chains of where they were half way and where they end, over coordinates."""
    a, b = (x.flatten(1).double() - x.flatten(1).double().mean(0) for x in (middle, end))
    spread = (a.square().sum(0) * b.square().sum(0)).sqrt()
    return float(((a * b).sum(0) / spread.clamp(min=1e-300)).abs().max())


def _verdict(found: _Walk) -> tuple[str, dict[str, Any]]:
    """Whether the chains have mixed, in words for people, loud where not, and in numbers."""
    from unnoise.chains import diagnostics

    if found.memory is None or found.kept is None:
        return "", {"memory": None, "r_hat": None, "ess": None}
    mixed = found.memory < FORGOTTEN + 4 / math.sqrt(len(found.x))
    if not mixed:
        common.say(
            f"unnoise: warning: the chains have not mixed: where they end still correlates by {found.memory:.2f} with "
            "where they were half way, so some never left the mode they started in; give more --steps, or try --chain "
            "sequential"
        )
    facts: dict[str, Any] = {"memory": found.memory, "r_hat": None, "ess": None}
    words = f"; correlation with half way {found.memory:.2f}"
    if len(found.kept) >= 4:
        agreed = diagnostics.agreement(found.kept)
        facts |= {"r_hat": float(agreed.r_hat.max()), "ess": float(agreed.bulk.min())}
        words += f", {agreed}"
    return words, facts | {"mixed": mixed}


def _said(found: _Walk) -> str:
    accepted = "" if found.acceptance is None else f", {found.acceptance:.0%} of the moves accepted"
    return f"; step size {found.step_size:.3g}{accepted}"
