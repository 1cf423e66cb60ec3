"""The page of a walk: the verdict, the integral, modes, ranks of populations, pairs, and the way to the target."""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from unnoise import _tree
from unnoise._provenance import provenance
from unnoise.report import plots
from unnoise.report.markup import NONE
from unnoise.report.page import Page, number

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from unnoise.walking import Walk

Numbers = NDArray[np.float64]

DRAWN = 6  # coordinates in pictures
LISTED = 20  # modes in the table
NAMED = 4  # coordinates of a mode in the table
WHITE = (255, 255, 255)


def page_of_walk(found: Walk, title: str, command: str | None = None, seed: int | None = None) -> Page:
    """A page about a walk, which loads nothing from elsewhere.

    Args:
        found: what `unnoise.walk` returned.
        title: of the page.
        command: by which it was made.
        seed: of the walk.

    >>> import torch, unnoise
    >>> found = unnoise.walk(lambda x: -x.square().sum(-1), dimension=1, n=10)
    >>> "Trusted: " in page_of_walk(found, "A normal law").html()
    True
    """
    verdict, record = found.verdict, found.record
    names, chains = coordinates(found)
    populations, count, _ = chains.shape
    drawn, size = _tree.length(found.draws), _tree.numel_per_row(found.draws)
    page = Page(title, subtitle=f"{drawn:,} draws of {size:,} numbers, by {populations} independent populations")
    page.section("Can I trust it?")
    show_verdict(page, found)
    weights = found.mode_weights
    page.facts(
        {
            "log Z": f"{found.log_z:.4g} ± {verdict.log_z_error:.2g}",
            "R-hat": f"{verdict.r_hat:.3f}",
            "modes": NONE if weights is None else len(weights),
            "evaluations": f"{found.evaluations:,}",
        }
    )
    page.section("The integral")
    page.text(
        "The logarithm of the integral of the density, in nats. Every population has its own estimate, by the weights "
        "on its way; the spread is the error."
        + ("" if record.log_z_bridge is None else " A bridge to a fitted law is a second way, which must agree.")
    )
    page.figure(
        _integrals(found), "The integral by every population, by all together, and by the bridge, if there is one."
    )
    show_modes(page, found)
    page.section("Do the populations agree?")
    page.text(
        "How the draws of each population rank among all. Where populations agree, all lines are level, within about "
        f"the grey band. {_chosen_words(size, names)}"
    )
    page.figure(plots.ranks(chains, names), "Ranks of draws, a line for each population.")
    page.section("Coordinates and their pairs")
    points = chains.reshape(populations * count, -1)
    page.figure(plots.scatter_matrix(points, names, labels_of(found)), _pair_words(found))
    page.section("From the first guess to the target")
    page.text(
        "Populations pass from a wide first guess q to the density p by q to the power 1 - β times p to the power β. "
        "The exponent rises as far as enough particles stay effective; then they move."
    )
    page.figure(_path(found), "The exponent after each rise, to 1, the density itself; what was effective; acceptance.")
    page.reproducibility(provenance(command, seed, device="cpu"))
    return page


def picture_of_walk(found: Walk) -> bytes:
    """The pictures of the page below each other, as a PNG."""
    from PIL import Image

    names, chains = coordinates(found)
    figures = [
        _integrals(found),
        plots.ranks(chains, names),
        plots.scatter_matrix(chains.reshape(-1, len(names)), names, labels_of(found)),
        _path(found),
    ]
    parts = [Image.open(BytesIO(plots.png(figure))) for figure in figures]
    whole = Image.new("RGB", (max(part.width for part in parts), sum(part.height for part in parts)), WHITE)
    top = 0
    for part in parts:
        whole.paste(part, (0, top))
        top += part.height
    with BytesIO() as stream:
        whole.save(stream, format="png")
        return stream.getvalue()


def coordinates(found: Walk) -> tuple[list[str], Numbers]:
    """The names and values, (populations, m, d), of the coordinates to draw: those first that differ most among modes.

    How much they do is the share of their variance that is between modes.
    """
    names, values = _columns(found.record.particles)
    chosen = _order(found)[:DRAWN]
    return [names[i] for i in chosen], values[:, :, chosen]


