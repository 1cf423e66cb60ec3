"""The page that shows an assessment."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from small_models import BASELINES, EVIL, tiny

from unnoise import evaluate
from unnoise.report import Assessment, page_of


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


def written(found: Assessment, folder: Path) -> tuple[str, Parsed]:
    """The report in place of an old one."""
    (folder / "report.html").write_text("old")
    page_of(found, f"A report {EVIL}", "unnoise evaluate model data.csv").write(folder / "report.html")
    assert [path.name for path in folder.iterdir()] == ["report.html"]
    source = (folder / "report.html").read_text(encoding="utf-8")
    return source, Parsed(source)


SECTIONS = ["New samples", "How likely is held-out data?", "Can samples be told from data?"]
SECTIONS += ["Are samples copies of the training data?", "From data to noise, and back", "Training"]
SECTIONS += ["The data and the model", "How this report was made"]


@pytest.mark.parametrize("kind", ["of_table", "of_images"])
def test_a_report_holds_everything_and_needs_nothing(kind: str, tmp_path: Path, request: Any) -> None:
    source, page = written(request.getfixturevalue(kind), tmp_path)
    assert source.startswith("<!doctype html>")
    asked = ["What it says of one column given another" if kind == "of_table" else "Is it as sure as it should be?"]
    judged = ["Which columns differ most?", "Beside simpler models"] * (kind == "of_table")
    titles = ["Can I trust it?", *judged, *SECTIONS[:1], *asked, *SECTIONS[1:]]
    assert list(dict.fromkeys(page.titles)) == titles
    assert len(source) < 2_000_000
    images = [attributes["src"] for tag, attributes in page.tags if tag == "img"]
    assert len(images) >= 5
    assert all(image.startswith("data:image/png;base64,") for image in images)
    assert not re.search(r"""(src|href)=["'](?!data:|#)|url\(|@import|https?://""", source)
    assert not [tag for tag, _ in page.tags if tag in ("script", "link", "iframe")]
    for words in (*BASELINES, "unnoise evaluate model data.csv", "Gaussian", "MLP", f"A report {EVIL}"):
        assert words in page.words
    if kind == "of_table":
        assert EVIL in page.words.split("The data and the model")[-1], "names of columns are text, never markup"


def test_a_single_column_needs_no_pairs_and_no_filmstrip(tmp_path: Path) -> None:
    rows = np.random.default_rng(0).normal(size=(60, 1))
    _, page = written(evaluate(tiny().fit(rows), rows[:30]), tmp_path)
    assert "From data to noise, and back" not in page.titles
    assert "New samples" in page.titles
