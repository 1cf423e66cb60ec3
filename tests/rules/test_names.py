"""Public classes have names of their own, and every module has a test that a reader finds by its name."""

from __future__ import annotations

import ast
import re
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest
from source import ROOT, Module, Offence, expect_none, graph, module, modules, offences, public_classes, reached

# Modules without a test file of their name -> where they are tested.
ELSEWHERE = {
    "unnoise._version": "tests/test_provenance.py",
    "unnoise.evaluation._fits": "tests/evaluation/test_baselines.py",
    "unnoise.storage.description": "tests/test_storage.py",
    "unnoise.storage.folder": "tests/test_storage.py",
    "unnoise.storage.weights": "tests/test_storage.py",
    "unnoise.cli.walkers": "tests/cli/test_walk.py",
    "unnoise.data._decimals": "tests/data/test_constraints.py",
    "unnoise.data._given": "tests/data/test_constraints.py",
    "unnoise.data._offers": "tests/data/test_constraints.py",
    "unnoise.data._relations": "tests/data/test_constraints.py",
    "unnoise.data.charts": "tests/data/test_constraints.py",
    "unnoise.data._formats.headers": "tests/data/_formats/test_csv.py",
    "unnoise.data._native": "tests/data/test_frames.py",
    "unnoise.data._formats.packed": "tests/data/_formats/test_formats.py",
    "unnoise.data._formats.queries": "tests/data/_formats/test_formats.py",
    "unnoise.data._formats.quiet": "tests/data/test_files.py",
    "unnoise.data._formats.reading": "tests/data/_formats/test_csv.py",
    "unnoise.data._formats.tables": "tests/data/_formats/test_formats.py",
    "unnoise.data._formats.text": "tests/data/_formats/test_csv.py",
    "unnoise.data.said": "tests/data/test_questions.py",
    "unnoise.data.within": "tests/data/test_questions.py",
    "unnoise.data.factors.base": "tests/data/factors/test_discrete.py",
    "unnoise.data.factors.numbers": "tests/data/test_schema.py",
    "unnoise.data.factors.proportions": "tests/data/factors/test_discrete.py",
    "unnoise.data.factors.sequences": "tests/data/factors/test_discrete.py",
    "unnoise.laws.latent_classes.cells": "tests/laws/latent_classes/test_groups.py",
    "unnoise.laws.latent_classes.clock": "tests/laws/latent_classes/test_fitting.py",
    "unnoise.laws.latent_classes.rows": "tests/laws/latent_classes/test_em.py",
    "unnoise.chains.hamiltonian": "tests/chains/test_metropolis.py",
    "unnoise.cli.densities": "tests/cli/test_walk.py",
    "unnoise.cli.walk_auto": "tests/cli/test_walk.py",
    "unnoise.evaluation._mixed": "tests/evaluation/test_margins.py",
    "unnoise.evaluation.von_mises": "tests/report/test_assessment.py",
    "unnoise.heads.base": "tests/heads/test_gaussian.py",
    "unnoise.laws.heat.rotations": "tests/laws/heat/test_radial.py",
    "unnoise.laws.heat.spheres": "tests/laws/heat/test_radial.py",
    "unnoise.look.ask_page": "tests/look/test_server.py",
    "unnoise.look.columns": "tests/look/test_views.py",
    "unnoise.look.drawing": "tests/look/test_views.py",
    "unnoise.look.noise_page": "tests/look/test_server.py",
    "unnoise.look.pages": "tests/look/test_server.py",
    "unnoise.look.pairs": "tests/look/test_views.py",
    "unnoise.look.part_page": "tests/look/test_patches.py",
    "unnoise.look.row_page": "tests/look/test_server.py",
    "unnoise.look.saying": "tests/look/test_server.py",
    "unnoise.look.wholes": "tests/look/test_views.py",
    "unnoise.model.defaults": "tests/test_model.py",
    "unnoise.model.estimator": "tests/test_model.py",
    "unnoise.model.fitted": "tests/test_model.py",
    "unnoise.model.exporting_numbers": "tests/model/test_exporting.py",
    "unnoise.model.standalone_numbers": "tests/model/test_exporting.py",
    "unnoise.model.standalone_table": "tests/model/test_exporting_tables.py",
    "unnoise.objectives.base": "tests/training/test_loop.py",
    "unnoise.processes.rates.base": "tests/processes/rates/test_rates.py",
    "unnoise.processes.rates.dense": "tests/processes/rates/test_rates.py",
    "unnoise.processes.rates.matrix": "tests/processes/rates/test_rates.py",
    "unnoise.processes.rates.refresh": "tests/processes/rates/test_rates.py",
    "unnoise.processes.rates.walks": "tests/processes/rates/test_rates.py",
    "unnoise.report.judging": "tests/report/test_assessment.py",
    "unnoise.report.measured": "tests/report/test_assessment.py",
    "unnoise.report.markup": "tests/report/test_page.py",
    "unnoise.report.plots.levels": "tests/report/plots/test_columns.py",
    "unnoise.report.plots.places": "tests/report/plots/test_columns.py",
    "unnoise.report.sections.going_on": "tests/report/test_sections.py",
    "unnoise.report.sections.making": "tests/report/test_sections.py",
    "unnoise.report.sections.samples": "tests/report/test_sections.py",
    "unnoise.report.sections.shown": "tests/report/test_sections.py",
    "unnoise.report.sections.trusting": "tests/report/test_sections.py",
    "unnoise.report.sections.wrong": "tests/report/test_sections.py",
    "unnoise.samplers.forms": "tests/samplers/test_multistep.py",
    "unnoise.samplers.exact_jumps": "tests/samplers/test_uniformisation.py",
    "unnoise.samplers.particles": "tests/samplers/test_twisted.py",
    "unnoise.spaces._points": "tests/spaces/test_euclidean.py",
    "unnoise.spaces.base": "tests/testing/test_spaces.py",
    "unnoise.spaces.sites": "tests/spaces/test_finite.py",
    "unnoise.targets.base": "tests/targets/test_densities.py",
    "unnoise.targets.curved": "tests/targets/test_densities.py",
    "unnoise.targets.gaussians": "tests/targets/test_densities.py",
    "unnoise.targets.logistic": "tests/targets/test_densities.py",
    "unnoise.targets.phi4": "tests/targets/test_densities.py",
}