def _columns(particles: Any) -> tuple[list[str], Numbers]:
    """A name for each number of a point, and all side by side, (populations, m, d)."""
    names, values = [], []
    for name, leaf in _tree.leaves(particles):
        values.append(leaf.detach().cpu().double().reshape(*leaf.shape[:2], -1).numpy())
        places = [", ".join(map(str, place)) for place in np.ndindex(tuple(leaf.shape[2:]))]
        names += [f"x{place}" if not name else f"{name}[{place}]" if place else name for place in places]
    return names, np.concatenate(values, 2)


def _order(found: Walk) -> list[int]:
    """All coordinates, those first that differ most among modes."""
    values, labels = _columns(found.record.particles)[1], labels_of(found)
    if labels is None or len(np.unique(labels)) < 2:
        return list(range(values.shape[2]))
    shares = _between(values.reshape(len(labels), -1), labels)
    order: list[int] = np.argsort(-shares, kind="stable").tolist()
    return order


def labels_of(found: Walk) -> NDArray[np.int64] | None:
    """The mode of every particle, the heaviest is 0, (populations * m,); None without modes."""
    labels, weights = found.record.labels, found.mode_weights
    if labels is None or weights is None:
        return None
    place = weights.argsort(descending=True).argsort().cpu()
    ordered: NDArray[np.int64] = place[labels.flatten()].numpy()
    return ordered


def _between(points: Numbers, labels: NDArray[np.int64]) -> Numbers:
    """The share of the variance of every column that lies between the means of the labels."""
    counts = np.bincount(labels)
    centred = points - points.mean(0)
    sums = np.zeros((len(counts), points.shape[1]))
    np.add.at(sums, labels, centred)
    between = (sums**2 / np.maximum(counts, 1)[:, None]).sum(0)
    shares: Numbers = between / np.maximum((centred**2).sum(0), 1e-300)
    return shares


def show_verdict(page: Page, found: Walk) -> None:
    """The box at the top, with a line for every doubt."""
    verdict = found.verdict
    words = "Not trusted: what speaks against them follows."
    if verdict.trusted:
        words = f"{str(verdict)[:1].upper()}{str(verdict)[1:]}."
    answers: list[tuple[str, str, str, str, bool | None]] = [("Are the draws right?", words, "", "", verdict.trusted)]
    answers += [("A doubt", f"{doubt[:1].upper()}{doubt[1:]}.", "", "", False) for doubt in verdict.doubts]
    answers += [("To know", f"{note[:1].upper()}{note[1:]}.", "", "", None) for note in verdict.notes]
    page.verdicts(answers)


def show_modes(page: Page, found: Walk) -> None:
    """The heaviest modes, and where they are in some coordinates; nothing where modes are not known."""
    if found.modes is None or found.mode_weights is None:
        return
    order, error = found.mode_weights.argsort(descending=True), found.record.share_errors()
    modes, columns = _tree.ravel(found.modes), _order(found)[:NAMED]
    names = _columns(found.record.particles)[0]
    page.section("Modes")
    page.table(
        [
            [
                place,
                f"{float(found.mode_weights[i]):.4f} ± {float(error[i]):.4f}",
                *(number(float(modes[i, column])) for column in columns),
            ]
            for place, i in enumerate(order[:LISTED].tolist(), 1)
        ],
        header=["mode", "weight", *(names[column] for column in columns)],
        caption=f"The heaviest {LISTED} of {len(order)} modes." if len(order) > LISTED else "",
    )
    page.text(
        "The weight of a mode is the share of draws that most probably belong to it; its standard error is that over "
        "populations, or that of counting where it is larger. Named are the places where the density is highest."
    )


def _integrals(found: Walk) -> Figure:
    return plots.integrals(found.record.log_z, found.record.by_annealing(), found.record.log_z_bridge)


def _path(found: Walk) -> Figure:
    path = found.record.annealing
    return plots.annealing_path(path.betas, path.effective, path.acceptances)


def _chosen_words(size: int, names: list[str]) -> str:
    return f"Drawn are {len(names)} of {size:,} coordinates." if size > len(names) else ""


def _pair_words(found: Walk) -> str:
    several = found.mode_weights is not None and len(found.mode_weights) > 1
    return "Draws of all populations" + (
        ", with a colour for each of the heaviest modes; coordinates that differ most among modes come first."
        if several
        else "."
    )
