"""What the documentation shows works as it stands there, and says what it claims."""

from __future__ import annotations

import importlib
import json
import pkgutil
import re
import runpy

import pytest
from pages import (
    LANGUAGES,
    ROOT,
    anchors,
    blocks,
    claims,
    desk,
    is_measured,
    leads_somewhere,
    links,
    run,
    tables,
    unsupported,
)
from typer.testing import CliRunner

import unnoise
from unnoise.cli import app
from unnoise.testing import assert_mean

DOCS = ROOT / "docs"
PAGES = sorted(DOCS.glob("*.md"))
EVERY_PAGE = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)


def read(name):
    return (DOCS / name).read_text(encoding="utf-8")


# they train models of a size for use, or start processes
LONG = {"large-tables", "questions", "extend", "coming-from"}
LONG |= {"your-table", "your-density", "your-samples", "your-simulator"}


@pytest.mark.parametrize(
    "page",
    [pytest.param(page, id=page.stem, marks=[pytest.mark.slow] if page.stem in LONG else []) for page in PAGES],
)
def test_the_code_of_a_page_runs(page, tmp_path, monkeypatch):
    """From top to bottom, in one folder; what some pages promise of the result is then checked."""
    with desk(tmp_path, monkeypatch) as folder:
        names = run(page.read_text(encoding="utf-8"), folder)
        PROMISES.get(page.stem, lambda *_: None)(names, folder)


def index(names, folder):
    """The first lines that a reader sees give the weights that they promise."""
    assert_mean((names["x"].mean(1) > 0).double(), 0.8)


def extend(names, folder):
    """The two models that it trains have learnt what they were shown, and the process keeps its properties."""
    assert not names["findings"].failed
    samples, data = names["samples"], names["data"]
    assert float(samples.min()) >= 0
    assert float(samples.max()) <= 1
    assert float(samples.mean() - data.mean()) == pytest.approx(0, abs=0.05)
    assert float((samples < 0.1).double().mean() - (data < 0.1).double().mean()) == pytest.approx(0, abs=0.1)
    assert float(names["log_prob"].mean()) > 0  # better than uniform
    assert float(names["made"].mean()) == pytest.approx(1.5, abs=0.15)
    assert float(names["made"].std()) == pytest.approx(0.3, abs=0.15)
    assert names["bound"].shape == (20,)
    done = CliRunner().invoke(app, ["check", "well:process"])
    assert done.exit_code == 0, done.output


def solvers(names, folder):
    """The three solvers draw the law that they were given."""
    for made in (names["x"], names["y"], names["z"]):
        assert float((made > 0).double().mean()) == pytest.approx(0.8, abs=0.06)  # 4.7 standard errors
        assert float(made[made > 0].std()) == pytest.approx(0.1**0.5, abs=0.05)
    assert 20 < float(names["cost"]) < 200


PROMISES = {"extend": extend, "index": index, "solvers": solvers}


@EVERY_PAGE
def test_every_block_has_a_language_that_the_tests_know(page):
    for language, block in blocks(page.read_text(encoding="utf-8")):
        assert language in LANGUAGES or language.startswith("{"), block
        assert language != "console" or block.startswith("$ "), block


@EVERY_PAGE
def test_links_lead_somewhere(page):
    broken = [target for target in links(page.read_text(encoding="utf-8")) if not leads_somewhere(target, page)]
    assert not broken


@pytest.mark.parametrize("target", ["nowhere.md", "index.md#nowhere", "examples/plot_nowhere", "api/unnoise.nowhere"])
def test_a_broken_link_is_seen(target):
    assert not leads_somewhere(target, DOCS / "index.md")


@EVERY_PAGE
def test_every_number_is_that_of_its_file(page):
    assert not [claim for claim in claims(page.read_text(encoding="utf-8")) if not is_measured(*claim)]


@EVERY_PAGE
def test_names_in_the_text_exist(page):
    prose = "".join(re.split(r"^```.*?^```", page.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE))
    named = re.findall(rf"`((?:{'|'.join(unnoise._FOLDERS)})\.[a-zA-Z_][\w.]*)", prose)
    files = re.compile(r".*\.(html|json|safetensors)")
    assert not [name for name in named if not files.fullmatch(name) and not exists(name)]


def test_every_page_is_in_the_table_of_contents():
    (toctree,) = re.findall(r"```\{toctree\}\n(.*?)```", read("index.md"), re.DOTALL)
    listed = [line for line in toctree.splitlines() if line and not line.startswith(":")]
    assert sorted(listed) == sorted([*(page.stem for page in PAGES if page.stem != "index"), "examples/index"])