def doubled(among: Iterable[Module]) -> str:
    """Public names that two classes share: a reader who meets one must know which it is."""
    places = defaultdict(list)
    for one in among:
        for found in public_classes(one):
            places[found.name].append(f"{one.file}:{found.lineno}")
    return "\n".join(f"{name}: {', '.join(where)}" for name, where in sorted(places.items()) if len(where) > 1)


def shadowing(one: Module) -> Iterator[Offence]:
    """A module at the top of the package with the name of a standard one: one of them is read for the other."""
    if len(one.package.split(".")) <= 1 + (one.file.name == "__init__.py") and one.folder in sys.stdlib_module_names:
        yield 1, f"shadows the module {one.folder} of the standard library"


def untested(among: Iterable[Module], elsewhere: dict[str, str], tests: dict[str, str]) -> str:
    """Modules without a test of their name or an entry, and entries that no module needs or no test keeps.

    Args:
        among: the modules.
        elsewhere: where those are tested that have no test file of their own.
        tests: the text of every test file, by its place.
    """
    needed = {one.name: one for one in among if not one.file.stem.startswith("__") and _mirror(one) not in tests}
    found = [f"{one.file}: no {_mirror(one)}" for name, one in needed.items() if name not in elsewhere]
    found += [f"{name}: stands in the table without need" for name in elsewhere if name not in needed]
    edges = graph([*among, *(module(place, text) for place, text in tests.items() if place in elsewhere.values())])
    for name, place in elsewhere.items():
        if name in needed and name not in reached(place, edges) and not _named(needed[name], tests.get(place, "")):
            found.append(f"{name}: {place} neither names it nor imports it, directly or through others")
    return "\n".join(found)


