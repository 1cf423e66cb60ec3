"""Tests judge chance by p-values with the one failure rate of `unnoise.testing`, never by so many standard errors."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

import pytest
from source import Module, Offence, expect_none, module, modules, offences

ERROR = re.compile(r"(^|_)(error|errors|sem|se|std|deviation|spread)(_|$)")
OWN_RATE = re.compile(r"FAIL\w*|ALPHA|SIGNIFICANCE")
P_VALUE = re.compile(r"p_?value|mean_is_zero")


def own_tolerances(one: Module) -> Iterator[Offence]:
    """Comparisons with k standard errors (k >= 2), or with a p-value or a rate of the test's own."""
    for node in one.nodes:
        if isinstance(node, ast.Compare):
            sides = [node.left, *node.comparators]
            if any(_times_an_error(part) for side in sides for part in ast.walk(side)):
                yield node.lineno, f"so many standard errors: {ast.unparse(node)}"
            if any(_is_a_p_value(side) for side in sides) and any(_is_a_rate(side) for side in sides):
                yield node.lineno, f"a rate of its own: {ast.unparse(node)}"
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant):
            for target in node.targets:
                if isinstance(target, ast.Name) and OWN_RATE.fullmatch(target.id):
                    yield node.lineno, f"a rate of its own: {ast.unparse(node)}"


def _times_an_error(node: ast.AST) -> bool:
    """Whether it is k times an error: the k-fold of an order of convergence is below 2."""
    if not (isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult | ast.Div)):
        return False
    factors = _factors(node)
    often = any(
        isinstance(part, ast.Constant) and isinstance(part.value, int | float) and part.value >= 2 for part in factors
    )
    return often and any(ERROR.search(_last_name(part)) for factor in factors for part in ast.walk(factor))


def _factors(node: ast.expr) -> list[ast.expr]:
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult | ast.Div):
        return [*_factors(node.left), *(_factors(node.right) if isinstance(node.op, ast.Mult) else [])]
    return [node]


def _is_a_rate(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, float) and 0 < node.value <= 0.01


def _is_a_p_value(node: ast.expr) -> bool:
    return bool(P_VALUE.search(_last_name(node.func if isinstance(node, ast.Call) else node)))


def _last_name(node: ast.AST) -> str:
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""


def test_tests_judge_chance_by_one_rate() -> None:
    expect_none(offences(own_tolerances, (one for one in modules("tests") if "rules" not in one.file.parts)))


@pytest.mark.parametrize(
    ("source", "guilty"),
    [
        ("assert abs(mean - truth) < 5 * error", True),
        ("assert abs(mean - truth) < 5 * error / 400**0.5 + 0.01", True),
        ("assert mean + 4.5 * found.standard_error < truth", True),
        ("assert mean == pytest.approx(truth, abs=5 * found.error)", True),
        ("assert (gap < 5 * values.std() * standard_error).all()", True),
        ("assert kstest(x, 'norm').pvalue > 1e-5", True),
        ("assert p_value(x) > 1e-4", True),
        ("assert mean_is_zero(x) > 1e-6", True),
        ("assert abs(mean) < 5 * float(x.std()) / len(x) ** 0.5", True),
        ("FAILURE = 1e-4", True),
        ("assert errors[1] < 0.45 * errors[0]", False),
        ("assert p_value(x) > FAILURE_RATE", False),
        ("assert_mean(values, truth)", False),
        ("assert found.p_value == pytest.approx(fisher_exact(table).pvalue)", False),
        ("assert found.p_value is not None", False),
        ("step = 5 * error", False),
    ],
)
def test_a_tolerance_of_its_own_is_seen(source: str, guilty: bool) -> None:
    assert bool(list(own_tolerances(module("tests.mine", source)))) == guilty
