"""The page that shows an assessment."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure
from small_models import BASELINES, EVIL, tiny

from unnoise import DenoisingMarkovModel, evaluate
from unnoise.report import Assessment, Names, page_of
from unnoise.report.sections import SECTIONS

pytestmark = pytest.mark.usefixtures("light_judges")


class Parsed(HTMLParser):
    """What a browser would see: tags with their attributes, titles of sections, and the text."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.titles: list[str] = []
        self.words = ""
        self.feed(source)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.words += data
        if self.tags and self.tags[-1][0] == "h2" and data.strip():
            self.titles.append(data)


def written(found: Assessment, folder: Path, **more: Any) -> tuple[str, Parsed]:
    """The report in place of an old one."""
    (folder / "report.html").write_text("old")
    page_of(found, f"A report {EVIL}", "unnoise evaluate model data.csv", **more).write(folder / "report.html")
    assert [path.name for path in folder.iterdir()] == ["report.html"]
    source = (folder / "report.html").read_text(encoding="utf-8")
    return source, Parsed(source)


@pytest.fixture(scope="module")
def page_of_table(of_table: Assessment, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Parsed]:
    names = Names("my model", "test.csv", "train.csv")
    return written(of_table, tmp_path_factory.mktemp("table"), names=names)


@pytest.fixture(scope="module")
def page_of_images(of_images: Assessment, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Parsed]:
    """With a picture of somebody else's."""
    pictures = [(Figure(figsize=(1, 1)), "Completed.")]
    return written(of_images, tmp_path_factory.mktemp("images"), pictures=pictures)


TITLES = [title for title, _ in SECTIONS]
FOLDED = ["How likely is held-out data?", "Can samples be told from data?", "Is it as sure as it should be?"]
FOLDED += ["Are samples copies of the training data?"]


@pytest.mark.parametrize("kind", ["page_of_table", "page_of_images"])
def test_a_report_holds_everything_in_order_and_needs_nothing(kind: str, request: Any) -> None:
    source, page = request.getfixturevalue(kind)
    assert source.startswith("<!doctype html>")
    assert page.titles == TITLES
    assert TITLES[0] == "Can I trust it?"
    assert len(source) < 1_000_000
    images = [attributes["src"] for tag, attributes in page.tags if tag == "img"]
    assert len(images) >= 4 + (kind == "page_of_images")
    assert all(image.startswith("data:image/png;base64,") for image in images)
    assert not re.search(r"""(src|href)=["'](?!data:|#)|url\(|@import|https?://""", source)
    assert not [tag for tag, _ in page.tags if tag in ("link", "iframe", "object")]
    assert [tag for tag, _ in page.tags].count("script") == 1
    told = (*BASELINES, "unnoise evaluate model data.csv", "Gaussian", "MLP", f"A report {EVIL}", *FOLDED)
    for words in told:
        assert words in page.words
    if kind == "page_of_table":
        assert page.words.count(EVIL) > 10, "names of columns are text, never markup"
        assert "Regions" in page.words
    else:
        assert "that it finds least likely" in page.words


def test_every_picture_and_chart_has_words_and_headings_never_skip_a_level(page_of_table: tuple[str, Parsed]) -> None:
    _, page = page_of_table
    assert all(attributes["alt"] for tag, attributes in page.tags if tag == "img")
    assert all(attributes["aria-label"] for tag, attributes in page.tags if tag == "svg")
    levels = [int(tag[1]) for tag, _ in page.tags if re.fullmatch("h[1-6]", tag)]
    assert all(after - before <= 1 for before, after in pairwise(levels))


def test_the_tables_name_columns_pairs_and_rivals(of_table: Assessment, page_of_table: tuple[str, Parsed]) -> None:
    source, _ = page_of_table
    wrong = source.partition("Where is it wrong?</h2>")[2]
    worst = of_table.standing.margins[0]
    assert f">{worst.distance:.3f} <span" in wrong
    assert f'<td class="number">{worst.chance:.3f}</td>' in wrong
    assert f">{of_table.standing.pairs[0].distance:.3f} <span" in wrong
    for name, standing in of_table.rivals.items():
        assert f">{name}</td>" in source
        assert f">{standing.trees.auc:.3f} <span" in source
    assert source.index(">unnoise</td>") < source.index(">Gaussian copula</td>")
    assert "Another one (gradient-boosted trees" in source


NAMES = ['<img src=x onerror="alert(1)">', "</script><b>", "العمر", "身長 & 体重", "'); DROP TABLE", "a" * 80]


def test_names_in_any_script_are_text_everywhere() -> None:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({name: rng.integers(0, 3, 120).astype(float) + i for i, name in enumerate(NAMES)})
    frame["</style><p class=x>"] = rng.choice(["<i>", "ü"], 120)
    found = evaluate(DenoisingMarkovModel(quick=True).fit(frame[:80]), frame[80:], train=frame[:80])
    source = page_of(found, "<h1>", names=Names(data="<b>.csv")).html()
    page = Parsed(source)
    body = source.partition("<body>")[2]
    for name in (*NAMES, "</style><p class=x>"):
        assert name in page.words
    for tag in ("<img src=x", "</script><b>", "</style>", "<p class=x>", "<i>", "<b>.csv", "<h1><"):
        assert tag not in body
    assert not [name for _, attributes in page.tags for name in attributes if name.startswith("on")]


def test_a_single_column_needs_no_pairs_and_no_filmstrip(tmp_path: Path) -> None:
    rows = np.random.default_rng(0).normal(size=(60, 1))
    _, page = written(evaluate(tiny().fit(rows), rows[:30]), tmp_path)
    assert "From data to noise, and back" not in page.words
    assert "Pairs of columns" not in page.words
    assert page.titles == TITLES


def test_the_commands_of_a_page_are_those_of_its_files(page_of_table: tuple[str, Parsed]) -> None:
    assert "unnoise fit train.csv -o " in page_of_table[0]


def test_other_pictures_stand_among_the_samples(page_of_images: tuple[str, Parsed]) -> None:
    source, _ = page_of_images
    before, after = (source.index(f"{title}</h2>") for title in TITLES[1:3])
    assert before < source.index("Completed.") < after
