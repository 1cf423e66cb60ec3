"""What must hold between the columns of a table, kept in every row by a change of coordinates.

Of `low <= high` the model learns low and the distance to high; of `total = a + b` it learns a and b; of `code -> place`
it learns the code alone. The change is undone in every row that is drawn, and nothing is rejected. Distances and sums
have Jacobian 1, so that densities of numbers stay in the data's own units.
"""

from __future__ import annotations

import dataclasses
import math
import shlex
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from unnoise._errors import InputError, warn
from unnoise.data._checked import built, check, entries
from unnoise.data._numerics import Values
from unnoise.data._offers import offers
from unnoise.data.base import listed
from unnoise.data.charts import Gap, Limit, Lookup, Step, Sum
from unnoise.data.holes import Mask, Present

NOTICED = 0.005  # of new rows that break a constraint
Held = dict[str, tuple[Values, Mask]]
Among = dict[str, tuple[Any, ...]]
_STEPS: dict[str, type[Any]] = {kind.name: kind for kind in (Gap, Sum, Lookup, Limit)}


@dataclass(frozen=True)
class Chart:
    """All that must hold, as steps from the columns that are modelled to the user's.

    Args:
        steps: each after those of its sources.
        bounds: of single columns.

    >>> chart = Chart((Gap("high", "low", True, False, "int64", 0),))
    >>> columns, _ = chart.forward({"low": np.array([1, 2]), "high": np.array([5, 2])}, {})
    >>> columns["high"], chart.back(columns)["high"]
    (array([4, 0]), array([5, 2]))
    """

    steps: tuple[Step, ...] = ()
    bounds: tuple[Limit, ...] = ()

    def __post_init__(self) -> None:
        targets = [step.target for step in self.steps]
        check(len(set(targets)) == len(targets), "targets", targets, "all different")
        for place, step in enumerate(self.steps):
            check(not set(step.sources) & set(targets[place:]), "steps", targets, "each after those of its sources")

    def __bool__(self) -> bool:
        return bool(self.steps or self.bounds)

    @property
    def by_target(self) -> dict[str, Step]:
        """The steps by the columns that they are about."""
        return {step.target: step for step in self.steps}

    @property
    def gaps(self) -> tuple[Gap, ...]:
        """The steps about columns that are modelled by their distances."""
        return tuple(step for step in self.steps if isinstance(step, Gap))

    @property
    def touched(self) -> frozenset[str]:
        """The columns that are not modelled as they are, and those that are bounded."""
        return frozenset(one.target for one in (*self.steps, *self.bounds))

    @property
    def computed(self) -> frozenset[str]:
        """The columns that are not modelled."""
        return frozenset(step.target for step in self.steps if step.computed)

    @property
    def numbers(self) -> tuple[str, ...]:
        """The columns that must be modelled as cells of numbers."""
        return tuple(dict.fromkeys([*(gap.target for gap in self.gaps), *(bound.target for bound in self.bounds)]))

    def closure(self, names: Iterable[str]) -> tuple[str, ...]:
        """The modelled columns that say what these are."""
        found, waiting, by_target = dict[str, None](), list(names), self.by_target
        while waiting:
            name = waiting.pop(0)
            if name in found:
                continue
            found[name] = None
            waiting += by_target[name].sources if name in by_target else ()
        return tuple(name for name in found if name not in self.computed)

    def connected(self, name: str) -> set[str]:
        """The columns that steps join to this one, and it."""
        found, size = {name}, 0
        while len(found) > size:
            size = len(found)
            for step in self.steps:
                group = {step.target, *step.sources}
                found |= group if group & found else set()
        return found

    def forward(self, columns: Mapping[str, Values], present: Present) -> tuple[dict[str, Values], dict[str, Mask]]:
        """What is modelled of the user's columns, and where it is there.

        Raises:
            InputError: rows that break a constraint, or hold a column without those that it is measured from.

        Columns that are not there are passed over, as where only some are given.
        """
        found, masks = dict(columns), dict(present)
        for bound in self.bounds:
            if bound.target in columns:
                _check_rows(bound, columns, _there(columns, present, bound.target))
        for step in self.steps:
            if step.target not in columns:
                continue
            if step.computed and not set(step.sources) <= columns.keys():
                del found[step.target]
                continue
            own = _there(columns, present, step.target)
            sources = np.logical_and.reduce([_there(columns, present, name) for name in step.sources])
            if (alone := own & ~sources).any():
                raise InputError(
                    f"got '{step.target}' without {' and '.join(step.sources)} in row {int(alone.argmax())}, and "
                    f"{str(step)!r} needs all of them or no '{step.target}': fill the hole, or leave out the constraint"
                )
            _check_rows(step, columns, own)
            if isinstance(step, Gap):
                gap = step.forward({name: columns[name][own] for name in (step.base, step.target)})
                found[step.target] = np.zeros(len(own), dtype=gap.dtype)
                found[step.target][own] = gap
            else:
                del found[step.target]
                masks.pop(step.target, None)
        return found, masks

    def back(self, columns: Mapping[str, Values], told: Mapping[str, tuple[Values, Mask]] | None = None) -> Any:
        """The user's columns from what is modelled; where values are `told`, these."""
        found, told, by_target = dict(columns), told or {}, self.by_target

        def put(name: str) -> None:
            if name in told and name in found:
                values, there = told[name]
                found[name] = np.where(there, values, found[name])

        for name in found.keys() - by_target.keys():
            put(name)
        for step in self.steps:
            found[step.target] = step.back(found)
            for bound in self.bounds:
                if bound.target == step.target and isinstance(step, Gap):
                    found[step.target] = _clipped(found[step.target], bound, step.decimals)
            put(step.target)
        return found

    def missing(self, masks: Mapping[str, Mask]) -> dict[str, Mask]:
        """Where the user's columns have holes: also where one is missing that they are measured from."""
        found = dict(masks)
        for step in self.steps:
            gaps = [found[name] for name in (step.target, *step.sources) if name in found]
            if gaps:
                found[step.target] = np.logical_or.reduce(gaps)
        return found

    def check_question(self, asked: Collection[str], given: Collection[str]) -> None:
        """Refuse to score distances without what they are measured from."""
        for name in (*asked, *given):
            step = self.by_target.get(name)
            if step is None:
                continue
            if step.computed:
                raise InputError(f"got '{name}', which follows from {_listed(step.sources)}; name these instead")
            beside = given if name in given else {*asked, *given}
            if left := [source for source in self.closure(step.sources) if source not in beside]:
                raise InputError(
                    f"got '{name}' without '{left[0]}', from which it is measured ({step}); name '{left[0]}' too, and "
                    "as given where this one is"
                )

    def solved(self, held: Held, n: int, restore: Callable[[str, Values], Values]) -> tuple[Held, Among]:
        """Given values, with those that follow from them; and sets of values, where no single one follows."""
        found, among = dict(held), Among()
        for step in reversed(self.steps):
            if step.target not in found or isinstance(step, Gap):
                continue
            values, there = found[step.target]
            left = [name for name in step.sources if name not in found]
            if isinstance(step, Lookup) and left:
                options = {value: step.sources_of(value) for value in dict.fromkeys(values[there].tolist())}
                if all(len(keys) == 1 for keys in options.values()):
                    one = np.array([options.get(value, step.keys)[0] for value in values.tolist()], dtype=object)
                    found[step.source] = restore(step.source, one), there
                elif len(options) == 1 and there.all():
                    among[step.source] = next(iter(options.values()))
                else:
                    raise InputError(f"got several values of '{step.target}' ({step}); give '{step.source}' instead")
            elif isinstance(step, Sum) and len(left) == 1:
                _check_beside(step, found, [name for name in step.sources if name in found])
                columns = {name: part for name, (part, _) in found.items()}
                found[left[0]] = restore(left[0], step.solved(columns, left[0], "float64")), there
            elif left:
                raise InputError(f"got '{step.target}' alone ({step}); give all or all but one of its other columns")
        for step in self.steps:
            if step.computed and step.target not in found and all(name in found for name in step.sources):
                there = np.logical_and.reduce([found[name][1] for name in step.sources])
                rows = {name: part[there] for name, (part, _) in found.items()}
                part = step.back(rows)
                values = np.zeros(n, dtype=part.dtype)
                values[there] = part
                found[step.target] = values, there
            elif step.target in found and step.target not in among:
                _check_beside(step, found, [name for name in step.sources if name not in among])
        return found, among

    def to_config(self) -> dict[str, Any]:
        """JSON, from which `from_config` makes an equal chart."""
        return {
            "steps": [{"step": step.name, **listed(dataclasses.asdict(step))} for step in self.steps],
            "bounds": [listed(dataclasses.asdict(bound)) for bound in self.bounds],
        }

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Self:
        """The chart that `to_config` described."""
        steps = []
        for fields in entries(config.get("steps"), "steps"):
            kind = fields.pop("step", None) if (fields := dict(fields)) else None
            check(kind in list(_STEPS), "step", kind, f"one of {', '.join(_STEPS)}")
            steps.append(built(_STEPS[str(kind)], fields))
        return cls(tuple(steps), tuple(built(Limit, fields) for fields in entries(config.get("bounds"), "bounds")))


