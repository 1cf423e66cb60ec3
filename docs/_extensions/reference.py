"""The API reference: one page for every public package, one for every name in it, read off the package itself."""

from __future__ import annotations

import importlib
import inspect
import re
from pathlib import Path
from types import ModuleType
from typing import Any

# What is public: packages in the order of the layers, and the modules that they offer under their own name.
MODULES = [
    "unnoise",
    "unnoise.chains",
    "unnoise.chains.diagnostics",
    "unnoise.targets",
    "unnoise.walking",
    "unnoise.spaces",
    "unnoise.processes",
    "unnoise.processes.rates",
    "unnoise.processes.paths",
    "unnoise.schedules",
    "unnoise.laws",
    "unnoise.laws.components",
    "unnoise.laws.heat",
    "unnoise.networks",
    "unnoise.heads",
    "unnoise.denoisers",
    "unnoise.denoisers.likelihoods",
    "unnoise.objectives",
    "unnoise.objectives.snr_form",
    "unnoise.objectives.times",
    "unnoise.objectives.weightings",
    "unnoise.samplers",
    "unnoise.samplers.forms",
    "unnoise.samplers.grids",
    "unnoise.evaluation",
    "unnoise.evaluation.likelihood",
    "unnoise.evaluation.calibration",
    "unnoise.inference",
    "unnoise.report",
    "unnoise.report.baselines",
    "unnoise.report.views",
    "unnoise.report.plots",
    "unnoise.training",
    "unnoise.data",
    "unnoise.data.factors",
    "unnoise.data.features",
    "unnoise.testing",
]


def public(module: ModuleType) -> list[str]:
    """The classes and functions that a module offers: all that a package imports of its own, or `__all__`."""
    offered = getattr(module, "__all__", None) or [name for name in vars(module) if not name.startswith("_")]
    package = hasattr(module, "__path__")

    def own(thing: Any) -> bool:
        home = getattr(thing, "__module__", "")
        return home.startswith("unnoise") if package else home == module.__name__

    values = {name: getattr(module, name) for name in offered}
    return sorted(
        n for n, thing in values.items() if (inspect.isclass(thing) or inspect.isroutine(thing)) and own(thing)
    )


def write_pages(app: Any, config: Any) -> None:
    """Write api/MODULE.rst for every module before Sphinx looks for them, and drop the pages of names that are gone."""
    folder = Path(app.srcdir) / "api"
    folder.mkdir(exist_ok=True)
    seen: dict[int, str] = {}  # what two packages offer has its page in the first
    for module_name in MODULES:
        module = importlib.import_module(module_name)
        names = [name for name in public(module) if id(getattr(module, name)) not in seen]
        seen |= {id(getattr(module, name)): f"{module_name}.{name}" for name in names}
        _write(folder / f"{module_name}.rst", _page(module_name, names))
    config.autosummary_filename_map = files_of(list(seen.values()))
    pages = {config.autosummary_filename_map.get(name, name) for name in seen.values()}
    for old in [*folder.glob("*.rst"), *(folder / "names").glob("*.rst")]:
        if old.stem not in {*MODULES, *pages}:
            old.unlink()


def files_of(names: list[str]) -> dict[str, str]:
    """Files of classes whose name a function has in small letters, which are one file on macOS and Windows.

    >>> files_of(["heads.Told", "heads.told", "heads.X0"])
    {'heads.Told': 'heads.Told-class'}
    """
    return {name: f"{name}-class" for name in names if name != name.lower() and name.lower() in names}


def _page(module: str, names: list[str]) -> str:
    listed = "".join(f"   {name}\n" for name in names)
    package, _, own = module.rpartition(".")
    hidden = package and not inspect.ismodule(getattr(importlib.import_module(package), own))
    options = "   :no-members:\n" + "   :no-index:\n" * bool(hidden)  # the name is that of a function in the package
    return (
        f"{module}\n{'=' * len(module)}\n\n"
        f".. automodule:: {module}\n{options}\n.. currentmodule:: {module}\n\n"
        f".. autosummary::\n   :toctree: names\n   :nosignatures:\n\n{listed}"
    )


def _write(path: Path, text: str) -> None:
    """Leave a page that has not changed alone, so that it is not built again."""
    if not path.exists() or path.read_text(encoding="utf-8") != text:
        path.write_text(text, encoding="utf-8")


def to_rst(app: Any, what: str, name: str, thing: Any, options: Any, lines: list[str]) -> None:
    """Docstrings are Markdown with $mathematics$; Sphinx reads reStructuredText."""
    text = "\n".join(lines)
    blocks = re.split(r"(\n*^ *>>> (?:.+\n?)*)", text, flags=re.MULTILINE)  # examples stay as they are
    lines[:] = "".join(part if ">>>" in part else _inline(_tables(part)) for part in blocks).split("\n")


def _inline(text: str) -> str:
    """Mathematics, code, and stars that mean themselves."""
    parts = re.split(r"(\${1,2}[^$]+\${1,2}|``[^`]+``|`[^`]+`|\*\*[^*\n]+\*\*)", text)
    return "".join(_marked(part) if index % 2 else _escaped(part) for index, part in enumerate(parts))


def _marked(part: str) -> str:
    if part.startswith("$"):
        return f":math:`{' '.join(part.strip('$').split())}`\\ "
    if part.startswith("`") and not part.startswith("``"):
        return f"`{part}`\\ "
    return part


def _escaped(text: str) -> str:
    text = re.sub(r"(?<!^)(?<!\n)(?<![\n ] )\*(?=\S)", r"\\*", text)  # (n, *event), but not the star of a list
    return re.sub(r"(?<=\w)_(?=\W|$)|\|", r"\\\g<0>", text)


def _tables(text: str) -> str:
    """| a | b | becomes a list-table."""

    def table(match: re.Match[str]) -> str:
        indent = match[0][: len(match[0]) - len(match[0].lstrip(" "))]
        rows = [line.strip().strip("|").split(" | ") for line in match[0].strip("\n").split("\n")]
        rows = [row for row in rows if not set("".join(row)) <= set("-| ")]
        out = [f"{indent}.. list-table::", f"{indent}   :header-rows: 1", ""]
        for row in rows:
            out += [f"{indent}   {'*' if i == 0 else ' '} - {cell.strip()}" for i, cell in enumerate(row)]
        return "\n".join([*out, "", ""])

    return re.sub(r"(?:^ *\|.*\|$\n?)+", table, text, flags=re.MULTILINE)


def link_names(app: Any, page: str, source: list[str]) -> None:
    """Names in the table of the lectures lead to their pages."""
    if page == "lectures":
        folders = "|".join(sorted({name.split(".")[1] for name in MODULES[1:]}))
        source[0] = re.sub(rf"`((?:{folders})\.[\w.]+)`", r"{py:obj}`\1 <unnoise.\1>`", source[0])


def setup(app: Any) -> dict[str, bool]:
    """Called by Sphinx."""
    app.connect("config-inited", write_pages)
    app.connect("source-read", link_names)
    app.connect("autodoc-process-docstring", to_rst, priority=400)  # before napoleon reads the sections
    return {"parallel_read_safe": True}
