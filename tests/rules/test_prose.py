"""Docstrings say something, in words; no file names the machine it was written on."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from source import ROOT, Module, Offence, expect_none, module, modules, offences, public_classes

POINTER = re.compile(r"See (the |its )?(class|module|base)(es|s)?( of \w+)?\.?")
SYMBOL = re.compile(r"(?![AI]\b)[A-Z](_\w+)?(?=[:,]|\s+[a-z])")
MACHINE = re.compile(r"(?<![\w.~$}])/(home|root|Users|work|mnt)/\w+")
SHOWN = {"laws", "spaces", "heads", "processes", "networks", "denoisers", "objectives", "samplers", "chains"}
SHOWN |= {"targets", "evaluation", "schedules"}  # folders whose classes a user makes by hand
TEXTS = {".py", ".md", ".toml", ".cff", ".yml", ".yaml", ".txt", ".json"}


def empty_docstrings(one: Module) -> Iterator[Offence]:
    """A docstring that only points elsewhere; one that begins with a symbol, which reads as a word in capitals."""
    for node in one.nodes:
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and (text := ast.get_docstring(node)):
            line, first = getattr(node, "lineno", 1), text.splitlines()[0]
            if POINTER.fullmatch(text):
                yield line, f"says only {text!r}"
            if SYMBOL.match(text):
                yield line, f"begins with a symbol: {first!r}"


def without_example(one: Module) -> Iterator[Offence]:
    """Files whose public classes are never shown in use; those that are only bases or private need not be."""
    stem, classes = one.name.rpartition(".")[2], list(public_classes(one))
    nodes = (node for node in one.nodes if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef))
    shown = any(">>>" in (ast.get_docstring(node) or "") for node in nodes)
    private = any(part.startswith("_") for part in one.name.split("."))
    if one.folder in SHOWN and stem != "base" and not private and classes and not shown:
        yield classes[0].lineno, f"no `>>>` example of {', '.join(found.name for found in classes)}"


def machine_paths(text: str) -> Iterator[Offence]:
    """Folders that only one machine has."""
    for number, line in enumerate(text.splitlines(), 1):
        if found := MACHINE.search(line):
            yield number, found.group()


def written() -> Iterator[Path]:
    """What people write: all texts of the project but the rules, its data and what tools make."""
    for top in ("src", "experiments", "tests", "docs", "examples", "benchmarks"):
        yield from (
            file
            for file in (ROOT / top).rglob("*")
            if file.suffix in TEXTS and not file.is_relative_to(Path(__file__).parent)
        )
    yield from (file for file in ROOT.iterdir() if file.suffix in TEXTS or file.name == "Makefile")


@pytest.mark.parametrize("top", ["src/unnoise", "experiments"])
def test_docstrings_say_something(top: str) -> None:
    expect_none(offences(empty_docstrings, modules(top)))


def test_every_file_of_classes_shows_one_in_use() -> None:
    expect_none(offences(without_example, modules("src/unnoise")))


def test_no_file_names_a_machine() -> None:
    found = ((file, machine_paths(file.read_text(encoding="utf-8"))) for file in written())
    expect_none("\n".join(f"{file.relative_to(ROOT)}:{line}: {what}" for file, lines in found for line, what in lines))


@pytest.mark.parametrize(
    ("text", "guilty"),
    [
        ("See the class.", True),
        ("See the classes.", True),
        ("See the module of chains.", True),
        ("N new rows, of the type that was fitted.", True),
        ("X: (n, d).", True),
        ("X_t: (n, d).", True),
        ("B and s.", True),
        ("U itself, with density 1.", True),
        ("See the module; finite at every t of [0, 1].", False),
        ("A new row.", False),
        ("I am.", False),
        ("The law of n rows.", False),
        ("E[f(x)] is one.", False),
        ("NaN for t below 1/2.", False),
    ],
)
def test_an_empty_docstring_is_seen(text: str, guilty: bool) -> None:
    for source in (f"'''{text}'''", f"def f():\n    '''{text}'''", f"class A:\n    '''{text}'''"):
        assert bool(list(empty_docstrings(module("unnoise.mine", source)))) == guilty


@pytest.mark.parametrize(
    ("name", "source", "guilty"),
    [
        ("unnoise.laws.mine", "class A:\n    'What it is.'", True),
        ("unnoise.laws.mine", "class A:\n    '>>> A()'", False),
        ("unnoise.laws.mine", "'>>> A()'\nclass A: ...", False),
        ("unnoise.laws.mine", "class _A: ...", False),
        ("unnoise.laws.base", "class A: ...", False),
        ("unnoise.laws._mine", "class A: ...", False),
        ("unnoise.cli.mine", "class A: ...", False),
    ],
)
def test_a_class_without_an_example_is_seen(name: str, source: str, guilty: bool) -> None:
    assert bool(list(without_example(module(name, source)))) == guilty


@pytest.mark.parametrize(
    ("text", "guilty"),
    [
        ("data = '/home/me/data'", True),
        ("see /Users/me and /mnt/disk", True),
        ("https://example.org/home/me", False),
        ("~/mnt/data", False),
        ("$HOME/mnt/data", False),
    ],
)
def test_a_machine_is_seen(text: str, guilty: bool) -> None:
    assert bool(list(machine_paths(text))) == guilty
