"""The common look of all figures, with two colours that colour-blind readers can tell apart.

`matplotlib.figure.Figure` instead of pyplot needs no window system and changes nothing global.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache, wraps
from io import BytesIO
from typing import TYPE_CHECKING, Any, ParamSpec

import numpy as np
from numpy.typing import NDArray

from unnoise._errors import InputError

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Arguments = ParamSpec("Arguments")

INK = "#1f2933"
QUIET = "#6b7785"
FAINT = "#d5dbe1"
MODEL = "#0072b2"  # Okabe and Ito's blue, for the model
REAL = "#e69f00"  # Okabe and Ito's orange, for data
WIDTH = 7.2  # inches: the full width of a report
OTHER_SCRIPTS = (  # fonts of systems, by what they have beyond Latin, Greek, Cyrillic, Arabic and Hebrew
    *("Noto Sans CJK JP", "Noto Sans CJK SC", "Hiragino Sans", "PingFang SC", "Microsoft YaHei", "Yu Gothic"),
    *("Apple SD Gothic Neo", "Malgun Gothic", "WenQuanYi Micro Hei", "Noto Sans Devanagari", "Nirmala UI"),
    *("Noto Sans Thai", "Leelawadee UI", "Arial Unicode MS", "Unifont"),
)

TICKS = {"color": QUIET, "labelcolor": INK, "labelsize": 8, "major.width": 0.8}
STYLE: Any = {  # its keys are typed as one long list
    "font.size": 9,
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
    "text.parse_math": False,  # the name of a column may contain "$"
    **{f"{axis}tick.{key}": value for axis in "xy" for key, value in TICKS.items()},
    "legend.frameon": False,
    "legend.fontsize": 8,
    "figure.facecolor": "white",
    "axes.facecolor": "white",
    "lines.linewidth": 1.6,
}


@cache
def families() -> list[str]:
    """A font that every matplotlib has, and those of this machine that have the letters it lacks."""
    from matplotlib.font_manager import fontManager

    here = {font.name for font in fontManager.ttflist}
    return ["DejaVu Sans", *(name for name in OTHER_SCRIPTS if name in here)]


@contextmanager
def _style() -> Iterator[None]:
    from matplotlib import rc_context

    with rc_context({**STYLE, "font.family": families()}), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing from font", UserWarning)  # matplotlib draws a box
        yield


def styled(draw: Callable[Arguments, Figure]) -> Callable[Arguments, Figure]:
    """Draw in the common style, ticks included."""

    @wraps(draw)
    def drawn(*args: Arguments.args, **kwargs: Arguments.kwargs) -> Figure:
        with _style():
            figure = draw(*args, **kwargs)
            figure.draw_without_rendering()
            return figure

    return drawn


def new_figure(width: float, height: float) -> Figure:
    """An empty figure; sizes in inches."""
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), dpi=160, layout="constrained")


def named_panels(names: Sequence[str], per_line: int, height: float, room: float) -> tuple[Figure, dict[str, Axes]]:
    """A panel per name; a line of panels is `height` inches high, all else `room`."""
    columns = min(per_line, len(names))
    rows = -(-len(names) // columns)
    figure = new_figure(WIDTH if columns > 1 else WIDTH / 2, room + height * rows)
    panels = figure.subplots(rows, columns, squeeze=False).reshape(-1)
    for axes in panels[len(names) :]:
        axes.set_visible(False)
    for axes, name in zip(panels, names, strict=False):
        axes.set_title(shorten(name, 26), pad=4)
    return figure, dict(zip(names, panels, strict=False))


def legend(figure: Figure) -> None:
    """The colours of data and model, at the upper right."""
    from matplotlib.patches import Patch

    handles = [Patch(color=REAL, alpha=0.8, label="real"), Patch(color=MODEL, alpha=0.9, label="model")]
    figure.legend(handles=handles, loc="outside upper right", ncols=2, labelcolor=QUIET, handlelength=1.0)


def check_frames(frames: Sequence[Any], times: Sequence[float]) -> None:
    """One time for every frame, of which there is one at least."""
    if len(frames) != len(times) or len(frames) == 0:
        raise InputError(f"got {len(frames)} frames and {len(times)} times; expected one time for every frame.")


def png(figure: Figure, dpi: int = 160) -> bytes:
    """PNG bytes of a figure, without empty borders.

    Matplotlib would lay the figure out again, and draw it twice: that took half of the time.

    Args:
        figure: as every function here returns it; a width of 7.2 inches is that of a report.
        dpi: pixels per inch.

    >>> from unnoise.report import plots
    >>> plots.png(plots.image_grid(np.eye(4)[None]), dpi=50)[1:4]
    b'PNG'
    """
    with BytesIO() as stream, _style(), _laid_out(figure):
        figure.savefig(stream, format="png", dpi=dpi, bbox_inches=figure.get_tightbbox().padded(0.04))
        return stream.getvalue()


@contextmanager
def _laid_out(figure: Figure) -> Iterator[None]:
    """Let its panels stand where they were put when it was drawn; after a change it is drawn anew."""
    if figure.stale:
        figure.draw_without_rendering()
    engine = figure.get_layout_engine()
    figure.set_layout_engine(None)
    try:
        yield
    finally:
        figure.set_layout_engine(engine)


def as_numbers(values: Any) -> NDArray[np.float64]:
    """A float64 array, from any device."""
    if hasattr(values, "detach"):
        values = values.detach().cpu().numpy()
    return np.asarray(values, dtype=np.float64)


def shorten(name: str, most: int) -> str:
    """Cut a long name to `most` letters.

    >>> shorten("a rather long column name", 12)
    'a rather lo…'
    """
    return name if len(name) <= most else name[: most - 1] + "…"


def bare(axes: Axes) -> None:
    """Remove ticks and frame."""
    axes.set_xticks([])
    axes.set_yticks([])
    for spine in axes.spines.values():
        spine.set_visible(False)
