"""The properties by the command line, on modules that a user has in a folder."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import Result

Run = Callable[..., Result]
MINE = """
import sys

import torch
from unnoise.laws import Normal
from unnoise.processes import CTMC, DiffusionProcess, JumpProcess, variance_preserving
from unnoise.processes.rates import Absorbing, UniformRates
from unnoise.samplers import Euler
from unnoise.spaces import Euclidean, Finite, Jump


def own(strength=8.0, drift=lambda x, t: -4 * x):
    def prior(n):
        return Normal(torch.zeros(n, 1, dtype=torch.float64), torch.ones(()), 1)

    return DiffusionProcess(Euclidean(1), drift, lambda t: strength**0.5 + 0 * t, prior)


def too_strong():
    return own(24.0)


def crashing():
    return own(drift=lambda x, t: -4 * y)


class Broken(Euclidean):
    def __init__(self):
        super().__init__(2)

    def log(self, x, y):
        return x - y


class Frozen(Euler):
    def step(self, state, t, s, rng, cond=None):
        return state


plane = Euclidean(2)
letters = Finite(2, 3)
with_points = letters, torch.tensor([[0, 1], [2, 2], [1, 0]]), lambda x: Jump(torch.ones(*x.shape, 3).double())
known = variance_preserving(Euclidean(1))
chain = CTMC(letters, UniformRates(3))
masked = CTMC(Finite(2, 3), Absorbing(3))
sampler = Euler, chain, torch.tensor([[0, 1], [2, 2], [1, 0]])
number = 3


class Quits(Euclidean):
    def __init__(self):
        super().__init__(2)

    def log(self, x, y):
        sys.exit(0)


def quits():
    sys.exit(0)


def interrupts():
    raise KeyboardInterrupt


def ends():
    raise GeneratorExit


def leaves():
    import typer

    raise typer.Exit(0)


def no_file():
    return open("nothing.txt")


class Unprintable(Exception):
    def __str__(self):
        raise ValueError


def unprintable():
    raise Unprintable


class Liar:
    __class__ = Euclidean


class Nowhere(Euclidean):
    def exp(self, x, v):
        return torch.nan * x


nowhere = Nowhere(2)
liar = Liar()
few = plane, torch.zeros(2, 5)


def density(x):
    return -(x**2).sum(-1)


def loud():
    print("made")
    return plane
"""


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a module in it, as the working directory."""
    (tmp_path / "mine.py").write_text(MINE)
    (tmp_path / "spoilt.py").write_text("1 / 0")
    (tmp_path / "exits.py").write_text("raise SystemExit(0)")
    (tmp_path / "random.py").write_text("mine = 3")
    monkeypatch.chdir(tmp_path)
    monkeypatch.delitem(sys.modules, "mine", raising=False)
    before = list(sys.path)
    yield tmp_path
    assert sys.path == before
    sys.modules.pop("mine", None)


KEPT = {  # what is checked, and a property that shows which ones were
    "own": "the reverse of a known law undoes the noise",
    "plane": "log inverts exp",
    "with_points": "phi is not negative",
    "known": "the signal-to-noise ratio falls",
    "chain": "the bridge is that of a Markov process",
    "sampler": "samples are atoms",
}


@pytest.mark.parametrize(("name", "claim"), KEPT.items(), ids=KEPT)
def test_what_is_right_keeps_its_properties(name: str, claim: str, done: Run, desk: Path) -> None:
    draws = ["--draws", "2000"] if name == "sampler" else ["--draws", "500"]
    result = done("check", f"mine:{name}", *draws)
    count, unseen = (result.stdout.count(f"\n  {mark} ") for mark in ("kept", "-   "))
    rest = f", {unseen} not looked at" if name in UNSEEN else ""
    assert result.stdout.startswith(f"mine:{name}: {count} of {count} properties kept{rest}\n")
    assert f"  kept    {claim} " in result.stdout
    assert "BROKEN" not in result.stdout


UNSEEN = {"with_points", "sampler", "chain"}  # letters are no real numbers, which might be NaN, or flow


def test_a_process_of_two_sites_is_asked_what_one_says_of_the_other(done: Run, desk: Path) -> None:
    found = json.loads(done("check", "mine:chain", "--draws", "500", "--json").stdout)["properties"]
    assert "log p(A, B) = log p(B) + log p(A | B)" in [one["claim"] for one in found]
    alone = json.loads(done("check", "mine:known", "--draws", "500", "--json").stdout)["properties"]
    assert "cells add up to points" not in [one["claim"] for one in alone]


BROKEN = {
    "too_strong": ("noise ends at the prior", "end as draws from the prior do"),
    "Broken": ("log inverts exp", r"it says   log(x, exp(x, v)) = v for short v."),
}


@pytest.mark.parametrize("name", BROKEN)
def test_what_is_broken_is_explained(name: str, run: Run, desk: Path) -> None:
    claim, explained = BROKEN[name]
    result = run("check", f"mine:{name}", "--draws", "1000")
    assert (result.exit_code, result.stderr) == (1, "")
    assert f"  BROKEN  {claim} " in result.stdout
    assert f"\nBROKEN: {claim}\n  it says   " in result.stdout
    assert explained in result.stdout
    assert "\n  found     " in result.stdout


def test_a_sampler_runs_on_a_known_process_where_none_is_given(run: Run, desk: Path) -> None:
    result = run("check", "mine:Frozen", "--draws", "2000")
    assert result.exit_code == 1
    assert "BROKEN: half way the states follow the noised law" in result.stdout


