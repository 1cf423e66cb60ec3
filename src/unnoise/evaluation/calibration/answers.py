"""All checks of calibration in one call, each with its question and its answer in words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from unnoise._checks import real, refuse, whole
from unnoise._errors import InputError
from unnoise.evaluation.calibration.coverage import DensityCoverage, density_coverage
from unnoise.evaluation.calibration.local import FEWEST_LOCAL, LocalTest, local_test
from unnoise.evaluation.calibration.posteriors import Posteriors
from unnoise.evaluation.calibration.ranks import (
    LEVEL,
    ColumnCalibration,
    IntervalCoverage,
    RankCalibration,
    interval_coverage,
    rank_calibration,
)
from unnoise.evaluation.calibration.tarp import PointCoverage, point_coverage

LEAST_SHOWN = 1e-12  # p-value
MOST_NAMED = 4  # columns
RANKS = "Does each column's truth fall anywhere among its draws?"
INTERVALS = "Do central intervals of each column hold the truth as often as they say?"
DENSITY = "Do regions of highest density hold the truth as often as they say?"
POINTS = "Are truths as near to points of reference as draws, all columns at once?"
LOCAL = "Are truths like draws to a classifier that sees what was given?"


class HasPosteriors(Protocol):
    """A model that draws given some columns."""

    def posteriors(
        self,
        X: Any,
        y: Any = None,
        *,
        of: Any = None,
        given: Any = None,
        draws: int = 19,
        density_draws: int = 9,
        max_rows: int = 300,
        seed: int = 0,
    ) -> Posteriors:
        """Draws given what each row says of some columns, beside what it says of the others."""


@dataclass(frozen=True)
class CalibrationAnswer:
    """The answer of one check.

    Attributes:
        key: a word for it.
        question: in words.
        answer: in words.
        p_value: of chance.
        good: whether the model is to be believed in this.
    """

    key: str
    question: str
    answer: str
    p_value: float
    good: bool

    def __str__(self) -> str:
        chance = "p < 1e-12" if self.p_value < LEAST_SHOWN else f"p = {self.p_value:.2g}"
        return f"{'yes' if self.good else 'NO':<3}  {self.question} {self.answer} ({chance})"


@dataclass(frozen=True, eq=False)
class Calibration:
    """The result of `calibration`: printed, a line for each check.

    Attributes:
        ranks: of truths among draws, column by column.
        intervals: the coverage of central intervals; None of levels alone.
        density: the coverage of regions of highest density; None without densities.
        points: the coverage of balls around points of reference.
        local: the local classifier two-sample test; None of too few rows.
        rows: that were checked.
        draws: of each row.
        names: of the columns that were asked.
        given: the names of what was observed.
        level: the p-value up to which a check is not to be believed.
    """

    ranks: RankCalibration
    intervals: IntervalCoverage | None
    density: DensityCoverage | None
    points: PointCoverage
    local: LocalTest | None
    rows: int
    draws: int
    names: tuple[str, ...]
    given: tuple[str, ...]
    level: float

    @property
    def good(self) -> bool:
        """Whether the model is to be believed in all that was checked."""
        return all(answer.good for answer in self.answers)

    @property
    def answers(self) -> tuple[CalibrationAnswer, ...]:
        """What each check asked, and its answer."""
        found = [self._answer("ranks", RANKS, self.ranks.p_value, _of_columns(self.ranks.columns, self.level))]
        if self.intervals is not None:
            words = _of_columns(self.intervals.columns, self.level)
            found.append(self._answer("intervals", INTERVALS, self.intervals.p_value, words))
        if self.density is not None:
            found.append(self._answer("density", DENSITY, self.density.p_value, self.density.words))
        found.append(self._answer("points", POINTS, self.points.p_value, self.points.words))
        if self.local is not None:
            words = f"{self.local.words}: it scores a truth above {100 * self.local.statistic:.0f} % of draws"
            found.append(self._answer("local", LOCAL, self.local.p_value, words))
        return tuple(found)

    def __str__(self) -> str:
        asked, given = (_listed(names) for names in (self.names, self.given))
        behind = f" given {given}" if given else ""
        head = f"calibration of {asked}{behind}: {self.rows:,} rows, {self.draws:,} draws of each"
        return "\n".join([head, *map(str, self.answers)])

    def _answer(self, key: str, question: str, p_value: float, words: str) -> CalibrationAnswer:
        good = p_value > self.level
        return CalibrationAnswer(key, question, "No difference beyond chance." if good else f"{words}.", p_value, good)


def calibration(
    model: HasPosteriors | Posteriors,
    held_out: Any = None,
    y: Any = None,
    *,
    of: Any = None,
    given: Any = None,
    draws: int = 19,
    density_draws: int = 9,
    max_rows: int = 300,
    classifier: Any = None,
    trials: int = 20,
    level: float = LEVEL,
    seed: int = 0,
) -> Calibration:
    """Is what a model says of some columns, given others, as spread as the truth? All checks, on held-out rows.

    Args:
        model: a fitted model; or `Posteriors`, draws of any other one, without further rows.
        held_out: rows that the model was not fitted on.
        y: their conditions, if they are no columns.
        of: the columns to check; by default all that are not given.
        given: the columns that draws are given, beside the conditions of the model.
        draws: of each row.
        density_draws: the most of each row whose density is measured, which takes longest; 0 for no check by densities.
        max_rows: the most rows, chosen at random.
        classifier: of `local_test`.
        trials: of `local_test`.
        level: the p-value up to which a check is not to be believed: so often a perfect model gets each one.
        seed: of all randomness.

    Raises:
        InputError: fewer than 10 rows, nothing given, or columns that there are not.

    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> x = rng.normal(size=(200, 1))
    >>> draws, truths = x[:, None] + 0.3 * rng.normal(size=(200, 50, 1)), x + rng.normal(size=(200, 1))
    >>> print(calibration(Posteriors(draws, truths, x, names=["place"]), trials=0))  # doctest: +ELLIPSIS
    calibration of place: 200 rows, 50 draws of each
    NO   Does each column's truth fall anywhere among its draws? place: draws are too narrow. (p < 1e-12)
    NO   Do central intervals of each column hold the truth as often as they say? place: intervals are too narrow. ...
    """
    whole(most=2**32 - 1, seed=seed)
    real(above=0, below=1, level=level)
    whole(least=1, draws=draws, max_rows=max_rows)
    whole(density_draws=density_draws)
    found: Any = model
    if not isinstance(model, Posteriors):
        if not hasattr(model, "posteriors"):
            refuse("model", model, "a fitted model, or Posteriors")
        counts = {"draws": draws, "density_draws": density_draws, "max_rows": max_rows}
        found = model.posteriors(held_out, y, of=of, given=given, **counts, seed=seed)
    elif any(one is not None for one in (held_out, y, of, given)):
        raise InputError("got Posteriors and rows or columns beside them; expected Posteriors alone")
    kinds = {"categorical": found.categorical, "periods": found.periods, "level": level, "seed": seed}
    ordered = len(found.categorical) < len(found.names)
    local = len(found) >= FEWEST_LOCAL and found.per_row > 1
    return Calibration(
        rank_calibration(found.draws, found.truths, names=found.names, **kinds),
        interval_coverage(found.draws, found.truths, names=found.names, **kinds) if ordered else None,
        None
        if found.log_probs is None
        else density_coverage(found.log_probs, found.log_prob_truths, level=level, seed=seed),
        point_coverage(found.draws, found.truths, found.observations, **kinds),
        local_test(found.draws, found.truths, found.observations, classifier=classifier, trials=trials, **kinds)
        if local
        else None,
        rows=len(found),
        draws=found.per_row,
        names=tuple(found.names),
        given=found.given,
        level=level,
    )


def _of_columns(columns: Sequence[ColumnCalibration], level: float) -> str:
    """`age: draws are too narrow; and 2 other columns`."""
    bad = [one for one in columns if one.p_value <= level] or list(columns[:1])
    words = "; ".join(f"{one.name}: {one.words}" for one in bad[:MOST_NAMED])
    more = len(bad) - MOST_NAMED
    return f"{words}; and {more} other column{'s' * (more > 1)}" if more > 0 else words


def _listed(names: Sequence[str]) -> str:
    some = ", ".join(names[:MOST_NAMED])
    more = len(names) - MOST_NAMED
    return f"{some} and {more} more" if more > 0 else some
