"""What the documentation shows works as it stands there, and says what it claims."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest
import torch
from typer.testing import CliRunner

from unnoise.cli import app

DOCS = Path(__file__).resolve().parents[1] / "docs"
FILES = re.compile(r"# (\w+\.py)\n")


@pytest.fixture
def desk(tmp_path, monkeypatch):
    """An empty working directory, which modules are imported from."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    before = set(sys.modules)
    with torch.random.fork_rng():
        torch.manual_seed(0)  # networks start as torch starts them
        yield tmp_path
    for name in set(sys.modules) - before:
        if Path(getattr(sys.modules[name], "__file__", None) or "/").parent == tmp_path:
            del sys.modules[name]


def run(page, desk):
    """Run a page: blocks that begin with a file name are files, the others one script each section long."""
    names = {}
    for language, block in re.findall(r"```(python|console)\n(.*?)```", page, re.DOTALL):
        if language == "console":
            for command, shown in re.findall(r"\$ unnoise (.*)\n((?:[^$].*\n)*)", block):
                done = CliRunner().invoke(app, command.split())
                assert done.exit_code == 0, done.output
                assert done.stdout.startswith(shown.split("...")[0]), done.stdout
        elif file := FILES.match(block):
            (desk / file[1]).write_text(block)
        else:
            exec(block, names)
    return names


def test_extend(desk):
    """Everything on the page runs; the two models that it trains have learnt what they were shown."""
    page = (DOCS / "extend.md").read_text(encoding="utf-8")
    names = run(page, desk)
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


def test_the_process_of_the_page_keeps_its_laws(desk):
    page = (DOCS / "extend.md").read_text(encoding="utf-8")
    for block in re.findall(r"```python\n(.*?)```", page, re.DOTALL):
        if file := FILES.match(block):
            (desk / file[1]).write_text(block)
    done = CliRunner().invoke(app, ["check", "well:process"])
    assert done.exit_code == 0, done.output


def test_index(desk):
    """The first lines that a reader sees give the weights that they promise, within 4 standard errors."""
    names = run((DOCS / "index.md").read_text(encoding="utf-8"), desk)
    right = (names["x"].mean(1) > 0).double().mean()
    assert float(right) == pytest.approx(0.8, abs=4 * (0.16 / len(names["x"])) ** 0.5)


def test_solvers(desk):
    """The code on the page runs, and the three solvers draw the law that they were given."""
    names = run((DOCS / "solvers.md").read_text(encoding="utf-8"), desk)
    for made in (names["x"], names["y"], names["z"]):
        assert float((made > 0).double().mean()) == pytest.approx(0.8, abs=0.06)  # 4.7 standard errors
        assert float(made[made > 0].std()) == pytest.approx(0.1**0.5, abs=0.05)
    assert 20 < float(names["cost"]) < 200


def test_the_reference_lists_every_public_module():
    written = re.findall(r"MODULES = \[(.*?)\]", (DOCS / "_extensions" / "reference.py").read_text(), re.DOTALL)[0]
    listed = re.findall(r"^api/(unnoise[\w.]*)$", (DOCS / "api.md").read_text(), re.MULTILINE)
    assert listed == re.findall(r'"(unnoise[\w.]*)"', written)
