"""Small charts as part of a page: drawn by the browser, sharp at every size, each mark with its values in words.

A chart is 300 units wide, and charts stand beside each other as the page has room, so letters can be read on a phone.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unnoise.report.markup import number, percent, text
from unnoise.report.plots._style import shorten
from unnoise.report.plots.columns import bins_of, finite
from unnoise.report.plots.worst import OTHERS, Word, atoms_of, barred

Numbers = NDArray[np.float64]

WIDTH = 300
LEVELS = 10  # bars of a column
LETTERS = 14  # of the name of a bar
NAMES, BARS = 98, 128  # units for names of bars, and for bars
ROW = 20  # units for a level
HEIGHT, FLOOR = 150, 124  # of a histogram, and where its bars stand
MOSTLY = 0.5  # share of the rows at numbers that repeat, from which a column is drawn by these numbers
DISTINCT = 30  # whole numbers, up to which a histogram has a bar for each


@dataclass(frozen=True)
class Panel:
    """A chart with its name.

    Attributes:
        name: above it.
        words: what it shows, for those who do not see it.
        inside: its marks, as SVG.
        height: in units.
        series: whether its colours are those of data and samples.
    """

    name: str
    words: str
    inside: str
    height: int
    series: bool = True

    def html(self) -> str:
        """As a figure, whose marks arrow keys go through."""
        box = f'viewBox="0 0 {WIDTH} {self.height}" width="{WIDTH}"'
        image = f'<svg {box} role="img" tabindex="0" aria-label="{text(self.words)}">{self.inside}</svg>'
        return f'<figure class="panel"><figcaption dir="auto">{text(self.name)}</figcaption>{image}</figure>'


def panels(charts: Sequence[Panel], caption: str) -> str:
    """Charts beside each other, with what their colours mean, and a caption for all."""
    key = (
        '<p class="key"><span class="real"></span>held-out data <span class="model"></span>samples</p>'
        if any(chart.series for chart in charts)
        else ""
    )
    inside = "".join(chart.html() for chart in charts)
    return f'<figure class="panels">{key}<div>{inside}</div><figcaption>{text(caption)}</figcaption></figure>'


def plain(value: float) -> str:
    """A number that stands for itself; years are below 10,000, and have no comma.

    >>> plain(2010.0), plain(12345.6), plain(0.12345)
    ('2010', '12,346', '0.1235')
    """
    return f"{value:.0f}" if 1000 <= abs(value) < 9999.5 else number(value)


def column(name: str, real: NDArray[Any], samples: NDArray[Any], word: Word = plain) -> Panel:
    """A column: shares of levels or of numbers that most rows share, else a histogram.

    Args:
        name: of the column.
        real: texts of levels as objects, or numbers, NaN where missing.
        samples: the same, of the model.
        word: how a number of the column is written.
    """
    if real.dtype == object or real.dtype.kind in "US":
        return shares(name, *_levels(real.tolist(), samples.tolist()))
    real, samples = real.astype(np.float64), samples.astype(np.float64)
    atoms = [] if _is_few(real) else atoms_of(real)
    if atoms and np.isin(real, atoms).mean() >= MOSTLY:
        return shares(name, *_levels(barred(real, atoms, word), barred(samples, atoms, word)))
    return histogram(name, finite(real), finite(samples), word)


def flat(values: NDArray[Any]) -> NDArray[Any]:
    """A column of blocks as one of numbers, and levels as texts."""
    values = np.asarray(values)
    return values.reshape(-1) if values.dtype.kind in "iuf" else values.astype(str).astype(object)


def shares(name: str, bars: Sequence[str], real: Sequence[float], samples: Sequence[float]) -> Panel:
    """A pair of bars for each name of a bar: the share of the rows of which it holds, in the data and in samples."""
    top = max([*real, *samples, 1e-9])
    marks, said = [], []
    for place, (bar, held, drawn) in enumerate(zip(bars, real, samples, strict=True)):
        y = ROW * place
        words = f"{bar}: {percent(held)} of the data, {percent(drawn)} of samples"
        said.append(words)
        marks.append(
            f'<g class="mark"><title>{text(words)}</title><rect class="hit" y="{y}" width="{WIDTH}" height="{ROW}"/>'
            f'<text x="{NAMES - 6}" y="{y + 14}" class="end">{text(shorten(str(bar), LETTERS))}</text>'
            f'<rect class="real" x="{NAMES}" y="{y + 3}" width="{BARS * held / top:.1f}" height="7"/>'
            f'<rect class="model" x="{NAMES}" y="{y + 10}" width="{BARS * drawn / top:.1f}" height="7"/>'
            f'<text x="{WIDTH}" y="{y + 14}" class="end quiet">{_both(held, drawn)}</text></g>'
        )
    return Panel(name, f"{name}. {'; '.join(said)}.", "".join(marks), max(ROW * len(bars), ROW))


def histogram(name: str, real: Numbers, samples: Numbers, word: Word = plain) -> Panel:
    """Shares of rows in bins of the same width: those of the data filled, those of samples as a line."""
    edges = bins_of(real, samples)
    held, drawn = (np.histogram(values, edges)[0] / max(len(values), 1) for values in (real, samples))
    some = np.flatnonzero(held + drawn)
    ends = (some[0], some[-1] + 1) if len(some) else (0, len(held))
    edges, held, drawn = edges[ends[0] : ends[1] + 1], held[slice(*ends)], drawn[slice(*ends)]
    top = max(float(held.max()), float(drawn.max()), 1e-9)
    x = (edges - edges[0]) / (edges[-1] - edges[0]) * WIDTH
    y, line = (FLOOR - shown / top * (FLOOR - 8) for shown in (held, drawn))
    whole = bool(np.allclose(np.diff(edges), 1.0) and np.all(edges % 1 == 0.5))
    marks = []
    for i in range(len(held)):
        place = word(edges[i] + 0.5) if whole else f"{word(edges[i])} to {word(edges[i + 1])}"
        words = f"{place}: {percent(held[i])} of the data, {percent(drawn[i])} of samples"
        size = f'x="{x[i]:.1f}" width="{x[i + 1] - x[i]:.1f}"'
        marks.append(
            f'<g class="mark"><title>{text(words)}</title><rect class="hit" {size} y="0" height="{FLOOR}"/>'
            f'<rect class="real" {size} y="{y[i]:.1f}" height="{FLOOR - y[i]:.1f}"/></g>'
        )
    steps = "".join(f"V{level:.1f}H{end:.1f}" for level, end in zip(line, x[1:], strict=True))
    curve = f'<path class="model" d="M0 {FLOOR}{steps}V{FLOOR}"/>'
    summary = (
        f"{name}: {_spread(real, word)} in the data, {_spread(samples, word)} in samples; medians and middle halves."
    )
    ends = (edges[0] + 0.5, edges[-1] - 0.5) if whole else (edges[0], edges[-1])
    return Panel(name, summary, "".join(marks) + curve + _axis(word(ends[0]), word(ends[1])), HEIGHT)


@dataclass(frozen=True)
class Curve:
    """A curve of a `lines` chart.

    Attributes:
        name: in words.
        look: the class of its style: "faint", "model" or "real".
        x: places.
        y: heights; those that are not finite are left out.
        told: whether each of its points is a mark.
    """

    name: str
    look: str
    x: Numbers
    y: Numbers
    told: bool = True


def lines(name: str, curves: Sequence[Curve], what: str, *, log: bool = False, ring: float | None = None) -> Panel:
    """Curves over the same axis, and a ring around the last curve where it is at a place.

    Args:
        name: of the panel.
        curves: what is drawn; heights that are rare are cut at the edge.
        what: the axis, in words.
        log: whether it is logarithmic.
        ring: where.
    """
    kept = [Curve(c.name, c.look, *_seen(c.x, c.y), c.told) for c in curves]
    scale = np.log if log else np.asarray
    low, high = _ends(np.concatenate([c.y for c in kept]))
    first, last = (f(np.concatenate([c.x for c in kept])) for f in (np.min, np.max))
    left = 44
    parts = []
    for curve in kept:
        x = left + (scale(curve.x) - scale(first)) / max(float(scale(last) - scale(first)), 1e-12) * (WIDTH - left - 6)
        y = FLOOR - (np.clip(curve.y, low, high) - low) / (high - low) * (FLOOR - 8)
        parts.append(f'<polyline class="{curve.look}" points="{_points(x, y)}"/>')
        for i in range(len(x) if curve.told else 0):
            words = f"{what} {curve.x[i]:,.0f}: {number(float(curve.y[i]))}, {curve.name}"
            place = f'cx="{x[i]:.1f}" cy="{y[i]:.1f}"'
            parts.append(
                f'<g class="mark"><title>{text(words)}</title><circle class="hit" {place} r="7"/>'
                f'<circle class="{curve.look}" {place} r="1.8"/></g>'
            )
        parts += [
            f'<circle class="ring" cx="{x[i]:.1f}" cy="{y[i]:.1f}" r="6"/>'
            for i in np.flatnonzero(curve.x == ring)
            if curve is kept[-1]
        ]
    sides = ((high, 14), (low, FLOOR))
    ticks = "".join(f'<text x="{left - 6}" y="{y}" class="end quiet">{number(float(v))}</text>' for v, y in sides)
    ends = f"{_axis(f'{first:,.0f}', f'{last:,.0f}', left)}{ticks}"
    told = "; ".join(f"{c.name} from {number(float(c.y[0]))} to {number(float(c.y[-1]))}" for c in kept)
    return Panel(name, f"{name}: {told}.", "".join(parts) + ends, HEIGHT, series=False)


def _levels(real: list[str], samples: list[str]) -> tuple[list[str], list[float], list[float]]:
    """The most frequent levels of both, and their shares; the rest as one."""
    first, second = Counter(real), Counter(samples)
    bars = [level for level, _ in (first + second).most_common(LEVELS)]
    held, drawn = ([counts[bar] / max(counts.total(), 1) for bar in bars] for counts in (first, second))
    if len(first | second) > len(bars) and OTHERS not in bars:
        bars, held, drawn = [*bars, OTHERS], [*held, 1.0 - sum(held)], [*drawn, 1.0 - sum(drawn)]
    return [str(bar) for bar in bars], held, drawn


def _is_few(values: Numbers) -> bool:
    """Whether a histogram has a bar for each of few whole numbers."""
    seen = finite(values)
    return bool(len(seen) and np.all(seen == np.round(seen)) and np.ptp(seen) <= DISTINCT)


def _seen(x: Numbers, y: Numbers) -> tuple[Numbers, Numbers]:
    seen = np.isfinite(x) & np.isfinite(y)
    return x[seen], y[seen]


def _ends(y: Numbers) -> tuple[float, float]:
    """Few rare heights are cut."""
    low, high = float(y.min()), float(np.percentile(y, 98))
    high = high if high > low else float(y.max())
    room = 0.04 * (high - low) or 0.1 * abs(high) or 1.0
    return low - room, high + room


def _points(x: Numbers, y: Numbers) -> str:
    return " ".join(f"{a:.1f},{b:.1f}" for a, b in zip(x, y, strict=True))


def _axis(low: str, high: str, left: int = 0) -> str:
    """A line with words at its ends."""
    line = f'<path class="axis" d="M{left} {FLOOR + 0.5}H{WIDTH}"/>'
    first = f'<text x="{left}" y="{HEIGHT - 8}" class="quiet">{text(low)}</text>'
    return f'{line}{first}<text x="{WIDTH}" y="{HEIGHT - 8}" class="end quiet">{text(high)}</text>'


def _spread(values: Numbers, word: Word) -> str:
    if not len(values):
        return "nothing"
    low, middle, high = (word(float(value)) for value in np.quantile(values, [0.25, 0.5, 0.75]))
    return f"{middle} ({low} to {high})"


def _both(held: float, drawn: float) -> str:
    """Two shares where there is room for both."""
    return f"{100 * held:.2g} · {100 * drawn:.2g} %" if max(held, drawn) < 0.995 else f"{_whole([held, drawn])} %"


def _whole(some: Iterable[float]) -> str:
    return " · ".join(f"{100 * share:.0f}" for share in some)
