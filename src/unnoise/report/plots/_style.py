"""One look for every figure: quiet axes, two colours that colour-blind readers can tell apart, no decoration.

Figures are made with `matplotlib.figure.Figure`, never with pyplot, so that no window system is needed and
nothing global is changed: `STYLE` holds only inside the functions that draw.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from io import BytesIO
from typing import TYPE_CHECKING, Any, ParamSpec

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Arguments = ParamSpec("Arguments")

INK = "#1f2933"
QUIET = "#6b7785"
FAINT = "#d5dbe1"
MODEL = "#0072b2"  # Okabe and Ito's blue: what the model made
REAL = "#e69f00"  # Okabe and Ito's orange: what was observed
WIDTH = 7.2  # inches; a report shows this at its full width

STYLE: Any = {  # matplotlib types its keys as one long list of literals
    "font.size": 9,
    "font.family": "DejaVu Sans",
    "axes.titlesize": 9,
    "axes.labelsize": 9,
    "axes.labelcolor": INK,
    "axes.edgecolor": QUIET,
    "axes.linewidth": 0.8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": False,
    "axes.axisbelow": True,
    "grid.color": FAINT,
    "grid.linewidth": 0.6,
    "text.color": INK,
    "text.parse_math": False,  # a column may well be called "$"
    "xtick.color": QUIET,
    "ytick.color": QUIET,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "xtick.labelsize": 8,
    "ytick.labelsize": 8,
    "xtick.major.width": 0.8,
    "ytick.major.width": 0.8,
    "legend.frameon": False,
    "legend.fontsize": 8,
    "figure.facecolor": "white",
    "axes.facecolor": "white",
    "lines.linewidth": 1.6,
}


@contextmanager
def _style() -> Iterator[None]:
    from matplotlib import rc_context

    with rc_context(STYLE), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing from font", UserWarning)  # a box is drawn instead
        yield


def styled(draw: Callable[Arguments, Figure]) -> Callable[Arguments, Figure]:
    """Run a drawing function in the common style, and make the ticks while it holds."""

    @wraps(draw)
    def drawn(*args: Arguments.args, **kwargs: Arguments.kwargs) -> Figure:
        with _style():
            figure = draw(*args, **kwargs)
            figure.draw_without_rendering()
            return figure

    return drawn


def new_figure(width: float, height: float) -> Figure:
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), dpi=160, layout="constrained")


def png(figure: Figure, dpi: int = 160) -> bytes:
    """The figure as the bytes of a PNG file, without empty borders."""
    stream = BytesIO()
    with _style():
        figure.savefig(stream, format="png", dpi=dpi, bbox_inches="tight", pad_inches=0.04)
    return stream.getvalue()


def as_numbers(values: Any) -> NDArray[np.float64]:
    """A float64 array from an array, a tensor on any device or a list."""
    if hasattr(values, "detach"):
        values = values.detach().cpu().numpy()
    return np.asarray(values, dtype=np.float64)


def shorten(name: str, most: int) -> str:
    """Cut a long name so that it fits its place.

    >>> shorten("a rather long column name", 12)
    'a rather lo…'
    """
    return name if len(name) <= most else name[: most - 1] + "…"


def bare(axes: Axes) -> None:
    """Take away everything but what is drawn inside."""
    axes.set_xticks([])
    axes.set_yticks([])
    for spine in axes.spines.values():
        spine.set_visible(False)
