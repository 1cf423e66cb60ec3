"""The source as the rules read it: a module is its name, its file and its syntax tree; an offence is a line of text."""

from __future__ import annotations

import ast
import functools
import gc
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

PLAIN_FACTS = {"unnoise.__version__"}  # defined by the package itself before anything is imported

Offence = tuple[int, str]  # the line, and what is wrong there


@dataclass(frozen=True)
class Module:
    """One file of Python.

    Attributes:
        name: in full, `unnoise.laws.normal`; that of a package for its `__init__`.
        tree: its syntax.
        file: where it stands, from the root of the project.
    """

    name: str
    tree: ast.Module
    file: Path

    @functools.cached_property
    def nodes(self) -> tuple[ast.AST, ...]:
        """All of its syntax, which every rule goes through."""
        return tuple(ast.walk(self.tree))

    @property
    def folder(self) -> str:
        """Its folder below the package, or its own name at the top."""
        parts = self.name.split(".")
        return parts[1] if len(parts) > 1 else "__init__"

    @property
    def package(self) -> str:
        """What its relative imports start from."""
        return self.name if self.file.name == "__init__.py" else self.name.rpartition(".")[0]


def module(name: str, source: str, *, package: bool = False) -> Module:
    """A module that was never written to a file, to test a rule on."""
    path = Path("src", *name.split("."))
    return Module(name, ast.parse(source), path / "__init__.py" if package else path.with_suffix(".py"))


@functools.cache
def modules(top: str) -> tuple[Module, ...]:
    """All modules below a folder of the project: `src/unnoise`, `experiments`, `tests`."""
    folder = ROOT / top
    gc.disable()  # syntax is no garbage: to look for some among a million nodes took six times as long as to read them
    try:
        return tuple(_read(file, folder.parent) for file in sorted(folder.rglob("*.py")))
    finally:
        gc.freeze()
        gc.enable()


def _read(file: Path, base: Path) -> Module:
    parts = file.relative_to(base).with_suffix("").parts
    name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
    return Module(name, ast.parse(file.read_text(encoding="utf-8"), filename=str(file)), file.relative_to(ROOT))


def offences(rule: Callable[[Module], Iterable[Offence]], among: Iterable[Module]) -> str:
    """What offends a rule, one `file:line: what` a line; nothing where all is well."""
    return "\n".join(f"{one.file}:{line}: {what}" for one in among for line, what in rule(one))


def expect_none(found: str) -> None:
    """Fail with all offences at once, and nothing around them."""
    if found:
        pytest.fail(found, pytrace=False)


@functools.cache
def imports(one: Module) -> tuple[tuple[int, str], ...]:
    """Line and full name of all that a module imports, also inside functions and for type checkers."""
    return tuple(_imports(one))


def _imports(one: Module) -> Iterator[tuple[int, str]]:
    for node in one.nodes:
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from ((node.lineno, f"{_origin(node, one.package)}.{alias.name}") for alias in node.names)


def _origin(node: ast.ImportFrom, package: str) -> str:
    """The full name of the module that a from-import names, with its leading dots resolved."""
    if node.level == 0:
        return node.module or ""
    parents = package.split(".")
    return ".".join([*parents[: len(parents) - node.level + 1], *([node.module] if node.module else [])])


@functools.cache
def imported_names(one: Module) -> dict[str, str]:
    """What each imported name stands for: `np` -> `numpy`, `randn` -> `torch.randn`."""
    names: dict[str, str] = {}
    for node in one.nodes:
        if isinstance(node, ast.Import):
            names |= {alias.asname: alias.name for alias in node.names if alias.asname}
            names |= {top: top for top in (a.name.split(".")[0] for a in node.names if not a.asname)}
        elif isinstance(node, ast.ImportFrom):
            origin = _origin(node, one.package)
            names |= {alias.asname or alias.name: f"{origin}.{alias.name}" for alias in node.names}
    return names


def full_name(node: ast.expr, names: dict[str, str]) -> str:
    """The dotted name of an expression in full; what was not imported begins with `?`."""
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    parts.append(names.get(node.id, "?") if isinstance(node, ast.Name) else "?")
    return ".".join(reversed(parts))


def graph(among: Iterable[Module]) -> dict[str, set[str]]:
    """Which modules each one imports, by name: a name imported from a module is an import of that module."""
    among = list(among)
    known = {one.name for one in among}

    def target(name: str) -> str:
        return name if name in known or "." not in name else target(name.rpartition(".")[0])

    edges = {one.name: {target(name) for _, name in imports(one) if name not in PLAIN_FACTS} for one in among}
    return {name: (others & known) - {name} for name, others in edges.items()}


def reached(start: str, edges: dict[str, set[str]]) -> set[str]:
    """All that a module imports, directly or through others."""
    found: set[str] = set()
    waiting = list(edges.get(start, ()))
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += edges[name]
    return found


def functions(tree: ast.AST) -> Iterator[ast.FunctionDef]:
    """All functions and methods, also those inside others."""
    return (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef))


def public_classes(one: Module) -> Iterator[ast.ClassDef]:
    """The classes that a module defines for others."""
    return (node for node in one.tree.body if isinstance(node, ast.ClassDef) and not node.name.startswith("_"))
