"""Imports point down the list of layers, files form no circle, and the package knows nothing of the experiments."""

from __future__ import annotations

import pkgutil
from collections.abc import Iterator

import pytest
from source import PLAIN_FACTS, Module, Offence, expect_none, graph, imports, module, modules, offences, reached

# A module imports from its own layer and from the layers before it, never from one after it. Modules at the top whose
# names begin with an underscore are the lowest layer.
LAYERS = [
    *("schedules", "laws", "spaces", "heads", "processes", "networks", "denoisers", "objectives", "samplers", "chains"),
    *("targets", "evaluation", "training", "walking", "data", "storage", "model", "inference", "report", "look"),
    "testing",
    "cli",
    *("__init__", "__main__"),
]


def rank(folder: str) -> int:
    """The height of a folder; what is no layer of the design stands above all."""
    if folder in LAYERS:
        return LAYERS.index(folder) + 1
    return 0 if folder.startswith("_") else len(LAYERS) + 1


def upward(one: Module) -> Iterator[Offence]:
    """Imports from a layer above, and folders that are no layer."""
    if rank(one.folder) > len(LAYERS):
        yield 1, f"{one.folder} is no layer of the design"
    for line, name in imports(one):
        root, _, rest = name.partition(".")
        other = rest.split(".")[0] or "__init__"
        if root == "unnoise" and name not in PLAIN_FACTS and rank(other) > rank(one.folder):
            yield line, f"{one.folder} imports {other}, which stands above it"


def from_experiments(one: Module) -> Iterator[Offence]:
    """The experiments use the package; the package runs without them."""
    return ((line, name) for line, name in imports(one) if name.split(".")[0] == "experiments")


def dangling(one: Module) -> Iterator[Offence]:
    """Names that the package does not have (any more), as scripts may ask for that only people run."""
    for line, name in imports(one):
        if name.split(".")[0] == "unnoise":
            try:
                pkgutil.resolve_name(name)
            except (ImportError, AttributeError):
                yield line, f"imports {name}, which does not exist"


def circles(edges: dict[str, set[str]]) -> list[list[str]]:
    """The sets of modules each of which imports all others of its set, directly or not."""
    below = {name: reached(name, edges) for name in edges}
    sets = {frozenset(other for other in below[name] if name in below[other]) for name in edges}
    return sorted(sorted(one) for one in sets if one)


def test_imports_never_point_up() -> None:
    expect_none(offences(upward, modules("src/unnoise")))


def test_the_package_never_imports_the_experiments() -> None:
    expect_none(offences(from_experiments, modules("src/unnoise")))


@pytest.mark.parametrize("top", ["benchmarks", "examples"])
def test_scripts_import_what_there_is(top: str) -> None:
    expect_none(offences(dangling, modules(top)))


@pytest.mark.parametrize("top", ["src/unnoise", "experiments"])
def test_files_form_no_circle(top: str) -> None:
    expect_none("\n".join(map(" <-> ".join, circles(graph(modules(top))))))


@pytest.mark.parametrize(
    ("name", "line", "guilty"),
    [
        ("unnoise.laws.normal", "import unnoise.spaces", True),
        ("unnoise.laws.normal", "from unnoise import model", True),
        ("unnoise.laws.normal", "from ..samplers import Euler", True),
        ("unnoise.laws.normal", "from .. import samplers", True),
        ("unnoise.laws.normal", "import unnoise", True),
        ("unnoise.laws.normal", "def f():\n    from unnoise.cli import main", True),
        ("unnoise._tree", "from unnoise.laws import Law", True),
        ("unnoise.laws.normal", "from unnoise import unheard_of", True),
        ("unnoise.unheard_of", "", True),
        ("unnoise.laws.normal", "from unnoise import __version__", False),
        ("unnoise.laws.normal", "from unnoise.laws.base import Law", False),
        ("unnoise.laws.normal", "from .base import Law", False),
        ("unnoise.laws.normal", "from unnoise._errors import InputError", False),
        ("unnoise.cli.fit", "from unnoise import samplers", False),
        ("unnoise", "from unnoise import cli", False),
        ("unnoise.laws.normal", "import unnoised", False),
    ],
)
def test_the_direction_of_an_import_is_seen(name: str, line: str, guilty: bool) -> None:
    assert bool(list(upward(module(name, line)))) == guilty


@pytest.mark.parametrize(
    ("line", "guilty"),
    [
        ("def f():\n    from experiments import base", True),
        ("import experiments.mnist", True),
        ("from unnoise.data import experiments", False),
    ],
)
def test_an_experiment_in_the_package_is_seen(line: str, guilty: bool) -> None:
    assert bool(list(from_experiments(module("unnoise.cli.fit", line)))) == guilty


@pytest.mark.parametrize(
    ("line", "guilty"),
    [
        ("def f():\n    from unnoise.cli.common import unheard_of", True),
        ("import unnoise.unheard_of", True),
        ("from unnoise import cli, laws", False),
        ("from unnoise.laws import Normal", False),
        ("import unheard_of", False),
    ],
)
def test_a_name_that_does_not_exist_is_seen(line: str, guilty: bool) -> None:
    assert bool(list(dangling(module("benchmarks.mine", line)))) == guilty


@pytest.mark.parametrize(
    ("sources", "expected"),
    [
        ({"p.a": "import p.b", "p.b": "from p.c import C", "p.c": "from p import a"}, [["p.a", "p.b", "p.c"]]),
        ({"p.a": "from .b import B", "p.b": "def f():\n    from p.a import A"}, [["p.a", "p.b"]]),
        ({"p.a": "if TYPE_CHECKING:\n    from p.b import B", "p.b": "from p.a import A"}, [["p.a", "p.b"]]),
        ({"p": "from p.a import A", "p.a": "from p import b", "p.b": ""}, []),
        ({"p": "from p.a import A", "p.a": "from p import B", "p.b": ""}, [["p", "p.a"]]),
        ({"p.a": "from p.b import B\nfrom p.c import C", "p.b": "import p.c", "p.c": "import os"}, []),
    ],
)
def test_a_circle_is_seen(sources: dict[str, str], expected: list[list[str]]) -> None:
    assert circles(graph(module(name, source, package=name == "p") for name, source in sources.items())) == expected
