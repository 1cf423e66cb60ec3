"""What unnoise says of the machine it runs on, and of its version."""

from __future__ import annotations

import json
import re
import sys
from email.message import Message
from importlib.metadata import PackageNotFoundError, version

import pytest

from unnoise import __version__
from unnoise.cli.doctor import COMPILE, compiles, extras

HERE = sys.modules["unnoise.cli.doctor"]  # the verb has the name of its module


@pytest.fixture
def needs(monkeypatch: pytest.MonkeyPatch) -> None:
    """An installation with two extras, of one of which a package is missing."""
    about = Message()
    for line in (
        "torch>=2.11",
        "numpy>=2 ; extra == 'hub'",
        "no-such-package>=1; (python_version > '3') and extra == \"look\"",
        "scipy; extra == 'look'",
        "pytest; extra == 'dev'",
    ):
        about["Requires-Dist"] = line
    monkeypatch.setattr(HERE, "metadata", lambda name: about)


def test_the_version_comes_with_that_of_torch(run) -> None:
    done = run("--version")
    assert (done.exit_code, done.stderr) == (0, "")
    assert re.fullmatch(
        rf"unnoise {__version__} \(torch {re.escape(version('torch'))}, Python 3[\d.]+\)\n", done.stdout
    )


@pytest.mark.usefixtures("needs")
def test_extras_are_those_of_the_installation() -> None:
    assert extras() == {"hub": {"numpy": True}, "look": {"no-such-package": False, "scipy": True}}


def test_a_checkout_that_is_not_installed_has_none(monkeypatch) -> None:
    def missing(name: str) -> None:
        raise PackageNotFoundError(name)

    monkeypatch.setattr(HERE, "metadata", missing)
    assert extras() == {}


@pytest.mark.usefixtures("needs")
def test_it_tells_what_it_found(done, monkeypatch) -> None:
    monkeypatch.setattr(HERE, "compiles", lambda: "no C++ compiler")
    told = done("doctor").stdout
    assert f"unnoise {__version__}" in told
    assert "torch      computes" in told
    assert "torch.compile does not work, and need not (no C++ compiler)" in told
    assert "no no-such-package: pip install 'unnoise[look]'" in told
    assert "hub        numpy" in told


def test_where_torch_cannot_compute_the_exit_code_says_so(run, monkeypatch) -> None:
    monkeypatch.setattr(HERE, "computes", lambda: "CUDA error: no kernel image")
    done = run("doctor", "--no-compile", "--json")
    assert done.exit_code == 1
    facts = json.loads(done.stdout)
    assert (facts["computes"], facts["compiles"]) == ("CUDA error: no kernel image", None)
    assert facts["system"]["threads"] >= 1


def test_compiling_is_tried_in_a_process_that_may_crash() -> None:
    assert compiles("pass") is True
    assert compiles("raise RuntimeError('no compiler')") == "RuntimeError: no compiler"
    assert compiles("import os; os._exit(9)") == "it ended with exit code 9"


@pytest.mark.slow
def test_compiling_for_real_ends_with_an_answer() -> None:
    found = compiles(COMPILE)
    assert found is True or isinstance(found, str)
