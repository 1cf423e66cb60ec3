"""What do the samples look like? Each kind of column in its own way, a column given another, the path from noise."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import torch

from unnoise import _tree
from unnoise._seeding import generator
from unnoise.data.kinds import Category
from unnoise.report import charts, holes, plots, views
from unnoise.report.conditionals import DRAWS, conditional
from unnoise.report.page import Page
from unnoise.report.sections.shown import Shown

FRAMES = 9  # pictures in a filmstrip
EXAMPLES = 6  # rows of a filmstrip of images
POINTS = 500  # of a filmstrip of points
IMAGES = 60
PER_CLASS = 12


def show(page: Page, shown: Shown) -> None:
    """Samples beside held-out rows."""
    if shown.is_image:
        _images(page, shown)
    else:
        _columns(page, shown)
        _conditional(page, shown)
    for figure, caption in shown.pictures:
        page.figure(figure, caption)
    _filmstrips(page, shown)


def _images(page: Page, shown: Shown) -> None:
    images = shown.images(shown.result.samples)
    if groups := _by_class(shown, images):
        page.figure(plots.class_grid(groups), "Samples of each class, not chosen.")
    else:
        page.figure(plots.image_grid(images[:IMAGES]), "Samples, not chosen.")


def _columns(page: Page, shown: Shown) -> None:
    result = shown.result
    if result.has_holes:
        page.text("Empty cells are left out: every column is drawn where it has values.")
    real, new = shown.seen(result.test.x, result.known.test), shown.seen(result.samples, result.known.samples)
    for name, factor in result.model.schema_.factors.items():
        for figure, caption in views.figures(factor, real[name], new[name], shown.word):
            page.figure(figure, caption)


def _conditional(page: Page, shown: Shown) -> None:
    found = conditional(shown.result)
    if found is None:
        return
    page.heading("What it says of one column given another")
    given = ", ".join([found.given, *shown.result.model.schema_.conditions])
    page.text(
        f"The model was asked for {found.of} given {given}, with all other columns unknown. Of all pairs of "
        f"columns these two depend most on each other in the held-out rows ({found.nats:.2g} nats of mutual "
        "information). --given of unnoise sample asks the same of any columns."
    )
    rows = f"{DRAWS} draws, each given {found.given} of one of these rows"
    word = partial(views.word, shown.word, found.of)
    panels = [
        charts.column(words, charts.flat(held), charts.flat(drawn), word)
        for words, (held, drawn) in found.groups.items()
    ]
    page.figure(panels, f"{found.of}: held-out rows of each group, and {rows}.")


def _filmstrips(page: Page, shown: Shown) -> None:
    result = shown.result
    if not shown.is_image and not _plane(shown, result.test.rows(torch.arange(2)).x):
        return
    with page.folded("From data to noise, and back"):
        rows = EXAMPLES if shown.is_image else POINTS
        strip = plots.filmstrip if shown.is_image else plots.points_filmstrip
        if _tree.length(holes.whole(result.test.x, result.known.test)):
            frames, times = _noising(shown, rows)
            page.figure(strip(frames, times), "Noising: held-out data under the process, time t from 0 to 1.")
        frames, times = _denoising(shown, rows)
        page.figure(strip(frames, times), "Denoising: the sampler's path from noise to new samples.")


def _noising(shown: Shown, rows: int) -> tuple[list[Any], list[float]]:
    result = shown.result
    process: Any = result.model.denoiser_.process
    x_0 = _tree.map(lambda leaf: leaf[:rows], holes.whole(result.test.x, result.known.test))
    times = torch.linspace(0, 1, FRAMES).tolist()
    frames = [process.marginal(x_0, torch.tensor(t)).sample(generator(result.seed)) for t in times]
    return [_frame(shown, frame) for frame in frames], times


def _denoising(shown: Shown, rows: int) -> tuple[list[Any], list[float]]:
    result = shown.result
    path: list[tuple[float, Any]] = []
    cond = None if result.conditions is None else result.conditions[:rows]
    final = result.model.sample_states(
        min(rows, len(result.test)),
        cond,
        generator(result.seed + 1),
        on_step=lambda _, t, state: path.append((t, _tree.map(lambda leaf: leaf.cpu(), state))),
    )
    chosen = np.unique(np.linspace(0, len(path) - 2, FRAMES - 1).astype(int))  # the last one is denoised: final
    frames = [*(path[i] for i in chosen), (0.0, final)]
    return [_frame(shown, frame) for _, frame in frames], [t for t, _ in frames]


def _frame(shown: Shown, states: Any) -> Any:
    return states.numpy() if shown.is_image else np.stack(_plane(shown, states), axis=1)


def _plane(shown: Shown, states: Any) -> list[Any]:
    factors = list(shown.result.model.schema_.factors.values())
    return views.plane(factors[0], states) if len(factors) == 1 else []


def _by_class(shown: Shown, images: Any) -> dict[str, Any]:
    kinds = list(shown.result.model.schema_.conditions.values())
    if len(kinds) != 1 or not isinstance(kinds[0], Category) or len(kinds[0].levels) > 20:
        return {}
    labels = shown.result.conditions.argmax(1).numpy()
    groups = {str(level): images[labels == index][:PER_CLASS] for index, level in enumerate(kinds[0].levels)}
    return {name: group for name, group in groups.items() if len(group)}
