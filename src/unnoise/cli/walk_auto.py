"""`unnoise walk` as it is by default: draws, evidence and a verdict."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

from unnoise.cli import common, densities, user_code

if TYPE_CHECKING:
    from unnoise.walking import Walk

TELLING = 5  # modes whose weights are told


def automatic(target: str, output: Path, n: int, dimension: int | None, seed: int, overwrite: bool, json: bool) -> None:
    """Walk, write, tell; doubts go to stderr."""
    from unnoise._progress import progress
    from unnoise._tree import numel_per_row
    from unnoise.data.streams import appending
    from unnoise.laws import LogDensity
    from unnoise.walking import walk

    found = densities.made(user_code.find(target, "my_posterior:log_prob"), target, dimension)
    log_prob, space = densities.function_of(found, target), densities.space_of(found, target, dimension)
    common.check_memory(n, math.prod(space.event_shape))
    with progress("walking") as update:
        density = found if isinstance(found, LogDensity) else log_prob
        done = walk(density, space=space, n=n, seed=seed, tell=update)
    with appending(output, overwrite) as append:
        append(_rows(done.draws))
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


def _rows(draws: Any) -> Any:
    from unnoise import _tree

    return (_tree.ravel(draws) if isinstance(draws, dict) else draws).cpu().numpy()