def _named(one: Module, test: str) -> bool:
    """Whether a test has a word that the module defines, as tests of the command line have."""
    defined = (node.name for node in one.tree.body if isinstance(node, ast.ClassDef | ast.FunctionDef))
    return any(re.search(rf"\b{name}\b", test) for name in defined if not name.startswith("_"))


def _mirror(one: Module) -> str:
    folder = Path("tests", *one.file.parent.parts[2:])
    return str(folder / f"test_{one.file.stem.lstrip('_')}.py")


def test_no_public_class_shares_its_name() -> None:
    expect_none(doubled(modules("src/unnoise")))


def test_every_module_has_a_test() -> None:
    files = (ROOT / "tests").rglob("*.py")
    tests = {str(file.relative_to(ROOT)): file.read_text(encoding="utf-8") for file in files}
    expect_none(untested(modules("src/unnoise"), ELSEWHERE, tests))


def test_no_module_at_the_top_shadows_the_standard_library() -> None:
    expect_none(offences(shadowing, modules("src/unnoise")))


def test_contributing_names_every_test_of_a_rule() -> None:
    page = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    named = {Path(place).name for place in re.findall(r"\| `([\w./]+\.py)`", page)}
    assert named == {file.name for file in Path(__file__).parent.glob("test_*.py")} | {"test_import_time.py"}


def test_a_shared_name_is_seen() -> None:
    both = [module("unnoise.a", "class Block: ...\nclass _Own: ..."), module("unnoise.b", "class Block: ...")]
    assert doubled(both) == "Block: src/unnoise/a.py:1, src/unnoise/b.py:1"
    assert doubled([module("unnoise.a", "class Block: ..."), module("unnoise.b", "class _Block: ...")]) == ""


@pytest.mark.parametrize(
    ("name", "package", "guilty"),
    [
        ("unnoise.types", False, True),
        ("unnoise.random", True, True),
        ("unnoise.training", True, False),
        ("unnoise._types", False, False),
        ("unnoise.random.normal", False, False),
        ("unnoise.laws.random", False, False),
        ("unnoise", True, False),
    ],
)
def test_a_shadow_is_seen(name: str, package: bool, guilty: bool) -> None:
    assert bool(list(shadowing(module(name, "", package=package)))) == guilty


LINE = module("unnoise.laws._line", "class Circle: ...")
USER = module("unnoise.laws.walks", "from unnoise.laws._line import Circle")


@pytest.mark.parametrize(
    ("elsewhere", "tests", "offence"),
    [
        ({}, {"tests/laws/test_line.py": ""}, ""),
        ({}, {}, "src/unnoise/laws/_line.py: no tests/laws/test_line.py"),
        ({"unnoise.laws._line": "tests/test_x.py"}, {"tests/test_x.py": "import unnoise.laws._line"}, ""),
        ({"unnoise.laws._line": "tests/test_x.py"}, {"tests/test_x.py": "from unnoise.laws.walks import Walk"}, ""),
        (
            {"unnoise.laws._line": "tests/test_x.py"},
            {"tests/test_x.py": "x = 1"},
            "unnoise.laws._line: tests/test_x.py",
        ),
        ({"unnoise.laws._line": "tests/test_x.py"}, {}, "unnoise.laws._line: tests/test_x.py"),
        ({"unnoise.laws._line": "tests/test_x.py"}, {"tests/laws/test_line.py": ""}, "unnoise.laws._line: stands in"),
        ({"unnoise.laws.gone": "tests/test_x.py"}, {"tests/laws/test_line.py": ""}, "unnoise.laws.gone: stands in"),
    ],
)
def test_a_module_without_a_test_is_seen(elsewhere: dict[str, str], tests: dict[str, str], offence: str) -> None:
    found = untested([LINE, USER], elsewhere, tests | {"tests/laws/test_walks.py": ""})
    assert found.startswith(offence)
    assert bool(found) == bool(offence)
