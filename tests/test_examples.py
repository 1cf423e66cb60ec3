"""Every example draws its figure without a warning, and every row of docs/lectures.md names things that exist."""

from __future__ import annotations

import ast
import importlib
import re
import runpy
from pathlib import Path

import pytest
import torch

ROOT = Path(__file__).resolve().parents[1]
EXAMPLES = sorted((ROOT / "examples").glob("plot_*.py"))
LONG = {"plot_simulator", "plot_completed_digits", "plot_poses", "plot_two_places", "plot_ddpm"}  # they train networks
LONG |= {"plot_binomial", "plot_tweedie", "plot_agreement", "plot_solvers", "plot_learned_betas"}  # or draw much
LONG |= {"plot_joint_or_sequential", "plot_markov_model"}
TITLE = re.compile(r"\n(?P<title>\S.*)\n(?P<rule>=+)\n")
EQUATIONS = {f"8.{k}" for k in range(33, 49)}  # of the textbook
BACHS, THICKSTUNS, SOHL_DICKSTEINS = (set(range(1, last + 1)) for last in (21, 14, 11))
BENTONS = set(range(1, 21)) - {9}  # which is a step of a proof


@pytest.fixture
def canvas():
    """Matplotlib without a screen, as it comes, and torch's own seed fixed; both as they were afterwards."""
    import matplotlib as mpl
    import matplotlib.pyplot as plt

    with mpl.rc_context(), torch.random.fork_rng():
        plt.switch_backend("Agg")
        mpl.rcdefaults()
        torch.manual_seed(0)
        yield plt
        plt.close("all")


@pytest.mark.parametrize(
    "example",
    [pytest.param(path, id=path.stem, marks=[pytest.mark.slow] if path.stem in LONG else []) for path in EXAMPLES],
)
def test_an_example_draws_one_figure(example, canvas):
    runpy.run_path(str(example), run_name="__main__")
    assert len(canvas.get_fignums()) == 1
    figure = canvas.figure(canvas.get_fignums()[0])
    assert figure.axes
    for axes in figure.axes:
        assert axes.has_data()
    figure.canvas.draw()


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_tells_one_short_story(example):
    text = example.read_text(encoding="utf-8")
    story = ast.get_docstring(ast.parse(text), clean=False)
    heading = TITLE.match(story)
    assert len(heading["title"]) == len(heading["rule"])
    assert len(story[heading.end() :].strip()) > 300
    assert "\n# %%\n" in text
    assert "plt.subplots" not in text.rpartition("\n# %%\n")[0]  # figures are shown as they are at the end of a cell
    assert len(text.splitlines()) <= 90


def rows(page):
    """The cells of every row of the tables of a page."""
    lines = [line for line in page.splitlines() if line.startswith("| ") and "---" not in line]
    return [[cell.strip() for cell in re.split(r" \| ", line.strip("| "))] for line in lines]


def sections():
    """The rows of every table; the number of an item stands in its first row alone."""
    page = (ROOT / "docs" / "lectures.md").read_text(encoding="utf-8")
    parts = [rows(part) for part in page.split("\n## ")[1:]]
    return [[row for row in part if "item" not in row[:2]] for part in parts]


def cells():
    return [row[-3:] for part in sections() for row in part]


def find(name):
    """The object of a dotted name below unnoise: as far as it goes a module, and then its attributes."""
    parts = (name if name.startswith("experiments.") else f"unnoise.{name}").split(".")
    for end in range(len(parts), 0, -1):
        try:
            found = importlib.import_module(".".join(parts[:end]))
        except ModuleNotFoundError:
            continue
        for attribute in parts[end:]:
            found = getattr(found, attribute)
        return found
    raise AssertionError(f"there is no {name}")


def is_defined(where):
    """Whether file::Class::test names what a test file defines; raises ValueError where it does not."""
    file, *path = where.split("::")
    body = ast.parse((ROOT / file).read_text(encoding="utf-8")).body
    for name in path:
        (node,) = [n for n in body if isinstance(n, ast.ClassDef | ast.FunctionDef) and n.name == name]
        body = node.body
    return True


class TestLectures:
    def test_no_item_is_missing(self):
        bachs, thickstuns, textbook, paper, theorem = sections()
        numbered = (bachs, BACHS), (thickstuns, THICKSTUNS), (paper, SOHL_DICKSTEINS), (theorem, BENTONS)
        for part, items in numbered:
            assert {int(row[0]) for row in part if row[0].isdigit()} == items
        assert {row[0] for row in textbook if re.fullmatch(r"8\.\d+", row[0])} == EQUATIONS

    @pytest.mark.parametrize("row", cells(), ids=lambda row: row[0].split("`")[1])
    def test_what_a_row_names_exists(self, row):
        names, examples, tests = row
        found = [find(name) for name in re.findall(r"`([^`]+)`", names)]
        assert found
        assert all(callable(one) for one in found)
        shown = re.findall(r"\]\(examples/(\w+)\)", examples)
        assert shown
        assert {ROOT / "examples" / f"{one}.py" for one in shown} <= set(EXAMPLES)
        places = re.findall(r"`([^`]+)`", tests)
        assert places
        assert all(is_defined(place) for place in places)

    def test_every_example_uses_a_name_of_its_rows(self):
        """An example that a row points to computes with what the row is about."""
        for names, examples, _ in cells():
            last = {name.split(".")[-1] for name in re.findall(r"`([^`]+)`", names)}
            sources = [(ROOT / "examples" / f"{one}.py").read_text() for one in re.findall(r"/(\w+)\)", examples)]
            assert any(re.search(rf"\b{name}\b", source) for name in last for source in sources), names

    @pytest.mark.parametrize("name", ["chains.Nothing", "chains.nowhere.Langevin"])
    def test_what_does_not_exist_is_seen(self, name):
        with pytest.raises(AttributeError):
            find(name)
        with pytest.raises(ValueError, match="not enough values"):
            is_defined("tests/test_examples.py::TestNothing")


def test_the_gallery_tells_its_story_in_an_order():
    """Every example has its place in the gallery, and every place its example."""
    order = ast.parse((ROOT / "docs" / "_extensions" / "gallery.py").read_text(encoding="utf-8"))
    (listed,) = [
        ast.literal_eval(n.value) for n in order.body if isinstance(n, ast.Assign) and n.targets[0].id == "ORDER"
    ]
    assert sorted(listed) == [path.name for path in EXAMPLES]
