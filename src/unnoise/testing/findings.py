r"""What the check of a property found, as a table.

A property is an equation between two sides. It holds exactly, and is judged by a relative error, or in expectation, and
is judged by a p-value. All share one `FAILURE_RATE`, the probability that a property which holds is called broken;
seeds are fixed. What is broken has p-values far below: a missing factor 1/2 gives 1e-50.
"""

from __future__ import annotations

import math
import sys
import zlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from inspect import isfunction
from typing import Any, TypeVar

import torch
from torch import Tensor

from unnoise import _tree
from unnoise._errors import InputError
from unnoise.testing.statistics import FAILURE_RATE, mean_is_zero, standard_errors

C = TypeVar("C")
Sides = Mapping[str, tuple[Tensor, Tensor]]


@dataclass(frozen=True)
class Finding:
    """What one check found.

    Attributes:
        claim: the property, in words.
        passed: whether it is kept; None where there is nothing to look at, as the drift on a space without vectors.
        p_value: of a statistical property.
        error: of an exact one.
        bound: the largest error allowed.
        detail: where it is worst, and both sides there.
        meaning: a sentence or a formula.
    """

    claim: str
    passed: bool | None
    p_value: float | None = None
    error: float | None = None
    bound: float | None = None
    detail: str = ""
    meaning: str = ""

    @property
    def verdict(self) -> str:
        """The number that decided."""
        if self.p_value is not None:
            return f"p = {self.p_value:.2g}"
        if self.error is not None and self.bound is not None:
            return f"error {self.error:.2g} {'<=' if self.passed else '>'} {self.bound:.2g}"
        return ""


class PropertyError(AssertionError):
    """A broken property. The message is the table of all findings, one in a line, with the numbers that disagree."""


@dataclass(frozen=True)
class Findings:
    """All findings about one object, as `check_process` and the like return them; printed, a table.

    Attributes:
        subject: the object, in words.
        findings: of every property that was asked for.
    """

    subject: str
    findings: tuple[Finding, ...]

    @property
    def failed(self) -> tuple[Finding, ...]:
        """The broken ones."""
        return tuple(finding for finding in self.looked_at if not finding.passed)

    @property
    def looked_at(self) -> tuple[Finding, ...]:
        """Those that are kept or broken."""
        return tuple(finding for finding in self.findings if finding.passed is not None)

    def __str__(self) -> str:
        seen = len(self.looked_at)
        rest = f", {len(self.findings) - seen} not looked at" if seen < len(self.findings) else ""
        width = max((len(finding.claim) for finding in self.findings), default=0)
        lines = [f"{self.subject}: {seen - len(self.failed)} of {seen} properties kept{rest}"]
        for finding in self.findings:
            mark = "-     " if finding.passed is None else "kept  " if finding.passed else "BROKEN"
            lines.append(f"  {mark}  {finding.claim:<{width}}  {finding.verdict:<22}  {finding.detail}".rstrip())
        return "\n".join(lines)


def conclude(subject: object, findings: Iterable[Finding], *, raises: bool) -> Findings:
    """Gather findings; raise PropertyError with the table if one failed and `raises`, InputError where none is one."""
    gathered = Findings(str(subject), tuple(findings))
    if not gathered.looked_at:
        raise InputError(f"no property of {subject} could be looked at; give points that say more of it")
    if raises and gathered.failed:
        raise PropertyError(str(gathered))
    return gathered


def judged(properties: Iterable[Callable[[C], Finding]], case: C) -> list[Finding]:
    """The finding of every check; the first line of its docstring is the meaning of the property."""
    return [replace(check(case), meaning=(check.__doc__ or "").strip().split("\n")[0]) for check in properties]


def stated_in(module: str) -> tuple[Callable[[Any], Finding], ...]:
    """The properties that a module states: its public functions that return a Finding, in their order."""
    own = (f for f in vars(sys.modules[module]).values() if isfunction(f) and f.__module__ == module)
    return tuple(f for f in own if f.__annotations__.get("return") == "Finding" and not f.__name__.startswith("_"))


def generator(seed: int, claim: str) -> torch.Generator:
    """A generator for one property, so that no check depends on those before it."""
    return torch.Generator().manual_seed(zlib.crc32(f"{seed} {claim}".encode()))


def reproducible(claim: str, draw: Callable[[torch.Generator], Any]) -> Finding:
    """A property of draws: a seed decides them, and the global generator is not touched."""
    before = torch.get_rng_state()
    one, again, other = (list(_tree.leaves(draw(generator(seed, "seeds")))) for seed in (1, 1, 2))
    untouched = torch.equal(before, torch.get_rng_state())
    same, twice = (
        all(torch.equal(a, b) for (_, a), (_, b) in zip(one, drawn, strict=True)) for drawn in (again, other)
    )
    detail = f"same seed, same draws: {same}; other seed, other draws: {not twice}; global generator: {untouched}"
    return Finding(claim, same and not twice and untouched, detail=detail)


def exact(claim: str, sides: Sides, bound: float, *, size: float | None = None) -> Finding:
    """A property that holds to rounding, relative to the largest number in both sides or to `size`."""
    sides = {label: (left.detach(), right.detach()) for label, (left, right) in sides.items()}
    errors = {label: _distance(left, right, size) for label, (left, right) in sides.items()}
    worst = max(errors, key=lambda label: math.inf if math.isnan(errors[label]) else errors[label])
    left, right = sides[worst]
    at = (left - right).abs().nan_to_num(math.inf).flatten().argmax()
    values = [float(side.expand((left - right).shape).flatten()[at]) for side in (left, right)]
    detail = f"{worst}: {values[0]:.4g} against {values[1]:.4g}"
    return Finding(claim, errors[worst] <= bound, error=errors[worst], bound=bound, detail=detail)


def _distance(left: Tensor, right: Tensor, size: float | None) -> float:
    if size is None:
        size = max(float(left.abs().max()), float(right.abs().max()))
    return float((left - right).abs().max()) / max(size, torch.finfo(torch.float64).tiny)


def statistical(claim: str, sides: Sides) -> Finding:
    """A property that holds in expectation: E[left] = E[right], columns (n,) or (n, k) of n independent rows each.

    All labels are tested together, as one vector (Hotelling's test).
    """
    columns = {label: _difference(left, right) for label, (left, right) in sides.items()}
    p_value = mean_is_zero(torch.cat(list(columns.values()), 1))
    z = {label: standard_errors(difference).abs().nan_to_num(math.inf) for label, difference in columns.items()}
    worst = max(z, key=lambda label: float(z[label].max()))
    at = int(z[worst].argmax())
    left, right = (_two_dimensional(side.detach())[:, at].double().mean() for side in sides[worst])
    detail = f"{worst}: mean {float(left):.4g} against {float(right):.4g}, {float(z[worst][at]):.1f} standard errors"
    return probable(claim, p_value, detail)


def probable(claim: str, p_value: float, detail: str) -> Finding:
    """A property whose p-value is known."""
    return Finding(claim, p_value > FAILURE_RATE, p_value=p_value, detail=detail)


def _difference(left: Tensor, right: Tensor) -> Tensor:
    """In units of the size of the terms; a thousandth is forgiven, for rounding and finite differences."""
    left, right = (_two_dimensional(side.detach()).double() for side in (left, right))
    size = (left.abs() + right.abs()).mean(0)
    return (left - right) / torch.where(size > 0, size, 1.0)


def _two_dimensional(side: Tensor) -> Tensor:
    return side[:, None] if side.ndim == 1 else side.flatten(1)
