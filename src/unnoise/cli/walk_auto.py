"""`unnoise walk` as it is by default: draws, evidence and a verdict."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

from unnoise.cli import common, densities, user_code, words

if TYPE_CHECKING:
    from unnoise.walking import Walk
    from unnoise.walking.record import LearntProposals

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
    start: Path | None = None,
    plot: Path | None = None,
    processes: int | None = None,
    learn: bool = False,
    resume: bool = False,
) -> None:
    """Walk, write, tell; doubts go to stderr."""
    with user_code.printing_aside():
        question = densities.question(target, dimension)
    from unnoise._progress import progress
    from unnoise._tree import numel_per_row
    from unnoise.walking import Checkpoint, walk
    from unnoise.walking.exported import check_arviz

    if output.suffix.lower() == NETCDF:
        check_arviz()
    begin = None if start is None else densities.starts(start, question)
    common.check_memory(n, math.prod(question.space.event_shape))
    with Checkpoint(checkpoint_of(output), resume=resume, overwrite=overwrite) as checkpoint:
        with progress("walking") as update, user_code.printing_aside():
            done = walk(
                question, n=n, seed=seed, start=begin, processes=processes, learn=learn, checkpoint=checkpoint,
                tell=update,
            )  # fmt: skip
        rows = _write(done, output, overwrite, question.columns)
        if plot is not None:
            _draw(done, plot, target, seed)
    for doubt in done.verdict.doubts:
        common.say(f"unnoise: warning: {doubt}")
    for note in done.verdict.notes:
        common.say(f"unnoise: note: {note}")
    facts = {"output": str(output), "rows": rows, "dimension": numel_per_row(done.draws), "seed": seed, "chain": "auto"}
    drawn = "" if plot is None else f"; see {plot}"
    common.wrote(output, json, facts | _facts(done), f"wrote {rows:,} points to {output}; {_words(done)}{drawn}")


def checkpoint_of(output: Path) -> Path:
    """Beside the output."""
    return output.with_name(f"{output.name}.checkpoint")


def _write(done: Walk, output: Path, overwrite: bool, columns: list[str] | None) -> int:
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
    with appending(output, overwrite, columns) as append:
        append(rows_of(done.draws))
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
    weights, errors = (None if v is None else v.tolist() for v in (done.mode_weights, done.mode_weight_errors))
    bridge = done.record.log_z_bridge or (None, None)
    return {
        "trusted": verdict.trusted,
        "doubts": list(verdict.doubts),
        "notes": list(verdict.notes),
        "log_z": done.log_z,
        "log_z_error": verdict.log_z_error,
        "log_z_populations": done.record.log_z.tolist(),
        "log_z_bridge": bridge[0],
        "log_z_bridge_error": bridge[1],
        "r_hat": verdict.r_hat,
        "mode_weights": weights,
        "mode_weight_errors": errors,
        "evaluations": done.evaluations,
        "learnt": _learnt(done.record.learnt),
    }


def _learnt(found: LearntProposals | None) -> dict[str, Any] | None:
    if found is None:
        return None
    bridge = found.log_z_bridge or (None, None)
    return {
        "kept": found.kept,
        "effective_per_evaluation": found.effective,
        "effective_per_evaluation_without": found.without,
        "acceptance": found.acceptance,
        "log_z_importance": found.log_z_importance[0],
        "log_z_importance_error": found.log_z_importance[1],
        "effective_share": found.share,
        "log_z_bridge": bridge[0],
        "log_z_bridge_error": bridge[1],
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
    if done.record.learnt is not None:
        told.append(str(done.record.learnt))
    return "; ".join(told)


def rows_of(draws: Any) -> Any:
    """An array; numbers of parameters with names stand side by side."""
    from unnoise import _tree

    return (_tree.ravel(draws) if isinstance(draws, dict) else draws).cpu().numpy()
