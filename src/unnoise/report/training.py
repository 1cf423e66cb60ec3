"""How the training of a model went and ended, from its losses and what it says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

from unnoise.model.defaults import default_objective
from unnoise.report.charts import Curve, Panel, lines
from unnoise.training.validation import Looks, slack_of

if TYPE_CHECKING:
    from unnoise.model import DenoisingMarkovModel

UNKNOWN = "why training ended was not saved with the model"
RECENT = 0.15  # share of the steps before the end, in which the kept look must be if the loss still falls
EARLY = 0.25  # share of the planned steps, before which a network has learnt its rows by heart
POINTS = 60  # of the curve of means
MOST_RAW = 400  # points of the raw curve
FEWEST_FOR_LOG = 50  # steps
_KEPT = {
    False: "The weights of the best look are kept.",
    True: "Kept are the weights of the last look that lost at most a quarter of all improvement again: a network grows "
    "too sure of digits while it still learns how columns depend.",
}


@dataclass(frozen=True)
class Ending:
    """How a training ended.

    Attributes:
        words: a sentence.
        falling: whether the loss of rows held out still fell.
        by_time: whether time ran out.
        early: whether it stopped helping soon after the beginning.
        unseen: whether no rows were held out.
    """

    words: str
    falling: bool
    by_time: bool
    early: bool
    unseen: bool


def ending_of(model: DenoisingMarkovModel) -> Ending:
    """How the training of a model ended."""
    said = getattr(model, "ended_", "") or UNKNOWN
    looks, kept, steps = model.validation_losses_, kept_step(model), len(model.losses_)
    stopped = "stopped at" in said
    falling = kept is not None and not stopped and kept >= (1 - RECENT) * steps
    planned = model.steps or steps
    early = stopped and kept is not None and kept < EARLY * planned
    words = f"{said[:1].upper()}{said[1:]}."
    if falling:
        words += f" The loss of rows held out still fell: {looks[-1, 1]:.4g} at the last look."
    return Ending(words, falling, "ended at" in said, early, not len(looks) and steps > 0)


def kept_step(model: DenoisingMarkovModel) -> int | None:
    """The step whose weights the model has; None where no rows were held out."""
    if not len(model.validation_losses_):
        return None
    looks = Looks.of(torch.from_numpy(model.validation_losses_), {})
    looks.slack = _slack(model)
    return looks.best_step


def curves(model: DenoisingMarkovModel) -> tuple[list[Panel], str]:
    """The loss of every step, and that of rows held out from the first look on, with a caption; none of a mixture."""
    losses = np.asarray(model.losses_, dtype=np.float64)
    if not np.isfinite(losses).any():
        return [], ""
    steps = np.arange(1, len(losses) + 1, dtype=np.float64)
    seen = np.isfinite(losses)
    centres, means = log_means(steps[seen], losses[seen])
    shown = np.unique(np.geomspace(1, len(losses), MOST_RAW).astype(int)) - 1
    raw = Curve("each step", "faint", steps[shown], losses[shown], told=False)
    smooth = Curve("mean of nearby steps", "model", centres, means)
    found = [lines("training loss, nats per row", [raw, smooth], "step", log=len(losses) >= FEWEST_FOR_LOG)]
    caption = "The training loss: the diffusion part of the bound, on standardised data. Its minimum is not zero."
    kept = kept_step(model)
    looks = model.validation_losses_[np.isfinite(model.validation_losses_).all(1)]
    if kept is not None and len(looks):
        held_out = Curve("rows held out", "real", looks[:, 0], looks[:, 1])
        later = Curve("training", "model", centres[centres >= looks[0, 0]], means[centres >= looks[0, 0]], told=False)
        both = [later, held_out] if len(later.x) else [held_out]
        found.append(lines(f"rows held out (orange); kept: step {kept:,.0f}", both, "step", ring=float(kept)))
        caption += f" On the right that of rows held out, with a ring around the kept look. {_KEPT[_slack(model) > 0]}"
    return found, caption


def log_means(steps: np.ndarray, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Means of nearby steps, in bins that grow with the step."""
    edges = np.unique(np.geomspace(steps[0], steps[-1] + 1, POINTS + 1).astype(int))
    starts = np.unique(np.searchsorted(steps, edges[:-1]))
    counts = np.diff([*starts, len(steps)])
    return np.add.reduceat(steps, starts) / counts, np.add.reduceat(values, starts) / counts


def _slack(model: DenoisingMarkovModel) -> float:
    return slack_of(model.objective or default_objective(model.denoiser_))