def offered(
    columns: Mapping[str, Values], kept: Collection[str] = (), broken: Callable[[str], float] | None = None
) -> list[str]:
    """Sentences about what holds between columns in all rows and could be kept, at most five.

    Args:
        columns: of the data, by name; holes as of `data.holes`.
        kept: columns that a constraint is about already.
        broken: the share of new rows that break a constraint, given its text; None if there are none yet.

    >>> low = np.arange(100) % 10
    >>> offered({"low": low, "high": low + np.arange(100) % 3}, broken=lambda _: 0.2)
    ["low <= high in all 100 rows, but not in 20 % of new ones: keep it with --constraint 'low <= high'"]
    """
    left = {name: values for name, values in columns.items() if name not in kept}
    return [
        f"{text} in all {n:,} rows{_but(0.0 if broken is None else broken(text))}: keep it with --constraint "
        + shlex.quote(text)
        for text, n in offers(left)
    ]


def _but(share: float) -> str:
    return f", but not in {100 * share:.{0 if share >= 0.1 else 1}f} % of new ones" if share >= NOTICED else ""


def _there(columns: Mapping[str, Values], present: Present, name: str) -> Mask:
    return present.get(name, np.ones(len(columns[name]), dtype=bool))


def _clipped(values: Values, bound: Limit, decimals: int | None) -> Values:
    """Within a bound, at the last number of the grid that keeps it; of fractions one step inside where it is strict."""
    end, sign = bound.bound, 1 if bound.above else -1
    if bound.strict and decimals is None:
        end = float(np.nextafter(values.dtype.type(end), values.dtype.type(sign * np.inf)))
    elif decimals == 0:
        end = sign * math.ceil(sign * end)
        end += sign * (bound.strict and end == bound.bound)
    elif bound.strict and decimals is not None:
        end = end + sign * 10**-decimals
    return np.where(bound.holds({bound.target: values}), values, np.array(end).astype(values.dtype))


