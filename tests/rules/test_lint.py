"""Ruff keeps the rest of the rules, so nothing here repeats it: this proves that it is told to, and finds nothing.

Everything is annotated (ANN) and documented (D), nothing is asserted in the package (S101), nothing is left to do later
(FIX), and heavy libraries are imported where they are used (TID253). `test_import_time` measures what that is worth.
"""

from __future__ import annotations

import subprocess
import sys

import pytest
from source import ROOT


def ruff(*words: str, source: str | None = None) -> str:
    """What ruff finds, one `file:line: rule what` a line."""
    command = [sys.executable, "-m", "ruff", "check", "--quiet", "--no-cache", "--output-format", "concise", *words]
    return subprocess.run(command, cwd=ROOT, input=source, capture_output=True, text=True, check=False).stdout


def test_ruff_finds_nothing() -> None:
    assert not (found := ruff(".")), found


@pytest.mark.parametrize(
    ("code", "source"),
    [
        ("ANN001", "def f(x) -> int:\n    return 1\n"),
        ("ANN201", "def f(x: int):\n    return 1\n"),
        ("ANN002", "def f(*x) -> int:\n    return 1\n"),
        ("D100", "x = 1\n"),
        ("D101", "class A:\n    x = 1\n"),
        ("D102", "class A:\n    def f(self) -> int:\n        return 1\n"),
        ("D103", "def f() -> int:\n    return 1\n"),
        ("S101", "assert 1 > 0\n"),
        ("FIX002", "# TODO: later\n"),
        ("TID253", "import matplotlib\n"),
        ("TID253", "from scipy.stats import norm\n"),
        ("TID253", "import sklearn.mixture\n"),
    ],
)
def test_a_rule_of_ruff_is_on(code: str, source: str) -> None:
    assert f" {code} " in ruff("--stdin-filename", "src/unnoise/laws/mine.py", "-", source=source)


@pytest.mark.parametrize(
    "source",
    [
        '"""What it is."""\n\n\ndef f(x: int) -> int:\n    """One more."""\n    return x + 1\n',
        '"""What it is."""\n\n\ndef f() -> None:\n    """n rows."""\n    import matplotlib  # noqa: F401\n',
        '"""What it is."""\n\nfrom typing import TYPE_CHECKING\n\nif TYPE_CHECKING:\n    import pandas\n\n'
        'x: "pandas.Series | None" = None\n',
    ],
)
def test_ruff_lets_the_innocent_go(source: str) -> None:
    assert ruff("--stdin-filename", "src/unnoise/laws/mine.py", "-", source=source) == ""
