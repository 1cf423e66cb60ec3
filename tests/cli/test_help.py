"""Every example in the help of a verb runs, in a folder with nothing but the files that it names."""

from __future__ import annotations

import inspect
import re
import shlex
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from typer.testing import Result

from unnoise.cli import app

Run = Callable[..., Result]

MODULES = {
    "my_posterior": "def log_prob(x):\n    return -0.5 * (x**2).sum(-1)\n",
    "my_spaces": "from unnoise.spaces import Euclidean\n\nclass Hyperbolic(Euclidean):\n"
    "    def __init__(self):\n        super().__init__(2)\n",
    "my_process": "from unnoise.processes import variance_preserving\nfrom unnoise.spaces import Euclidean\n"
    "\ndef example():\n    return variance_preserving(Euclidean(1))\n",
}
SMALL = {  # settings that make an example quick
    "fit": ["--steps", "2", "--batch-size", "8"],
    "sample": ["-n", "5", "--sampling-steps", "3"],
    "impute": [],
    "score": ["--likelihood", "bound"],
    "evaluate": ["--max-rows", "12"],
    "export": [],
    "walk": ["-n", "20"],
    "check": ["--draws", "1000"],
}


def examples() -> Iterator[str]:
    for command in app.registered_commands:
        lines = (inspect.getdoc(command.callback) or "").splitlines()
        told = (line.strip() for line in lines if line.startswith("  unnoise "))
        yield from (line.partition("  #")[0] for line in told)
    yield from re.findall(r"unnoise (?:fit|sample) [^-][^']*?(?=,|\. )", app.info.epilog)


EXAMPLES = list(examples())
LONG = ("--report", " export ", "--plot")  # test_evaluate.py, test_export.py and test_walk.py do as much


def make(word: str, data: Path) -> None:
    """The file that a word of an example names, if it names one."""
    rows, people = pl.read_csv(data / "rows.csv"), pl.read_csv(data / "people.csv")
    rng = np.random.default_rng(0)
    match word:
        case "people.csv":
            people.with_columns(income=pl.col("a") * 10).write_csv(word)
        case "people.parquet":
            people.with_columns(zip=pl.Series(rng.choice([10, 20], 40))).write_parquet(word)
        case "quakes.csv":
            places = rows.select(lat=pl.col("a") * 10, lon=pl.col("b") * 3, depth=pl.col("b"))
            places.write_csv(word)
        case "tokens.npy":
            np.save(word, rng.integers(0, 3, (30, 4)))
        case "holes.csv":
            rows.with_columns(b=pl.when(pl.col("a") > 0).then("b")).write_csv(word)
        case "known.csv":
            rows.select("a")[:5].write_csv(word)
        case _ if word.endswith(".csv"):
            rows.write_csv(word)
        case _ if ":" in word and (module := word.split(":")[0].removesuffix(".py")) in MODULES:
            Path(f"{module}.py").write_text(MODULES[module])


@pytest.fixture(scope="module")
def asked(run: Run, data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model of people.csv that answers any question."""
    folder = tmp_path_factory.mktemp("asked")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        make("people.csv", data)
        words = ("--steps", "3", "--batch-size", "16", "--device", "cpu")
        assert run("fit", "people.csv", "-o", "model", *words).exit_code == 0
    return folder / "model"


def test_every_verb_has_an_example() -> None:
    verbs = [command.callback.__name__ for command in app.registered_commands]
    assert {example.split()[1] for example in EXAMPLES} == set(verbs)


@pytest.mark.filterwarnings("default")
@pytest.mark.parametrize(
    "example",
    [
        pytest.param(one, marks=pytest.mark.slow if any(word in one for word in LONG) else ())
        for one in EXAMPLES
        if "demo" not in one and " look " not in one  # tests/cli/test_demo.py and test_look.py run them
        if "doctor" not in one  # tests/cli/test_doctor.py runs it
    ],
)
def test_an_example_of_the_help_runs(
    example: str,
    run: Run,
    data: Path,
    model: Path,
    asked: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("unnoise.walking.attempting.PARTICLES", 256)
    _, verb, *words = shlex.split(example)
    made = words[words.index("-o") + 1] if "-o" in words else None
    for word in words:
        if word == "model" != made:
            shutil.copytree(asked if "--given" in words else model, word)
        elif word != made:
            make(word, data)
    try:
        small = SMALL[verb]
        if "--quick" in words or (verb == "sample" and "--given" in words):  # without steps; which visit no levels
            small = []
        result = run(verb, *words, *small)
    finally:
        for module in MODULES:
            sys.modules.pop(module, None)
    assert result.exit_code == 0, result.stderr
    assert made is None or Path(made).exists() or len(list(Path().glob(f"{Path(made).stem}.*"))) == 5
