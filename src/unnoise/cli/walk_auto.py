"""`unnoise walk` as it is by default: draws, evidence and a verdict."""

from __future__ import annotations

import contextlib
import math
import signal
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

from unnoise.cli import common, densities, errors, user_code, words

if TYPE_CHECKING:
    from unnoise.walking import Walk

TELLING = 5  # modes whose weights are told
NETCDF = ".nc"  # of draws for ArviZ
PAGES = {".html", ".png"}


def automatic(
    target: str,
    output: Path,
    n: int,
    dimension: int | None,
    seed: int,
    overwrite: bool,
    json: bool,
    *,
    plot: Path | None = None,
    processes: int | None = None,
    resume: bool = False,
) -> None:
    """Walk, write, tell; doubts go to stderr."""
    from unnoise._progress import progress
    from unnoise._tree import numel_per_row
    from unnoise.laws import LogDensity
    from unnoise.walking import Checkpoint, walk
    from unnoise.walking.exported import check_arviz

    if output.suffix.lower() == NETCDF:
        check_arviz()
    found = densities.made(user_code.find(target, "my_posterior:log_prob"), target, dimension)
    log_prob, space = densities.function_of(found, target), densities.space_of(found, target, dimension)
    common.check_memory(n, math.prod(space.event_shape))
    with Checkpoint(checkpoint_of(output), resume=resume, overwrite=overwrite) as checkpoint:
        with progress("walking") as update:
            density = found if isinstance(found, LogDensity) else log_prob
            done = walk(
                density, space=space, n=n, seed=seed, processes=processes, checkpoint=checkpoint, tell=update
            )  # fmt: skip
        rows = _write(done, output, overwrite)
        if plot is not None:
            _draw(done, plot, target, seed)
    for doubt in done.verdict.doubts:
        common.say(f"unnoise: warning: {doubt}")
    for note in done.verdict.notes:
        common.say(f"unnoise: note: {note}")
    facts = {"output": str(output), "rows": rows, "dimension": numel_per_row(done.draws), "seed": seed, "chain": "auto"}
    drawn = "" if plot is None else f"; see {plot}"
    common.result(json, facts | _facts(done), f"wrote {rows:,} points to {output}; {_words(done)}{drawn}")


def checkpoint_of(output: Path) -> Path:
    """Beside the output."""
    return output.with_name(f"{output.name}.checkpoint")


class _Ended(KeyboardInterrupt):
    """A signal that ends a process; like Ctrl-C it is no error of the user's code, which runs meanwhile."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.code = 128 + number


@contextlib.contextmanager
def interruptible(output: Path) -> Iterator[None]:
    """Inside, SIGTERM and SIGHUP end a walk as Ctrl-C does; where it left a checkpoint, it is told how to go on."""
    before = {}
    for name in ("SIGTERM", "SIGHUP"):
        number = getattr(signal, name, None)
        with contextlib.suppress(ValueError):  # outside the main thread
            if number is not None and signal.getsignal(number) is signal.SIG_DFL:
                before[number] = signal.signal(number, _end)
    try:
        yield
    except KeyboardInterrupt as end:
        code = end.code if isinstance(end, _Ended) else 128 + signal.SIGINT
        if checkpoint_of(output).is_file():
            again = words.command_line("--resume", without=("--overwrite",))
            common.fail(f"{errors.ending(code)}; the checkpoint is saved, continue with: {again}", code)
        if isinstance(end, _Ended):
            raise SystemExit(code) from end
        raise
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _end(number: int, frame: FrameType | None) -> None:
    raise _Ended(number)


def _write(done: Walk, output: Path, overwrite: bool) -> int:
    """How many draws were written."""
    from unnoise._atomic import atomic_path
    from unnoise._tree import length
    from unnoise.data.streams import appending

    if output.suffix.lower() == NETCDF:
        data = done.to_arviz()
        with atomic_path(output) as beside:
            data.to_netcdf(str(beside), engine="h5netcdf")
        sizes = data["posterior"].sizes
        return int(sizes["chain"] * sizes["draw"])
    with appending(output, overwrite) as append:
        append(_rows(done.draws))
    return length(done.draws)


def _draw(done: Walk, plot: Path, target: str, seed: int) -> None:
    from unnoise._atomic import atomic_path
    from unnoise.report.walk_page import page_of_walk, picture_of_walk

    if plot.suffix.lower() == ".html":
        page_of_walk(done, target, words.command_line(), seed).write(plot)
        return
    with atomic_path(plot) as beside:
        beside.write_bytes(picture_of_walk(done))


def _facts(done: Walk) -> dict[str, Any]:
    verdict = done.verdict
    weights = None if done.mode_weights is None else done.mode_weights.tolist()
    return {
        "trusted": verdict.trusted,
        "doubts": list(verdict.doubts),
        "notes": list(verdict.notes),
        "log_z": done.log_z,
        "log_z_error": verdict.log_z_error,
        "r_hat": verdict.r_hat,
        "mode_weights": weights,
        "evaluations": done.evaluations,
    }


def _words(done: Walk) -> str:
    told = [str(done.verdict) if done.trusted else "not trusted"]
    told.append(f"log Z {done.log_z:.4g} ± {done.verdict.log_z_error:.2g}")
    if done.mode_weights is not None and len(done.mode_weights) > 1:
        heaviest = sorted(done.mode_weights.tolist(), reverse=True)[:TELLING]
        shown = ", ".join(f"{weight:.3g}" for weight in heaviest)
        told.append(
            f"{len(done.mode_weights)} modes of weights {shown}{' ...' if len(done.mode_weights) > TELLING else ''}"
        )
    return "; ".join(told)


def _rows(draws: Any) -> Any:
    from unnoise import _tree

    return (_tree.ravel(draws) if isinstance(draws, dict) else draws).cpu().numpy()
