"""unnoise check: test the properties of a space, a process or a sampler of your own."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any

import typer

from unnoise._errors import InputError
from unnoise.cli import common, user_code, words

if TYPE_CHECKING:
    import torch

    from unnoise.processes import HasKernel, Process
    from unnoise.spaces import Space
    from unnoise.testing import Findings

EXPECTED = (
    "expected a space, a process, a sampler, or a function without arguments that returns one, or a tuple "
    "(space, points, local), (process, atoms) or (sampler, process, atoms)"
)
MOST_DRAWS = 10**6  # that memory holds, for small spaces
AT_RANDOM = 5  # points, by default


@common.reports_errors
def check(
    target: Annotated[
        str, typer.Argument(metavar="MODULE:OBJECT", help="What to check; a module may be in this folder.")
    ],
    draws: Annotated[
        int | None, typer.Option(min=100, max=MOST_DRAWS, help="Random draws for each property.", show_default=False)
    ] = None,
    order: Annotated[
        float | None,
        typer.Option(help="The order of a sampler, by default 1: its bias falls as step^order.", show_default=False),
    ] = None,
    seed: common.Seed = 0,
    json: common.Json = False,
) -> None:
    """Test the properties of a space, a process or a sampler of your own.

    OBJECT is one of these, a function without arguments that returns one, or a
    tuple (space, points), (space, points, local), (process, atoms) or
    (sampler, process, atoms). Points and atoms are 3 or more different points
    of a small space, with a few dimensions or sites.

    A process of points of several cells, such as columns or sites, must also
    answer what some cells say of others. A process without a known kernel is
    tested as a generator: its reverse must undo it, and its noise must end at
    its prior. The exit code is 0 if all properties hold, and 1 if one is broken.

    Examples:
      unnoise check my_spaces:Hyperbolic                # a space
      unnoise check my_process:example --seed 1 --json  # a process, for a machine
    """
    with user_code.this_folder(), user_code.running(), user_code.printing_aside():
        found = user_code.find(target)
        findings = _findings(found() if _needs_nothing(found) else found, draws, order, seed)
    findings = replace(findings, subject=target)
    common.result(json, _facts(findings), _words(findings))
    if findings.failed:
        raise typer.Exit(1)


def _needs_nothing(found: Any) -> bool:
    from unnoise.laws import Law
    from unnoise.processes import Process
    from unnoise.spaces import Space

    return not isinstance(found, tuple | Space | Process | Law) and user_code.takes(found)


def _findings(found: Any, draws: int | None, order: float | None, seed: int) -> Findings:
    from unnoise import testing
    from unnoise.processes import HasKernel, Process
    from unnoise.spaces import Space

    subject, *rest = found if isinstance(found, tuple) and found else (found,)
    options: dict[str, Any] = {"seed": seed, "raises": False} | ({} if draws is None else {"draws": draws})
    words.refuse((order is not None and isinstance(subject, Space | Process), "--order is for samplers"))
    if isinstance(subject, Space):
        return testing.check_space(subject, *(rest or [_points(subject, seed)]), **options)
    if isinstance(subject, HasKernel):
        return _of_process(subject, rest or [_atoms(subject, seed)], options)
    if isinstance(subject, Process):
        return testing.check_generator(subject, *(rest or [_atoms(subject, seed)]), **options)
    if user_code.takes(subject, None, 2):  # a denoiser and a number of steps
        return testing.check_sampler(subject, *(rest or _usual(seed)), order=1.0 if order is None else order, **options)
    raise InputError(f"got a {type(subject).__name__}; {EXPECTED}")


def _of_process(process: HasKernel[Any], atoms: list[Any], options: dict[str, Any]) -> Findings:
    """With those of questions, where points have cells to be given and asked."""
    from unnoise import testing
    from unnoise.testing.question_case import cells_of

    found = testing.check_process(process, *atoms, **options)
    if cells_of(process) < 2:
        return found
    return replace(found, findings=(*found.findings, *testing.check_questions(process, *atoms, **options).findings))


def _points(space: Space[Any, Any], seed: int) -> Any:
    from unnoise.spaces import Manifold

    if not isinstance(space, Manifold):
        raise InputError(
            f"no default points are known for {type(space).__name__}: give a tuple (space, points, local), where "
            "local(x) says what a generator does at x"
        )
    return space.scattered(AT_RANDOM, _rng(seed))


def _atoms(process: Process[Any], seed: int) -> Any:
    """Different points: of a manifold at random, else from the prior."""
    from unnoise import _tree
    from unnoise.spaces import Manifold
    from unnoise.testing.laws import numbers

    if isinstance(process.space, Manifold):
        return _points(process.space, seed)
    drawn = process.prior(64).sample(_rng(seed))
    first: dict[tuple[float, ...], int] = {}
    for row, key in enumerate(numbers(drawn).tolist()):
        first.setdefault(tuple(key), row)
    chosen = list(first.values())[:AT_RANDOM]
    if len(chosen) < 3:
        raise InputError("the prior has fewer than 3 different points: give a tuple (process, atoms)")
    return _tree.map(lambda leaf: leaf[chosen], drawn)


def _usual(seed: int) -> tuple[Any, Any]:
    from unnoise.processes import variance_preserving
    from unnoise.spaces import Euclidean

    process = variance_preserving(Euclidean(2))
    return process, _atoms(process, seed)


def _rng(seed: int) -> torch.Generator:
    import torch

    return torch.Generator().manual_seed(seed)


def _facts(findings: Findings) -> dict[str, Any]:
    fields = ("p_value", "error", "bound", "detail", "meaning")
    properties = [
        {"claim": finding.claim, "kept": finding.passed} | {field: getattr(finding, field) for field in fields}
        for finding in findings.findings
    ]
    broken = len(findings.failed)
    kept = len(findings.looked_at) - broken
    return {"subject": findings.subject, "kept": kept, "broken": broken, "properties": properties}


def _words(findings: Findings) -> str:
    lines = [str(findings)]
    for finding in findings.failed:
        lines += [f"\nBROKEN: {finding.claim}", f"  it says   {finding.meaning}"]
        lines += [f"  found     {finding.detail}"] if finding.detail else []
        lines += [f"  judged by {finding.verdict}"] if finding.verdict else []
    return "\n".join(lines)
