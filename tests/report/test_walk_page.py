"""The page of a walk."""

from __future__ import annotations

import re
from io import BytesIO

import numpy as np
import pytest
import torch
from PIL import Image

from unnoise.report import walk_page as walk_page_module
from unnoise.report.page import Page
from unnoise.report.walk_page import coordinates, labels_of, page_of_walk, picture_of_walk, show_modes, show_verdict
from unnoise.walking import Annealing, Record, Verdict, Walk

F64 = torch.float64
POPULATIONS, COUNT = 4, 50


def walk(dimension=8, modes=2, doubts=(), names=None):
    """Two modes that lie apart in the coordinate 6 by far, and in 2 a little."""
    rng = torch.Generator().manual_seed(0)
    labels = torch.arange(POPULATIONS * COUNT).reshape(POPULATIONS, COUNT) % 4 // 3  # .75 and .25
    x = torch.randn(POPULATIONS, COUNT, dimension, generator=rng, dtype=F64)
    x[..., 6] += 20.0 * labels
    x[..., 2] += 3.0 * labels
    shares = torch.stack([1 - labels.double().mean(1), labels.double().mean(1)], 1)
    particles = x if names is None else {names[0]: x[..., :1], names[1]: x[..., 1:]}
    record = Record(
        particles,
        labels if modes else None,
        shares,
        torch.tensor([1.0, 1.1, 0.9, 1.2], dtype=F64),
        (1.05, 0.02) if modes else None,
        Annealing([0.0, 0.001, 1.0], [30.0, 25.0], [[0.5, 0.6], [0.4, 0.3]], [0.01, 0.01]),
    )
    draws = {"x": x[0]} if names else x[0]
    centres = torch.zeros(2, dimension, dtype=F64)
    verdict = Verdict(not doubts, tuple(doubts), ("a note",), 1.002, 0.0625)
    return Walk(draws, 1.06, centres if modes else None, shares.mean(0) if modes else None, verdict, 12_345, 4, record)


def test_coordinates_that_tell_modes_apart_come_first():
    names, chains = coordinates(walk())
    assert names[:2] == ["x6", "x2"]
    assert chains.shape == (POPULATIONS, COUNT, 6)
    found = walk()
    np.testing.assert_array_equal(chains[..., 0], found.record.particles[..., 6].numpy())
    assert coordinates(walk(modes=0))[0] == ["x0", "x1", "x2", "x3", "x4", "x5"]


def test_the_heaviest_mode_is_the_first_label():
    found = walk()
    assert np.bincount(labels_of(found)).tolist() == [150, 50]
    flipped = Walk(**{**vars(found), "mode_weights": found.mode_weights.flip(0)})
    assert np.bincount(labels_of(flipped)).tolist() == [50, 150]


@pytest.fixture
def few(monkeypatch):
    """Small pictures, which are drawn sooner."""
    monkeypatch.setattr(walk_page_module, "DRAWN", 2)


def test_the_page_says_the_verdict_first_and_every_number(few):
    source = page_of_walk(walk(), "mine.py:log_prob", "unnoise walk mine.py:log_prob", 3).html()
    assert source.index("Trusted: independent populations agree (R-hat 1.002)") < source.index("log Z")
    for told in ("1.06 ± 0.062", "12,345", "0.7500 ± 0.0306", "A note.", "<code>unnoise walk mine.py:log_prob</code>"):
        assert told in source, told
    assert source.count("<img") == 4
    assert "://" not in re.sub(r"data:image/png;base64,[^\"]*", "", source)


def test_doubts_are_told_one_by_one_and_modes_may_be_missing():
    page, found = Page("title"), walk(modes=0, doubts=["populations <disagree>", "chains never moved"])
    show_verdict(page, found)
    show_modes(page, found)
    source = page.html()
    assert "Not trusted" in source
    assert "Populations &lt;disagree&gt;." in source
    assert "Chains never moved." in source
    assert "<h2>Modes</h2>" not in source


@pytest.mark.slow
def test_the_picture_has_all_figures_below_each_other(few):
    with Image.open(BytesIO(picture_of_walk(walk(dimension=7)))) as picture:
        assert picture.height > picture.width > 800


@pytest.mark.parametrize("modes", [0, 2])
def test_names_of_products_are_those_of_their_parts(modes):
    names, _ = coordinates(walk(modes=modes, names=("a", "b")))
    assert set(names) <= {"a[0]", *(f"b[{i}]" for i in range(7))}


def test_modes_and_particles_may_be_parameters_with_names():
    """Scalars have no axis of their own."""
    found = walk()
    x = found.record.particles
    record = Record(**{**vars(found.record), "particles": {"mu": x[..., 0], "b": x[..., 5:].unflatten(2, (1, 3))}})
    modes = {"mu": torch.tensor([0.25, 0.5]), "b": torch.tensor([[[1.0, 2, 3]], [[4, 5, 6]]])}
    found = Walk(**{**vars(found), "record": record, "modes": modes})
    assert coordinates(found)[0][0] == "b[0, 1]"  # which was x6
    page = Page("title")
    show_modes(page, found)
    assert re.search(r"b\[0, 1\]</th>.*0\.7500 ± 0\.0306</td><td[^>]*>2</td>", page.html())


def test_each_mode_has_its_own_error(monkeypatch):
    """The heaviest comes first, though it was found second."""
    found = walk()
    found = Walk(**{**vars(found), "mode_weights": found.mode_weights.flip(0)})
    monkeypatch.setattr(Record, "share_errors", lambda self: torch.tensor([0.1, 0.2]))
    page = Page("title")
    show_modes(page, found)
    assert re.search(r"0\.7500 ± 0\.2000.*0\.2500 ± 0\.1000", page.html(), re.DOTALL)