def test_json_has_every_property(run: Run, desk: Path) -> None:
    result = run("check", "mine:too_strong", "--draws", "2000", "--json")
    facts = json.loads(result.stdout)
    assert result.exit_code == 1
    assert (facts["subject"], facts["kept"] + facts["broken"]) == ("mine:too_strong", len(facts["properties"]))
    broken = [found for found in facts["properties"] if not found["kept"]]
    assert [found["claim"] for found in broken] == ["noise ends at the prior"]
    assert broken[0]["p_value"] < 1e-6
    assert all(found["meaning"] for found in facts["properties"])


def test_what_the_code_prints_is_no_part_of_the_result(run: Run, desk: Path) -> None:
    """It stood before the JSON."""
    result = run("check", "mine:loud", "--draws", "500", "--json")
    assert (result.exit_code, result.stderr) == (0, "made\n")
    assert json.loads(result.stdout)["subject"] == "mine:loud"


def test_code_that_crashes_is_told_with_its_line(run: Run, desk: Path) -> None:
    result = run("check", "mine:crashing")
    line = MINE.splitlines().index("    return own(drift=lambda x, t: -4 * y)") + 1
    assert result.exit_code == 1
    assert result.stderr == f"unnoise: mine.py, line {line}, in <lambda>, raised NameError: name 'y' is not defined\n"


ENDED = {  # by code that ends the program, or does not say why
    "Quits": r"mine.py, line \d+, in log, called sys.exit\(0\)",
    "quits": r"mine.py, line \d+, in quits, called sys.exit\(0\)",
    "leaves": r"mine.py, line \d+, in leaves, raised Exit: 0",
    "ends": r"mine.py, line \d+, in ends, raised GeneratorExit:",
    "no_file": r"mine.py, line \d+, in no_file, raised FileNotFoundError: .*nothing.txt.*",
    "unprintable": r"mine.py, line \d+, in unprintable, raised Unprintable: \(it cannot be printed\)",
    "liar": r".*raised AttributeError: .*",
}


@pytest.mark.parametrize("name", ENDED)
def test_a_check_that_was_not_carried_out_is_no_success(name: str, run: Run, desk: Path) -> None:
    result = run("check", f"mine:{name}", "--draws", "500")
    assert (result.exit_code, result.stdout) == (1, "")
    assert re.fullmatch(rf"unnoise: {ENDED[name]}\n", result.stderr), result.stderr


def test_an_interrupted_check_says_so(run: Run, desk: Path) -> None:
    result = run("check", "mine:interrupts")
    assert (result.exit_code, result.stdout, result.stderr) == (130, "", "unnoise: interrupted\n")


@pytest.mark.parametrize(
    ("words", "match"),
    [
        (("mine:sampler", "--order", "nan"), "got order = nan; expected a finite number above 0 and at most 16"),
        (("mine:sampler", "--order", "-1"), "got order = -1.0; expected a finite number above 0 and at most 16"),
        (("mine:plane", "--order", "1"), "--order is for samplers; leave it out"),
        (("mine:known", "--order", "1"), "--order is for samplers; leave it out"),
    ],
)
def test_wrong_options_are_refused(words: tuple[str, ...], match: str, refused: Run, desk: Path) -> None:
    refused("check", *words, match=match)


@pytest.mark.parametrize("words", [("--draws", "9" * 20), ("--draws", "9" * 5000), ("--seed", str(2**64))])
def test_numbers_of_many_digits_are_wrong_usage(words: tuple[str, ...], run: Run, desk: Path) -> None:
    result = run("check", "mine:plane", *words)
    assert result.exit_code == 2
    assert words[0] in result.stderr


REFUSED = {
    "mine": "got 'mine'; expected MODULE:OBJECT",
    "nowhere:x": "the module 'nowhere' is neither installed nor in this folder",
    "mine:nothing": "mine:nothing does not exist: mine has no 'nothing'",
    "spoilt:x": "spoilt cannot be imported: spoilt.py, line 1, in <module>, raised ZeroDivisionError",
    "mine:number": "got a int; expected a space, a process, a sampler",
    "mine:density": "got a function; expected a space, a process, a sampler",
    "mine:letters": r"no default points are known for Finite: give a tuple \(space, points, local\)",
    "mine:masked": r"the prior has fewer than 3 different points: give a tuple \(process, atoms\)",
    "": "got ''; expected a name or a value",
    "../mine:own": "got '../mine:own'; expected MODULE:OBJECT",
    ".mine:own": "got '.mine:own'; expected MODULE:OBJECT",
    "mine:": "got 'mine:'; expected MODULE:OBJECT",
    "exits:x": "exits cannot be imported: exits.py, line 1, in <module>, called sys.exit",
    "random:mine": "random has no 'mine'; it is not random.py of this folder but a module of Python",
    "mine:nowhere": "still changes everything; is `move` continuous",
    "mine:few": r"got points of shape \(5,\); Euclidean expects \(2,\)",
}


@pytest.mark.parametrize(("target", "match"), REFUSED.items(), ids=REFUSED)
def test_wrong_input_is_refused(target: str, match: str, refused: Run, desk: Path) -> None:
    refused("check", target, match=match)


@pytest.mark.parametrize("space", ["Rotations", "Sphere", "Torus"])
def test_spaces_of_the_package_are_checked_by_name(space: str, done: Run) -> None:
    assert "17 of 17 properties kept" in done("check", f"unnoise.spaces:{space}", "--draws", "500").stdout