def _check_beside(step: Step, found: Held, sources: Sequence[str]) -> None:
    """Refuse given values of a column in rows where what it is measured from is not given, and rows that break it."""
    own = found[step.target][1]
    for name in sources:
        if name not in found or (own & ~found[name][1]).any():
            raise InputError(
                f"got '{step.target}' as given without '{name}', from which it is measured ({step}); give '{name}' "
                f"too, or '{step.target}' as a range (low, high)"
            )
    if len(sources) == len(step.sources):
        _check_rows(step, {name: found[name][0] for name in (*sources, step.target)}, own)


def _check_rows(step: Step | Limit, columns: Mapping[str, Values], there: Mask) -> None:
    """Refuse rows, of those that are there, in which it is not so."""
    rows = np.flatnonzero(there)
    names = (step.target,) if isinstance(step, Limit) else (*step.sources, step.target)
    bad = rows[~step.holds({name: columns[name][rows] for name in names})]
    if len(bad):
        listed = ", ".join(map(str, bad[:3].tolist())) + (", ..." if len(bad) > 3 else "")
        shown = ", ".join(f"{name} = {columns[name][bad[0]]}" for name in names)
        raise InputError(
            f"got {len(bad)} row{'s' * (len(bad) > 1)} ({listed}) that break{'s' * (len(bad) == 1)} {str(step)!r}, "
            f"such as {shown}; expected every row to keep it: mend them, or leave out the constraint"
        )


def warn_of_holes(chart: Chart, columns: Mapping[str, Values], present: Present) -> None:
    """Say which holes of computed columns samples will not have."""
    for step in chart.steps:
        if step.computed and step.target in present:
            whole = np.logical_and.reduce([_there(columns, present, name) for name in step.sources])
            if count := int((whole & ~present[step.target]).sum()):
                warn(f"'{step.target}' is missing in {count} rows in which it follows ({step}); samples always have it")


def _listed(names: Sequence[str]) -> str:
    return ", ".join(f"'{name}'" for name in names)
