"""Draws of the posteriors of held-out rows, beside their truths: what every check of calibration takes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from unnoise._checks import refuse
from unnoise._errors import InputError
from unnoise.evaluation._mixed import categorical_mask
from unnoise.evaluation._rows import as_rows
from unnoise.evaluation.calibration import _columns
from unnoise.evaluation.calibration.coverage import _column_of


@dataclass(frozen=True, eq=False)
class Posteriors:
    """Draws given the observation of each of n rows, beside its truth.

    Args:
        draws: of each row, (n, k, d), numbers and codes of levels; NaN is missing.
        truths: (n, d).
        observations: what each row was given, (n, c), numbers and codes of levels, which are held as features of like
            scales; None if all were given the same.
        log_probs: log densities of some draws of each row given its observation, (n, m); None without a density.
        log_prob_truths: of the truths, (n,).
        names: of the columns of truths; by default their places.
        categorical: the places of the columns that hold codes.
        periods: after how much the columns of angles come round again, by their places.
        observed_categorical: the places of the columns of observations that hold codes.
        observed_periods: after how much observed angles come round again, by their places.
        given: the names of what was observed, to be read.

    Raises:
        InputError: fewer than 10 rows, shapes that do not fit, infinity, or a place that there is not.

    >>> rng = np.random.default_rng(0)
    >>> x = rng.normal(size=(100, 1))
    >>> found = Posteriors(x[:, None] + rng.normal(size=(100, 50, 1)), x + rng.normal(size=(100, 1)), x)
    >>> found.draws.shape, found.names
    ((100, 50, 1), ['column 0'])
    """

    draws: Any
    truths: Any
    observations: Any = None
    log_probs: Any = None
    log_prob_truths: Any = None
    names: Any = None
    categorical: Any = ()
    periods: Any = field(default_factory=dict)
    observed_categorical: Any = ()
    observed_periods: Any = field(default_factory=dict)
    given: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        draws, truths, seen = _columns.checked(self.draws, self.truths, self.observations)
        if isinstance(self.given, str) or not all(isinstance(name, str) for name in _listed(self.given)):
            refuse("given", self.given, "a tuple of texts")
        if (self.log_probs is None) != (self.log_prob_truths is None):
            raise InputError("got log densities of draws or of truths alone; expected both or none")
        columns = truths.shape[1]
        held: dict[str, Any] = {"draws": draws, "truths": truths}
        features = _columns.features(seen, self.observed_categorical, self.observed_periods)
        held["observations"] = features if features.shape[1] else None
        held |= {"observed_categorical": (), "observed_periods": {}}  # features are numbers alone
        held["names"] = _columns.names_or_places(self.names, columns)
        held["categorical"] = tuple(np.flatnonzero(categorical_mask(self.categorical, columns)).tolist())
        held["periods"] = _columns.periods_of(self.periods, columns)
        if self.log_probs is not None:
            held["log_probs"] = as_rows(self.log_probs, "the log densities of the draws")
            held["log_prob_truths"] = as_rows(_column_of(self.log_prob_truths), "those of the truths")[:, 0]
            for name in ("log_probs", "log_prob_truths"):
                if len(held[name]) != len(truths):
                    raise InputError(f"got {name} of {len(held[name])} rows for {len(truths)} truths; expected as many")
        for name, value in held.items():
            object.__setattr__(self, name, value)

    def __len__(self) -> int:
        return len(self.truths)

    @property
    def per_row(self) -> int:
        """How many draws each row has."""
        return int(self.draws.shape[1])


def _listed(names: Any) -> Any:
    return names if isinstance(names, tuple | list) else (None,)
