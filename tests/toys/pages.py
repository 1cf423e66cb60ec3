"""A page of Markdown as its tests see it: blocks that run, links that lead somewhere, numbers that were measured."""

from __future__ import annotations

import doctest
import json
import re
import shlex
import subprocess
import sys
import tomllib
import warnings
from contextlib import contextmanager
from pathlib import Path

import torch
from typer.testing import CliRunner

from unnoise.cli import app

ROOT = Path(__file__).resolve().parents[2]
BLOCK = re.compile(r"^```(\S*)[^\n]*\n(.*?)^```", re.DOTALL | re.MULTILINE)
FILE = re.compile(r"# (\w+\.py)\n")
LIKE = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
LANGUAGES = {"python", "console", "text"}  # and the directives of MyST, in braces


@contextmanager
def desk(folder, monkeypatch):
    """An empty working directory, which modules are imported from; torch's own seed is fixed inside."""
    monkeypatch.chdir(folder)
    monkeypatch.syspath_prepend(str(folder))
    before = set(sys.modules)
    with torch.random.fork_rng():
        torch.manual_seed(0)  # networks start as torch starts them
        yield folder
    for name in set(sys.modules) - before:
        if Path(getattr(sys.modules[name], "__file__", None) or "/").parent == folder:
            del sys.modules[name]


def blocks(text):
    """The language and the text of every block."""
    return BLOCK.findall(text)


def run(text, folder, shorten=lambda words: words):
    """Run a page from top to bottom, and return the names that its Python leaves.

    A block of Python that begins with the name of a file is this file; the others are one script. A line of a console
    that begins with $ is a command, and what follows is what it prints, with ... for anything.
    """
    names = {}
    for language, block in blocks(text):
        if language == "console":
            for words, shown in commands(block):
                printed = answer(shorten(words))
                if shown:
                    assert doctest.OutputChecker().check_output(shown, printed, LIKE), f"{words} printed:\n{printed}"
        elif language == "python" and (file := FILE.match(block)):
            (folder / file[1]).write_text(block)
        elif language == "python":
            exec(compile(block, f"<{block[:40]!r}>", "exec"), names)
    return names


def commands(block):
    """The words of every command of a console, and what it is said to print."""
    joined = block.replace("\\\n", " ")
    parts = re.findall(r"^\$ (.*)\n((?:[^$].*\n|\n)*)", joined, re.MULTILINE)
    return [(shlex.split(command, comments=True), shown) for command, shown in parts]


def answer(words):
    """What a command prints; AssertionError where it fails. Installing is only rehearsed."""
    if words[0] == "torchrun":
        words = words[words.index("unnoise") :]  # in one process here, in several in tests/training
    if words[0] == "unnoise":
        with warnings.catch_warnings():
            warnings.simplefilter("default")  # a line for a person, as on a shell
            done = CliRunner().invoke(app, words[1:])
        assert done.exit_code == 0, f"{words} ended with {done.exit_code}: {done.output}"
        return done.output
    if words[0] == "make":
        done = subprocess.run(["make", "--dry-run", *words[1:]], cwd=ROOT, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout
    if words[:2] == ["pip", "install"]:
        return _rehearsed(words[2:])
    if words[:2] in (["git", "clone"], ["cd", "unnoise"]):
        return ""
    raise AssertionError(f"no test knows how to run {words}")


def _rehearsed(what):
    """`pip install .` in a clone, with extras that exist."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    (found,) = re.findall(r"^\.(?:\[([\w,]+)\])?$", what[0])
    assert not set(found.split(",")) - {"", *project["optional-dependencies"]}
    return ""


def links(text):
    """Where the links and pictures of a page lead, without those to other sites."""
    prose = re.sub(r"`[^`\n]+`", "", BLOCK.sub("", text))
    return [target for target in re.findall(r"\]\(([^)\s]+)\)", prose) if not re.match(r"https?://", target)]


def anchors(text):
    """What the headings of a page are called in a link."""
    headings = re.findall(r"^#+ (.*)$", BLOCK.sub("", text), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}


def leads_somewhere(target, page):
    """Whether a link of a page leads to a file, a page, an example, a page of the reference or a heading."""
    path, _, anchor = target.partition("#")
    file = (page.parent / path).resolve() if path else page
    if anchor:
        return file.exists() and anchor in anchors(file.read_text(encoding="utf-8"))
    if path.startswith("examples/") and page.parent.name == "docs":  # made by the gallery
        return path == "examples/index" or (ROOT / f"{path}.py").exists()
    if path.startswith("api/"):  # made by the reference
        return f"\n{path}\n" in (ROOT / "docs" / "api.md").read_text(encoding="utf-8")
    return file.exists()


def tables(text):
    """The cells of the rows of all tables, without the heads."""
    lines = [line for line in text.splitlines() if line.startswith("|")]
    bodies = [
        line
        for line, after in zip(lines, [*lines[1:], ""], strict=True)
        if not set(line) <= set("|-: ") and not (after and set(after) <= set("|-: "))
    ]
    return [[cell.strip() for cell in re.split(r"(?<!\\)\|", line.strip().strip("|"))] for line in bodies]


def claims(text):
    """Every number that is a link to a results file, as (what is written, file, the path of the number in it)."""
    return re.findall(r'\[([^\]]+)\]\([./]*results/([\w-]+\.json) "([^"]+)"\)( %)?', text)


def is_measured(written, file, path, percent=""):
    """Whether the results file says so, to the digits that are written."""
    value = json.loads((ROOT / "results" / file).read_text(encoding="utf-8"))
    for part in path.split("/"):
        value = value[part]
    digits = written.replace(",", "")
    places = len(digits.partition(".")[2])
    return abs((100 if percent else 1) * value - float(digits)) <= 0.5000001 * 10**-places


def unsupported(text):
    """The numbers in the column `measured` that are no links to a results file."""
    found = []
    for row in tables(text):
        if re.fullmatch(r"`[\w-]+\.json`", row[-1]):
            words = re.sub(r"\[[^\]]+\]\([^)]+json \"[^\"]+\"\)", "", row[1])
            found += re.findall(r"\d[\d.]*", words)
    return found
