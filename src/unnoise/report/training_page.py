"""The part of a page about the training of a model: its losses, and why it ended."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from unnoise.model.defaults import default_objective
from unnoise.report import plots
from unnoise.report.page import Page
from unnoise.training.validation import Looks, slack_of

if TYPE_CHECKING:
    from unnoise.model import DenoisingMarkovModel

UNKNOWN = "why training ended was not saved with the model"
_KEPT = {
    False: "The weights of the best look are kept.",
    True: "Kept are the weights of the last look that lost at most a quarter of all improvement again: a network grows "
    "too sure of digits while it still learns how columns depend.",
}


def show_training(page: Page, model: DenoisingMarkovModel) -> None:
    """The losses of every step and of rows held out, and a sentence that says how it ended."""
    page.section("Training")
    ended = getattr(model, "ended_", "") or UNKNOWN
    page.text(f"{ended[:1].upper()}{ended[1:]}.")
    if not np.isfinite(model.losses_).any():  # of a mixture, which takes no steps
        return
    looks, kept = model.validation_losses_, kept_step(model)
    caption = "The training loss: the diffusion part of the bound, on standardised data. Its minimum is not zero."
    if kept is not None:
        caption += f" On the right that of rows held out, from the first look on. {_KEPT[_slack(model) > 0]}"
    page.figure(plots.loss_curve(model.losses_, unit="nats per row", looks=looks, kept=kept), caption)


def kept_step(model: DenoisingMarkovModel) -> int | None:
    """The step whose weights the model has; None where no rows were held out."""
    if not len(model.validation_losses_):
        return None
    looks = Looks.of(torch.from_numpy(model.validation_losses_), {})
    looks.slack = _slack(model)
    return looks.best_step


def _slack(model: DenoisingMarkovModel) -> float:
    return slack_of(model.objective or default_objective(model.denoiser_))
