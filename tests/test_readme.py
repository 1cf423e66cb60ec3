"""What the README shows works as it stands there; only training and sampling are made short."""

from __future__ import annotations

import re
from functools import partial

import numpy as np
import pytest
from light import judges
from pages import ROOT, blocks, claims, desk, is_measured, leads_somewhere, links, run, tables, unsupported

from unnoise import DenoisingMarkovModel, model
from unnoise.networks import MLP
from unnoise.samplers import Ancestral

README = (ROOT / "README.md").read_text(encoding="utf-8")


def shorter(words):
    """A command with less to do: three steps of training."""
    trains = words[:2] == ["unnoise", "fit"] and "--quick" not in words
    return [*words, "--steps", "3", "--batch-size", "16"] if trains else words


def quakes_and_others(rng):
    """Columns that are no plain numbers, by the kinds that the README names."""
    turns = rng.normal(size=(60, 4))
    turns /= np.linalg.norm(turns, axis=1, keepdims=True)
    shares = rng.dirichlet([2.0, 3.0, 4.0], 60)
    return {
        "lat": rng.uniform(-80, 80, 60),
        "lon": rng.uniform(-180, 180, 60),
        "phi": rng.uniform(-180, 180, 60),
        "psi": rng.uniform(-180, 180, 60),
        **{f"q{axis}": turns[:, i] for i, axis in enumerate("xyzw")},
        **{name: shares[:, i] for i, name in enumerate(("sand", "silt", "clay"))},
        "worms": rng.poisson(3.0, 60),
        "grade": rng.integers(1, 5, 60),
        "text": ["".join(word) for word in rng.choice(list("acgt"), (60, 8))],
    }


@pytest.fixture
def files(tmp_path):
    """A folder with the files that the README speaks of."""
    pd = pytest.importorskip("pandas")
    rng = np.random.default_rng(0)
    for name in ("measurements", "other", "held_out"):
        frame = pd.DataFrame({"length": rng.normal(3, 1, 60), "count": rng.integers(0, 9, 60)})
        frame["group"] = rng.choice(["a", "b"], 60)
        if name == "measurements":
            frame.loc[::9, "length"] = None
        frame.to_csv(tmp_path / f"{name}.csv", index=False)
    pd.DataFrame(quakes_and_others(rng)).to_csv(tmp_path / "kinds.csv", index=False)
    return tmp_path


def test_its_code_runs(files, monkeypatch):
    make = DenoisingMarkovModel.__init__
    monkeypatch.setattr(make, "__kwdefaults__", make.__kwdefaults__ | {"steps": 3})
    monkeypatch.setattr(model.estimator, "default_network", lambda *shapes, **_: MLP(*shapes, width=16, depth=1))
    monkeypatch.setattr(model.fitted, "default_sampler", lambda *_: partial(Ancestral, steps=10))
    python = README.index("```python")
    with desk(files, monkeypatch) as folder, judges():
        run(README[:python], folder, shorter)
        assert (folder / "report.html").stat().st_size > 10_000
        (folder / "model").rename(folder / "model_of_the_file")
        names = run(README[python:], folder)
    assert len(names["new"]) == 1000


def test_its_kinds_of_columns_are_understood(files, monkeypatch):
    kinds = re.findall(
        r"`(?:--column )?([\w,]+=\w+)`", README[README.index("Say what else") : README.index("## In Python")]
    )
    assert len(kinds) == 7
    options = [word for kind in kinds for word in ("--column", kind)]
    with desk(files, monkeypatch) as folder:
        run("```console\n$ unnoise fit kinds.csv -o kinds {}\n```\n".format(" ".join(options)), folder, shorter)


def test_its_blocks_are_of_languages_that_run():
    assert {language for language, _ in blocks(README)} == {"python", "console"}


def test_its_links_lead_somewhere():
    page = ROOT / "README.md"
    assert not [target for target in links(README) if not leads_somewhere(target, page)]


def test_its_numbers_are_those_of_the_results():
    found = claims(README)
    assert len(found) >= 8
    assert not [claim for claim in found if not is_measured(*claim)]
    assert not unsupported(README)
    assert len([row for row in tables(README) if len(row) == 3]) <= 8  # headlines; docs/results.md has all
