"""unnoise walk: points of a density that is known up to a constant."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from unnoise._errors import InputError
from unnoise.cli import common, user_code, words
from unnoise.cli.walkers import KERNELS, SEQUENTIAL, Walker

if TYPE_CHECKING:
    from unnoise.laws import LogDensity

MOST_NUMBERS = 10**7  # of a point, of which chains hold several copies


@common.reports_errors
def walk(
    target: Annotated[
        str, typer.Argument(metavar="TARGET", help="MODULE:OBJECT; modules are looked for in this folder too.")
    ],
    output: Annotated[Path, typer.Option("-o", "--output", metavar="FILE", help="A .csv, .parquet or .npy file.")],
    n: Annotated[
        int,
        typer.Option("-n", help="How many points; each is the end of a chain of its own.", min=2, max=common.MOST_ROWS),
    ] = 1000,
    chain: Annotated[
        str | None, typer.Option(help=f"One of {', '.join(KERNELS)}; by default mala, and geodesic on curved spaces.")
    ] = None,
    steps: Annotated[int, typer.Option(min=2, max=common.MOST_STEPS, help="Of every chain.")] = 1000,
    dimension: Annotated[
        int | None,
        typer.Option(min=1, max=MOST_NUMBERS, help="Of the points, where OBJECT does not say it.", show_default=False),
    ] = None,
    step_size: Annotated[
        float | None, typer.Option(help="Of the chain; by default mala finds a good one.", show_default=False)
    ] = None,
    scale: Annotated[
        float | None,
        typer.Option(
            help="Chains start from N(0, scale^2 I), by default scale 1: take it as wide as the density is.",
            show_default=False,
        ),
    ] = None,
    sigma: Annotated[
        float | None,
        typer.Option(help="Noise of the first measurements of sequential; by default scale.", show_default=False),
    ] = None,
    plot: Annotated[
        Path | None,
        typer.Option(metavar="FILE.png", help="Also draw a few chains and their autocorrelation.", show_default=False),
    ] = None,
    seed: common.Seed = 0,
    overwrite: common.Overwrite = False,
    json: common.Json = False,
) -> None:
    """Walk on the density TARGET, which need not be normalised, and write where the chains end.

    OBJECT is a function log_prob(x) of points (n, d) that returns (n,), made of torch operations; or an object with
    such a log_prob and a space or a dimension, such as a chains.Density or one of unnoise.targets; or a function
    without arguments that returns one of these; or a class that is given the dimension.

    mala is exact in the long run, but rarely passes between modes that are far apart. sequential draws noisy
    measurements one after the other, which finds modes within reach of sigma, and ends by mala. It uses log_prob alone,
    and suits up to about 8 dimensions.

    Chains walk in groups of a million numbers and are written group by group: memory does not grow with -n, but for a
    .parquet file.

    Examples:
      unnoise walk my_posterior:log_prob --dimension 3 -n 2000 -o points.csv

      unnoise walk unnoise.targets:Phi4 --dimension 64 -n 500 -o fields.npy --json
    """
    from unnoise._seeding import generator
    from unnoise.data import files, streams
    from unnoise.spaces import Compact

    files.check_writable(output, overwrite, streams.SUFFIXES)
    if plot is not None:
        files.check_writable(plot, overwrite, {".png"})
    if chain is not None and chain not in KERNELS:
        raise InputError(f"got the chain {chain!r}; expected one of {', '.join(KERNELS)}")
    for option, number in (("--scale", scale), ("--sigma", sigma), ("--step-size", step_size)):
        if number is not None and not 1e-15 <= number <= 1e15:
            raise InputError(f"got {option} {number}; expected a positive number, from 1e-15 to 1e15")
    with user_code.this_folder(), user_code.running():
        density, shape = _density(user_code.find(target, "my_posterior:log_prob"), target, dimension)
        chain = _chain(chain, density)
        words.refuse(
            (sigma is not None and chain != SEQUENTIAL, f"--sigma is for --chain {SEQUENTIAL}"),
            (
                scale is not None and isinstance(density.support, Compact),
                f"--scale is for starts on a flat space, and chains on {density.support} start uniformly",
            ),
        )
        if output.suffix.lower() == ".parquet":  # which is written at the end
            common.check_memory(n, math.prod(shape))
        walker = Walker(chain, density, shape, generator(seed), steps, step_size, scale or 1.0, sigma)
        _write(walker, n, output, overwrite)
    if plot is not None:
        _draw(walker, plot)
    facts = {"output": str(output), "rows": n, "dimension": math.prod(shape), "seed": seed, "steps": steps}
    verdict, measured = _verdict(walker)
    common.result(json, facts | {"chain": chain} | measured, f"wrote {n:,} points to {output}{verdict}")


def _write(walker: Walker, n: int, output: Path, overwrite: bool) -> None:
    from unnoise._progress import progress
    from unnoise.data.streams import appending

    groups = walker.groups(n)
    with progress("walking") as update, appending(output, overwrite) as append:
        for i, size in enumerate(groups):
            x = walker.walk(size, lambda done, note, i=i: update((i + done) / len(groups), note))  # type: ignore[misc]
            append(x.cpu().numpy())


def _draw(walker: Walker, plot: Path) -> None:
    import torch

    from unnoise._atomic import atomic_path
    from unnoise.report import plots

    with atomic_path(plot) as beside:
        beside.write_bytes(plots.png(plots.mixing(torch.stack(walker.kept), every=walker.every)))


def _density(found: Any, target: str, dimension: int | None) -> tuple[LogDensity[Any], tuple[int, ...]]:
    from unnoise.chains import Density
    from unnoise.laws import LogDensity
    from unnoise.spaces import Euclidean, Manifold

    unsized = InputError(f"{target} does not say how many numbers its points have: give --dimension")
    if isinstance(found, type) and dimension is not None and user_code.takes(found, dimension):
        found = found(dimension)
    elif isinstance(found, type) and not user_code.takes(found):
        if dimension is None:
            raise unsized
        raise InputError(f"{target} is a class that cannot be made from a dimension alone: name an object of it")
    elif isinstance(found, type) or (not hasattr(found, "log_prob") and user_code.takes(found)):
        found = found()
    log_prob = getattr(found, "log_prob", found)
    if not callable(log_prob):
        raise InputError(
            f"{target} is a {type(found).__name__}; expected a function log_prob(x), or an object that has one"
        )
    density = found if isinstance(found, LogDensity) else Density(log_prob, getattr(found, "space", None))
    space = density.support
    if space is None:
        size = dimension or getattr(found, "dimension", None)
        if size is None:
            raise unsized
        if isinstance(size, bool) or not isinstance(size, int) or not 1 <= size <= MOST_NUMBERS:
            raise InputError(f"{target} has the dimension {size!r}; expected a whole number from 1 to {MOST_NUMBERS:,}")
        space = Euclidean(size)
        density = replace(density, space=space) if isinstance(density, Density) else density
    if not isinstance(space, Manifold):
        raise InputError(f"{target} lives on {type(space).__name__}, where there is no gradient to follow")
    shape = tuple(space.event_shape)
    if not 1 <= math.prod(shape) <= MOST_NUMBERS:
        raise InputError(f"{target} has points of shape {shape}; expected from 1 to {MOST_NUMBERS:,} numbers")
    if dimension is not None and math.prod(shape) != dimension:
        raise InputError(f"got --dimension {dimension}; {target} has points of shape {shape}")
    return density, shape


def _chain(chain: str | None, density: LogDensity[Any]) -> str:
    from unnoise.spaces import Affine

    flat = density.support is None or isinstance(density.support, Affine)
    if not flat and chain not in (None, "geodesic"):
        raise InputError(
            f"--chain {chain} moves along straight lines, and the density lives on {density.support}: use geodesic"
        )
    return chain or ("mala" if flat else "geodesic")


def _verdict(walker: Walker) -> tuple[str, dict[str, Any]]:
    accepted, size = walker.acceptance, None if walker.kernel is None else walker.kernel.step_size
    told = f"; step size {size:.3g}" + ("" if accepted is None else f", {accepted:.0%} of the moves accepted")
    facts: dict[str, Any] = {"step_size": size, "acceptance": accepted}
    if walker.doubts:
        common.say(
            f"unnoise: warning: sequential was not sure of its denoiser in {len(walker.doubts):,} steps of "
            f"{walker.asked:,}, so modes may have wrong weights; try another --sigma; the first doubt: "
            f"{walker.doubts[0]}"
        )
    mixed, measured = _mixed(walker)
    return told + mixed, facts | measured


def _mixed(walker: Walker) -> tuple[str, dict[str, Any]]:
    """Whether chains forgot their starts and agree; unknown for `sequential`."""
    import torch

    from unnoise.chains import diagnostics

    found = walker.memory
    facts: dict[str, Any] = {"memory": None, "r_hat": None, "ess": None, "mixed": None}
    if found is None:
        return "", facts
    if found.lasts:
        common.say(
            f"unnoise: warning: the chains have not mixed ({found}), so some never left the mode they started in; "
            "give more --steps, or try --chain sequential"
        )
    facts |= {"memory": found.correlation, "mixed": not found.lasts}
    late = walker.kept[len(walker.kept) // 2 :]
    if len(late) < 4:
        return f"; {found}", facts
    agreed = diagnostics.agreement(torch.stack(late))
    return f"; {found}; {agreed}", facts | {"r_hat": float(agreed.r_hat.max()), "ess": float(agreed.bulk.min())}
