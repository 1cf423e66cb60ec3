"""Probabilities of a model against those of the law that it learnt."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING

from torch import Tensor

from unnoise.report.plots._style import INK, QUIET, WIDTH, new_figure, styled

if TYPE_CHECKING:
    from matplotlib.figure import Figure

HEIGHT = 2.9  # inches
LEAST = 1e-9  # of probabilities that are shown


@styled
def laws_beside(p: Tensor, models: Mapping[str, Tensor]) -> Figure:
    """A panel for each log q of the same shape as p: where the mass of p lies, by log p and log q."""
    some = p > LEAST
    figure = new_figure(WIDTH, HEIGHT)
    panels = figure.subplots(1, len(models), sharex=True, sharey=True)
    low, high = math.log10(LEAST), 0.5 + math.log10(float(p.max()))
    for axes, (name, log_q) in zip(panels, models.items(), strict=True):
        x, y = p[some].log10().numpy(), (log_q[some] / math.log(10)).clamp(min=low).numpy()
        axes.hexbin(
            x, y, C=p[some].numpy(), reduce_C_function=sum, gridsize=40, bins="log", cmap="cividis", mincnt=1,
            extent=(low, high, low, high), linewidths=0,
        )  # fmt: skip
        axes.plot([low, high], [low, high], color=QUIET, linewidth=0.8)
        axes.set(title=name, xlabel="log10 p", xlim=(low, high), ylim=(low, high))
    panels[0].set_ylabel("log10 q, of the model", color=INK)
    return figure
