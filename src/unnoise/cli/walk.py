"""unnoise walk: points of a density that is known up to a constant."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from unnoise._errors import InputError
from unnoise._places import ROWS, check_writable
from unnoise.cli import common, densities, user_code, words
from unnoise.cli.densities import walked
from unnoise.cli.manual import MORE
from unnoise.cli.walk_auto import NETCDF, PAGES, automatic, checkpoint_of, rows_of
from unnoise.cli.walkers import KERNELS, SEQUENTIAL, Walker

if TYPE_CHECKING:
    from unnoise.laws import LogDensity
    from unnoise.walking.asking import Asked

AUTO = "auto"
STEPS = 1000
UNBIASED = 0.9  # of the steps of unadjusted chains that Metropolis' rule should take
MIXED = 1.05  # R-hat, above which chains have not mixed whatever their starts say


@common.reports_errors
def walk(
    target: Annotated[
        str,
        typer.Argument(
            metavar="TARGET", help="MODULE:OBJECT, or MODULE alone; modules are looked for in this folder too."
        ),
    ],
    output: Annotated[
        Path,
        typer.Option(
            "-o", "--output", metavar="FILE", help="A .csv, .tsv, .parquet or .npy file, .nc for ArviZ, or - to print."
        ),
    ],
    n: Annotated[
        int,
        typer.Option("-n", help="How many points.", min=2, max=common.MOST_ROWS),
    ] = 1000,
    chain: Annotated[
        str,
        typer.Option(
            help=f"auto finds its own way; or, for those who know it, one of {', '.join(KERNELS)}.",
            autocompletion=words.one_of(AUTO, *KERNELS),
        ),
    ] = AUTO,
    steps: Annotated[
        int | None,
        typer.Option(
            rich_help_panel=MORE,
            min=2,
            max=common.MOST_STEPS,
            help="Of every named chain; 1000 by default.",
            show_default=False,
        ),
    ] = None,
    dimension: Annotated[
        int | None,
        typer.Option(
            min=1, max=densities.MOST_NUMBERS, help="Of the points, where OBJECT does not say it.", show_default=False
        ),
    ] = None,
    step_size: Annotated[
        float | None,
        typer.Option(rich_help_panel=MORE, help="Of the chain; by default mala finds a good one.", show_default=False),
    ] = None,
    scale: Annotated[
        float | None,
        typer.Option(
            rich_help_panel=MORE,
            help="Named chains start from N(0, scale^2 I), scale 1 by default: take it as wide as the density.",
            show_default=False,
        ),
    ] = None,
    sigma: Annotated[
        float | None,
        typer.Option(
            rich_help_panel=MORE,
            help="Noise of the first measurements of sequential; by default scale.",
            show_default=False,
        ),
    ] = None,
    start: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Points to start from, in a .csv, .parquet or .npy file as draws are written: climbs start there too, "
            "and named chains start there alone.",
            show_default=False,
        ),
    ] = None,
    plot: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Also a page (.html) or a picture (.png) of modes, populations, pairs and the integral; of named "
            "chains a picture of a few and their autocorrelation.",
            show_default=False,
        ),
    ] = None,
    processes: Annotated[
        int | None,
        typer.Option(min=1, max=1024, help="That evaluate a slow density at once; one by default.", show_default=False),
    ] = None,
    learn: Annotated[
        bool, typer.Option("--learn", help="Train a denoiser on the way, whose proposals are kept if they pay.")
    ] = False,
    resume: Annotated[bool, typer.Option("--resume", help="Go on where a walk to FILE was interrupted.")] = False,
    seed: common.Seed = 0,
    overwrite: common.Overwrite = False,
    json: common.Json = False,
) -> None:
    """Draw from the density TARGET, which need not be normalised, and say whether to believe the draws.

    OBJECT is a function log_prob(x) of points (n, d), or of one, in torch or
    NumPy. MODULE may be a file; alone it means its log_prob, or log_prior and
    log_likelihood. A dict parameters = {"mu": Reals(), "tau": Positive()} beside
    them, of unnoise.walking, says bounds and names; space = Sphere(2) says that
    points are elsewhere. No scale, step size or start is to be given. Told are
    the logarithm of the integral, the weights of modes, and a verdict: trusted,
    or what speaks against it. After Ctrl-C or SIGTERM --resume goes on to the
    same draws.

    Examples:
      unnoise walk my_posterior.py:log_prob --dimension 3 -n 2000 -o points.csv
      unnoise walk my_posterior.py:log_prob --dimension 3 -o p.csv --plot p.html
      unnoise walk unnoise.targets:Phi4 --dimension 64 -o fields.npy --chain mala

    OBJECT may also be an object with such a log_prob and a space or a dimension,
    such as one of unnoise.targets; or a function without arguments that returns
    one of these; or a class that is given the dimension.

    Climbs find modes; four independent populations pass from a wide first guess
    to the target, on any space.

    Named chains walk as they are told to: mala is exact in the long run, but
    rarely passes between modes; langevin, underdamped and geodesic are biased by
    O(step); sequential draws noisy measurements one after the other.
    """
    check_writable(output, overwrite, (*ROWS, NETCDF) if chain == AUTO else ROWS)
    common.check_rows(output, json)
    if plot is not None:
        check_writable(plot, overwrite, PAGES if chain == AUTO else {".png"})
    if chain not in (AUTO, *KERNELS):
        raise InputError(f"got the chain {chain!r}; expected {AUTO} or one of {', '.join(KERNELS)}")
    for option, number in (("--scale", scale), ("--sigma", sigma), ("--step-size", step_size)):
        if number is not None and not 1e-15 <= number <= 1e15:
            raise InputError(f"got {option} {number}; expected a positive number, from 1e-15 to 1e15")
    named = {"--steps": steps, "--step-size": step_size, "--scale": scale, "--sigma": sigma}
    words.refuse(
        *(
            (chain == AUTO and given is not None, f"{option} is for a named chain, as in --chain mala")
            for option, given in named.items()
        ),
        (chain != AUTO and processes is not None, "--processes is for --chain auto"),
        (chain != AUTO and learn, "--learn is for --chain auto"),
        (chain != AUTO and resume, "--resume is for --chain auto"),
        (resume and overwrite, "--overwrite replaces the walk that --resume continues"),
    )
    common.check_there(None, start)
    if chain == AUTO:
        with common.resumable(checkpoint_of(output)), user_code.this_folder(), user_code.running():
            automatic(
                target, output, n, dimension, seed, overwrite, json,
                start=start, plot=plot, processes=processes, learn=learn, resume=resume,
            )  # fmt: skip
        return
    steps = steps or STEPS
    with user_code.this_folder(), user_code.running(), user_code.printing_aside():
        question = densities.question(target, dimension)
        from unnoise._seeding import generator
        from unnoise.spaces import Compact

        density, shape = walked(question, target)
        _check_chain(chain, density)
        words.refuse(
            (sigma is not None and chain != SEQUENTIAL, f"--sigma is for --chain {SEQUENTIAL}"),
            (
                scale is not None and isinstance(density.support, Compact),
                f"--scale is for starts on a flat space, and chains on {density.support} start uniformly",
            ),
        )
        if output.suffix.lower() == ".parquet":  # which is written at the end
            common.check_memory(n, math.prod(shape))
        begin = None if start is None else question.read(densities.starts(start, question))
        walker = Walker(chain, density, shape, generator(seed), steps, step_size, scale or 1.0, sigma, begin)
        _write(walker, question, n, output, overwrite)
    if plot is not None:
        _draw(walker, plot)
    facts = {"output": str(output), "rows": n, "dimension": math.prod(shape), "seed": seed, "steps": steps}
    verdict, measured = _verdict(walker)
    common.wrote(output, json, facts | {"chain": chain} | measured, f"wrote {n:,} points to {output}{verdict}")


def _write(walker: Walker, question: Asked, n: int, output: Path, overwrite: bool) -> None:
    from unnoise._progress import progress
    from unnoise.data.streams import appending

    groups = walker.groups(n)
    with progress("walking") as update, appending(output, overwrite, question.columns) as append:
        for i, size in enumerate(groups):
            x = walker.walk(size, lambda done, note, i=i: update((i + done) / len(groups), note))  # type: ignore[misc]
            append(rows_of(question.shown(x)))


def _draw(walker: Walker, plot: Path) -> None:
    import torch

    from unnoise._atomic import atomic_path
    from unnoise.report import plots

    with atomic_path(plot) as beside:
        beside.write_bytes(plots.png(plots.mixing(torch.stack(walker.kept), every=walker.every)))


def _check_chain(chain: str, density: LogDensity[Any]) -> None:
    from unnoise.spaces import Affine

    flat = density.support is None or isinstance(density.support, Affine)
    if not flat and chain != "geodesic":
        raise InputError(
            f"--chain {chain} moves along straight lines, and the density lives on {density.support}: use auto, or "
            "geodesic"
        )


def _verdict(walker: Walker) -> tuple[str, dict[str, Any]]:
    accepted, size = walker.acceptance, None if walker.kernel is None else walker.kernel.step_size
    told = f"; step size {size:.3g}" + ("" if accepted is None else f", {accepted:.0%} of the moves accepted")
    facts: dict[str, Any] = {"step_size": size, "acceptance": accepted, "adjusted_acceptance": walker.adjusted}
    if walker.adjusted is not None:
        told += f", of which a Metropolis step would have taken {walker.adjusted:.0%}"
        if walker.adjusted < UNBIASED:
            common.say(
                f"unnoise: warning: the chain is biased by O(step): Metropolis' rule would have taken "
                f"{walker.adjusted:.0%} of its steps, below {UNBIASED:.0%}; take a smaller --step-size, or auto, which "
                "is exact"
            )
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
    worst = float(agreed.r_hat.max())
    if worst > MIXED and not found.lasts:
        common.say(
            f"unnoise: warning: the chains have not mixed (R-hat {worst:.3g}, above {MIXED}), so some part of the "
            "density is hard to reach; give more --steps, or take auto"
        )
    facts["mixed"] = not found.lasts and worst <= MIXED
    return f"; {found}; {agreed}", facts | {"r_hat": worst, "ess": float(agreed.bulk.min())}
