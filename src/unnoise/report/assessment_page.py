"""An assessment as a page: figures first, each with a sentence that says how to read it."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch

from unnoise import _tree
from unnoise._provenance import provenance
from unnoise._seeding import generator
from unnoise.data.kinds import Category
from unnoise.evaluation import bits_per_dimension, nearest_training
from unnoise.report import holes, plots, views
from unnoise.report.assessment import Assessment
from unnoise.report.conditionals import DRAWS, conditional
from unnoise.report.conditions import show_calibration
from unnoise.report.judge_page import show_rivals, show_trust, show_worst
from unnoise.report.page import Page
from unnoise.report.training_page import show_training

FRAMES = 9  # pictures in a filmstrip
EXAMPLES = 6  # rows of a filmstrip of images
PAIRS = 20  # samples beside their nearest training rows
PER_CLASS = 12


def page_of(result: Assessment, title: str = "unnoise", command: str | None = None) -> Page:
    """The page of an assessment, for `page_of(found).write("report.html")`; `command` makes it again."""
    schema = result.model.schema_
    what = " x ".join(map(str, schema.event_shape)) + " numbers" if schema.numbers else schema.kinds
    page = Page(title, subtitle=f"{len(result.test):,} held-out rows of {what}")
    show_trust(page, result)
    page.summary(_summary(result))
    show_worst(page, result)
    show_rivals(page, result)
    _samples(page, result)
    _conditional(page, result)
    show_calibration(page, result.calibration)
    _likelihood(page, result)
    _two_samples(page, result)
    _neighbours(page, result)
    _filmstrips(page, result)
    show_training(page, result.model)
    page.section("The data and the model")
    page.facts(_facts(result))
    page.reproducibility(provenance(command, result.seed), result.seconds)
    return page


def _is_image(result: Assessment) -> bool:
    """One block of numbers with two or three axes."""
    numbers = result.model.schema_.numbers
    return numbers is not None and len(numbers.event_shape) in (2, 3)


def _in_bits(result: Assessment) -> bool:
    """Images are told in bits per dimension, unless pixels are missing."""
    return _is_image(result) and not result.has_holes


def _summary(result: Assessment) -> dict[str, Any]:
    numbers = result.numbers
    unit = "bits_per_dim" if _in_bits(result) else "nats_per_row"
    likelihood = next(name for name in numbers if name.endswith(unit))
    box = {
        "held-out log-likelihood": numbers[likelihood],
        "classifier accuracy (0.5 = cannot tell)": numbers["c2st_accuracy"],
    }
    if "copying_ratio" in numbers:
        box["distance to training data (1 = like new data, 0 = copies)"] = numbers["copying_ratio"]
    return {name: str(value) for name, value in box.items()}


def _samples(page: Page, result: Assessment) -> None:
    page.section("New samples")
    if _is_image(result):
        images = _images(result, result.samples)
        if groups := _by_class(result, images):
            page.figure(plots.class_grid(groups), "Samples of each class, not chosen.")
        else:
            page.figure(plots.image_grid(images[:60]), "Samples, not chosen.")
        return
    if result.has_holes:
        page.text("Empty cells are left out: every column is drawn where it has values.")
    real, new = _seen(result, result.test.x, result.known.test), _seen(result, result.samples, result.known.samples)
    for name, factor in result.model.schema_.factors.items():
        for figure, caption in views.figures(factor, real[name], new[name]):
            page.figure(figure, caption)


def _seen(result: Assessment, x: Any, known: Any) -> dict[str, Any]:
    """The columns of each factor where they are known."""
    schema = result.model.schema_
    if known is None:
        return dict.fromkeys(schema.factors, schema.values(x))
    parts = [tree if isinstance(tree, dict) else dict.fromkeys(schema.factors, tree) for tree in (x, known)]
    return {name: views.seen(factor, parts[0][name], parts[1][name]) for name, factor in schema.factors.items()}


def _conditional(page: Page, result: Assessment) -> None:
    found = None if _is_image(result) else conditional(result)
    if found is None:
        return
    page.section("What it says of one column given another")
    given = ", ".join([found.given, *result.model.schema_.conditions])
    page.text(
        f"The model was asked for {found.of} given {given}, with all other columns unknown. Of all pairs of "
        f"columns these two depend most on each other in the held-out rows ({found.nats:.2g} nats of mutual "
        "information). --given of unnoise sample asks the same of any columns."
    )
    rows = f"{DRAWS} draws, each given {found.given} of one of these rows"
    page.figure(plots.conditionals(found.groups, found.of), f"{found.of}: held-out rows of each group, and {rows}.")


def _likelihood(page: Page, result: Assessment) -> None:
    page.section("How likely is held-out data?")
    schema, bits = result.model.schema_, _in_bits(result)
    factor = bits_per_dimension(1.0, math.prod(schema.event_shape)) if bits else 1.0
    unit = "bits per dimension" if bits else "nats per row"
    names = list(result.likelihoods)
    values = [result.likelihoods[name][0] * factor for name in names]
    errors = [result.likelihoods[name][1] * abs(factor) for name in names]
    figure = plots.likelihood_bars(names, values, errors, unit, higher_is_better=not bits)
    page.figure(figure, f"Held-out likelihood of the same {len(result.test):,} rows.")
    holed = " Of rows with empty cells it is that of what is known." if result.has_holes else ""
    given = f" Only the model uses {', '.join(schema.conditions)}." if schema.conditions else ""
    page.text(
        f"Likelihoods are in {schema.measure}. Errors are standard errors over rows. "
        f"A lower bound understates the model.{holed}{given}"
    )
    rows = [
        [name, result.descriptions[name], f"{value:.3f} ± {error:.3f}"]
        for name, value, error in zip(names, values, errors, strict=True)
    ]
    page.table(rows, header=["model", "what it is", unit], caption="Fitted on the same training rows.")
    for name, label in {"exact": "The exact log-likelihood", "bound": "The lower bound"}.items():
        prefix = f"{name}_part_"
        parts = {key.removeprefix(prefix): figure for key, figure in result.numbers.items() if key.startswith(prefix)}
        if parts:
            page.text(f"{label} is a sum: {', '.join(f'{part} {figure}' for part, figure in parts.items())}.")


def _two_samples(page: Page, result: Assessment) -> None:
    page.section("Can samples be told from data?")
    numbers = result.numbers
    page.text(
        f"A classifier ({result.descriptions['c2st']}) tells samples from held-out rows with accuracy "
        f"{numbers['c2st_accuracy']} (0.5: it cannot; 1: always); "
        f"p = {numbers['c2st_p_value'].value:.2g} for no better than chance. {_trees(result)}"
        f"The energy distance is {numbers['energy_distance']}; two exact samples of this size differ by about "
        f"{numbers['energy_distance_floor'].value:.2g}."
    )


def _trees(result: Assessment) -> str:
    if result.standing is None:
        return ""
    return (
        f"Another one ({result.descriptions['trees']}) ranks them with an area under the curve of "
        f"{result.numbers['trees_auc']}; p = {result.numbers['trees_p_value'].value:.2g}. Samples are not told from "
        "data only if both do not. "
    )


def _neighbours(page: Page, result: Assessment) -> None:
    if result.train is None:
        return
    page.section("Are samples copies of the training data?")
    ratio, near, usual = (result.numbers[f"copying_{name}"] for name in ("ratio", "near_share", "near_share_held_out"))
    page.text(
        f"The median distance of a sample to its nearest training row is {ratio} times that of a held-out row. "
        f"Near 1, samples are as new as held-out data; near 0, they are copies. {100 * near.value:.1f} % of samples "
        f"are as near to a training row as the nearest {100 * usual.value:.1f} % of held-out rows; much more than that "
        "are copies."
    )
    if _is_image(result):
        shown = result.samples[:PAIRS]
        whole = result.model.schema_.round_trip(shown)
        nearest = nearest_training(result.features(whole), result.features(result.train.x, result.train.known)).indices[
            :, 0
        ]
        figure = plots.neighbour_grid(_images(result, shown), _images(result, result.train.x[nearest]))
        page.figure(figure, "Samples, each above its nearest training image.")


def _filmstrips(page: Page, result: Assessment) -> None:
    if not _is_image(result) and not _plane(result, result.test.rows(torch.arange(2)).x):
        return
    page.section("From data to noise, and back")
    rows = EXAMPLES if _is_image(result) else 500
    strip = plots.filmstrip if _is_image(result) else plots.points_filmstrip
    if _tree.length(holes.whole(result.test.x, result.known.test)):
        frames, times = _noising(result, rows)
        page.figure(strip(frames, times), "Noising: held-out data under the process, time t from 0 to 1.")
    frames, times = _denoising(result, rows)
    page.figure(strip(frames, times), "Denoising: the sampler's path from noise to new samples.")


def _noising(result: Assessment, rows: int) -> tuple[list[Any], list[float]]:
    process: Any = result.model.denoiser_.process
    x_0 = _tree.map(lambda leaf: leaf[:rows], holes.whole(result.test.x, result.known.test))
    times = torch.linspace(0, 1, FRAMES).tolist()
    frames = [process.marginal(x_0, torch.tensor(t)).sample(generator(result.seed)) for t in times]
    return [_frame(result, frame) for frame in frames], times


def _denoising(result: Assessment, rows: int) -> tuple[list[Any], list[float]]:
    path: list[tuple[float, Any]] = []
    cond = None if result.conditions is None else result.conditions[:rows]
    rows = min(rows, len(result.test))
    final = result.model.sample_states(
        rows,
        cond,
        generator(result.seed + 1),
        on_step=lambda _, t, state: path.append((t, _tree.map(lambda leaf: leaf.cpu(), state))),
    )
    chosen = np.unique(np.linspace(0, len(path) - 2, FRAMES - 1).astype(int))  # the last one is denoised: final
    frames = [*(path[i] for i in chosen), (0.0, final)]
    return [_frame(result, frame) for _, frame in frames], [t for t, _ in frames]


def _frame(result: Assessment, states: Any) -> Any:
    return states.numpy() if _is_image(result) else np.stack(_plane(result, states), axis=1)


def _plane(result: Assessment, states: Any) -> list[Any]:
    factors = list(result.model.schema_.factors.values())
    return views.plane(factors[0], states) if len(factors) == 1 else []


def _facts(result: Assessment) -> dict[str, Any]:
    model = result.model
    weights = sum(weight.numel() for weight in model.denoiser_.parameters())
    network = type(getattr(model.denoiser_, "network", model.denoiser_)).__name__
    lines = model.schema_.describe().splitlines()
    return {
        "columns": "; ".join(" ".join(line.split()) for line in lines[:-1]),
        "likelihood": model.schema_.measure,
        "process": repr(model.denoiser_.process),
        "network": f"{network}, {weights:,} weights",
        "training": f"{len(model.losses_):,} steps" + (f" of {model.batch_size} rows" if model.batch_size else ""),
    }


def _images(result: Assessment, states: Any) -> Any:
    (image,) = result.model.schema_.values(states).values()
    return image


def _by_class(result: Assessment, images: Any) -> dict[str, Any]:
    kinds = list(result.model.schema_.conditions.values())
    if len(kinds) != 1 or not isinstance(kinds[0], Category) or len(kinds[0].levels) > 20:
        return {}
    labels = result.conditions.argmax(1).numpy()
    groups = {str(level): images[labels == index][:PER_CLASS] for index, level in enumerate(kinds[0].levels)}
    return {name: group for name, group in groups.items() if len(group)}
