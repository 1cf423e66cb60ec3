"""`unnoise walk` as it is by default: draws, evidence and a verdict."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

from unnoise.cli import common, densities

if TYPE_CHECKING:
    from unnoise.walking import Walk

TELLING = 5  # modes whose weights are told


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
) -> None:
    """Walk, write, tell; doubts go to stderr."""
    from unnoise._progress import progress
    from unnoise._tree import numel_per_row
    from unnoise.data.streams import appending
    from unnoise.walking import walk

    question = densities.question(target, dimension)
    begin = None if start is None else densities.starts(start, question)
    common.check_memory(n, math.prod(question.space.event_shape))
    with progress("walking") as update:
        done = walk(question, n=n, seed=seed, start=begin, tell=update)
    with appending(output, overwrite, question.columns) as append:
        append(rows_of(done.draws))
    for doubt in done.verdict.doubts:
        common.say(f"unnoise: warning: {doubt}")
    for note in done.verdict.notes:
        common.say(f"unnoise: note: {note}")
    facts = {"output": str(output), "rows": n, "dimension": numel_per_row(done.draws), "seed": seed, "chain": "auto"}
    common.result(json, facts | _facts(done), f"wrote {n:,} points to {output}; {_words(done)}")


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


def rows_of(draws: Any) -> Any:
    """An array; numbers of parameters with names stand side by side."""
    from unnoise import _tree

    return (_tree.ravel(draws) if isinstance(draws, dict) else draws).cpu().numpy()