class TestResults:
    def test_numbers_are_links(self):
        assert len(claims(read("results.md"))) > 100

    def test_no_number_goes_without_a_file(self):
        assert not unsupported(read("results.md"))

    def test_another_number_is_seen(self):
        written, file, path, _ = claims(read("results.md"))[0]
        assert is_measured(written, file, path)
        assert not is_measured(f"{float(written) + 0.01:.2f}", file, path)
        assert unsupported("| what | measured | file |\n|---|---|---|\n| a | b 1.25 | `digits.json` |") == ["1.25"]

    def test_every_file_has_a_row_and_its_command(self):
        rows = tables(read("results.md"))
        shown = {row[-1].strip("`") for row in rows if len(row) == 3}
        commands = {re.findall(r"`([\w-]+\.json)`", row[0])[0]: row[1].strip("`") for row in rows if len(row) == 2}
        files = {path.name for path in (ROOT / "results").glob("*.json")}
        assert shown == set(commands) == files
        for file, command in commands.items():
            held = json.loads((ROOT / "results" / file).read_text(encoding="utf-8"))
            if command.startswith("make reproduce"):
                assert command == f"make reproduce NAME={held['name']}"
                assert (ROOT / "experiments" / f"{held['name'].replace('-', '_')}.py").exists()
            else:
                assert (ROOT / command.split()[1]).exists()  # python SCRIPT, perhaps with words for it


class TestGlossary:
    def rows(self):
        return [row for row in tables(read("glossary.md")) if len(row) == 4]

    def test_it_is_in_the_order_of_the_alphabet(self):
        words = [re.sub(r"\W", "", row[0]).lower() for row in self.rows()]
        assert len(words) > 40
        assert words == sorted(words)
        assert len(set(words)) == len(words)

    def test_every_name_exists(self):
        for row in self.rows():
            places = re.findall(r"`([^`]+)`", row[3])
            assert places, row
            for place in places:
                assert exists(place), place

    @pytest.mark.parametrize("place", ["spaces.Nothing", "docs/nothing.md", "unnoise nothing", "nowhere.Sphere"])
    def test_what_does_not_exist_is_seen(self, place):
        assert not exists(place)


def exists(place):
    """Whether it is a file, a verb of the command line, or a name below unnoise or the experiments."""
    if place.startswith("unnoise "):
        return place.split()[1] in {command.name or command.callback.__name__ for command in app.registered_commands}
    if "/" in place:
        return (ROOT / place).exists()
    try:
        pkgutil.resolve_name(f"unnoise.{place}")
    except (AttributeError, ImportError):
        return False
    return True


@pytest.mark.slow
def test_the_figure_of_the_idea_can_be_drawn():
    figure = runpy.run_path(str(DOCS / "figures" / "idea.py"))["draw"]()
    assert len(figure.axes) == 6


def test_anchors_are_those_of_sphinx():
    assert anchors("# Your table\n\n## Units: what is a likelihood?\n") == {"your-table", "units-what-is-a-likelihood"}


def test_the_reference_lists_every_public_module():
    written = re.findall(r"MODULES = \[(.*?)\]", read("_extensions/reference.py"), re.DOTALL)[0]
    listed = re.findall(r"^api/(unnoise[\w.]*)$", read("api.md"), re.MULTILINE)
    assert listed == re.findall(r'"(unnoise[\w.]*)"', written)
    package = ROOT / "src" / "unnoise"
    folders = {".".join(path.parent.relative_to(package).parts) for path in package.glob("*/**/__init__.py")}
    folders = {folder for folder in folders if "._" not in folder}
    # what `unnoise` or `laws` lists, or what are pages
    folders -= {"cli", "look", "model", "storage", "report.sections", "laws.latent_classes"}
    assert {f"unnoise.{folder}" for folder in folders} <= set(listed)


def test_no_two_pages_of_the_reference_are_one_file_where_capitals_do_not_count():
    """As on macOS and Windows, where `heads.Told` and `heads.told` would be one page."""
    reference = runpy.run_path(str(DOCS / "_extensions" / "reference.py"))
    modules = [importlib.import_module(name) for name in reference["MODULES"]]
    names = {f"{module.__name__}.{name}" for module in modules for name in reference["public"](module)}
    assert len({name.lower() for name in names}) < len(names), "there are such names"
    files = [reference["files_of"](sorted(names)).get(name, name).lower() for name in names]
    assert len(set(files)) == len(files)
