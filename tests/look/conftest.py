"""A table with holes, dates, and names that a page must escape; a model of it; pages of it over HTTP."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial
from html.parser import HTMLParser
from typing import Any

import numpy as np
import polars as pl
import pytest

from unnoise import networks
from unnoise.look.answers import Answers
from unnoise.model import DenoisingMarkovModel

TOKEN, PORT = "the-token", 8000
HOST = f"127.0.0.1:{PORT}"
ODD = "<b>größe & 測定"  # the name of a column
LEVELS = ["<script>alert(1)</script>", "old town", "港"]
VOID = {"area", "br", "hr", "img", "input", "link", "meta", "rect", "line", "path"}


def people(n: int = 300, seed: int = 0) -> pl.DataFrame:
    """Rows in which the last column is missing more often at the second level, and grows with the number."""
    rng = np.random.default_rng(seed)
    place = rng.choice(3, n, p=[0.5, 0.2, 0.3])
    age = 20 + rng.integers(0, 50, n)
    size = 2.0 * age + rng.normal(0, 4, n).round(1)
    gone = rng.random(n) < np.where(place == 1, 0.6, 0.1)
    days = pl.Series(rng.integers(0, 900, n)).cast(pl.Int32)
    return pl.DataFrame(
        {
            "place": [LEVELS[i] for i in place],
            "age": age,
            "since": days.cast(pl.Date),
            ODD: pl.Series(size).scatter(np.flatnonzero(gone).tolist(), None),
        }
    )


@cache
def fitted() -> DenoisingMarkovModel:
    """A mixture of the rows."""
    return DenoisingMarkovModel(quick=True, progress=False).fit(people())


@cache
def small(kind: str = "table") -> DenoisingMarkovModel:
    """A network that has hardly learnt."""
    quick: dict[str, Any] = {"steps": 3, "batch_size": 16, "progress": False, "device": "cpu"}
    tiny = partial(networks.MLP, width=16, depth=1)
    rng = np.random.default_rng(0)
    match kind:
        case "table":
            return DenoisingMarkovModel(network=tiny, **quick).fit(people())
        case "images":
            images = rng.integers(0, 16, (40, 4, 4)).astype("uint8")
            return DenoisingMarkovModel(network=tiny, condition="digit", **quick).fit(images, rng.integers(0, 3, 40))
        case "angles":
            frame = pl.DataFrame(rng.uniform(-180, 180, (60, 3)), schema=["phi", "psi", "chi"])
            return DenoisingMarkovModel(network=tiny, kinds={"phi,psi,chi": "angle"}, **quick).fit(frame)
        case "places":
            frame = pl.DataFrame({"lat": rng.uniform(-80, 80, 60), "lon": rng.uniform(-180, 180, 60)})
            return DenoisingMarkovModel(network=tiny, kinds={"lat,lon": "latlon"}, **quick).fit(frame)
        case _:
            texts = ["".join(rng.choice(list("ACGT"), 5 + i % 2)) for i in range(60)]
            frame = pl.DataFrame({"dna": texts, "n": rng.normal(size=60)})
            return DenoisingMarkovModel(network=tiny, kinds={"dna": "sequence"}, **quick).fit(frame)


@pytest.fixture
def answers() -> Answers:
    return Answers(fitted(), people())


@pytest.fixture
def client() -> Callable[..., Any]:
    """Makes a client of a model's pages, or skips where the extra is not installed."""
    pytest.importorskip("starlette", reason="the page needs the extra 'look'")
    from starlette.testclient import TestClient

    from unnoise.look.server import application

    def make(asked: Answers, **headers: str) -> TestClient:
        app = application(asked, TOKEN, PORT, "the model", "people.csv" if asked.data is not None else None)
        return TestClient(app, base_url=f"http://{HOST}/{TOKEN}/", headers={"host": HOST, **headers})

    return make


class Outline(HTMLParser):
    """What a test looks at of a page: its elements with their attributes, and its words."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.words = ""
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag, f"</{tag}> closes another element"

    def handle_data(self, data: str) -> None:
        self.words += data

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]
