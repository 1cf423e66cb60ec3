"""Options that another makes void, numbers out of any range, and paths that no file can have, for every verb."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import Result

from unnoise.cli import common

Run = Callable[..., Result]
ROWS, PEOPLE, LABELS = (
    "rows.csv",
    "people.csv",
    "labels.csv",
)  # as in `data`; {model} and {people} are fitted on the first
FIT = f"fit {ROWS} -o new --steps 2 --device cpu"
WALK = "walk dens:log_prob --dimension 2 -n 4 --steps 4 --chain mala -o points.npy"
VOID = {
    f"{FIT} --labels {LABELS}": "--labels is a file of conditions, and there is none",
    f"fit {PEOPLE} -o new --condition sex --labels {LABELS}": "--labels .* and all conditions are columns of the data",
    f"{FIT} --quick": "--steps is for training in steps, and --quick has none",
    f"fit {ROWS} -o new --quick --validation 0.2": "--validation is for training in steps",
    f"fit {ROWS} -o new --quick --learning-rate 0.1 --batch-size 9": "--batch-size is for training in steps",
    f"fit {ROWS} -o new --quick --precision bfloat16": "--precision is for training in steps",
    f"fit {ROWS} -o new --quick --checkpoint-every 9s": "--checkpoint-every is for training in steps",
    f"fit {ROWS} -o new --quick --compile": "--compile is for training in steps",
    f"{FIT} --trust my_module": "--trust is for the modules of a model that --resume continues",
    "fit rows.csv -o {model} --resume --overwrite": "--overwrite replaces the model that --resume continues",
    "sample {model} -o new.csv --sampler first-hitting --sampling-steps 9": "--sampling-steps is for samplers that",
    f"score {{model}} {ROWS} -o new.csv --dequantisations 1": "--dequantisations is for whole numbers",
    f"score {{model}} {ROWS} -o new.csv --labels {LABELS}": "--labels is a file of conditions, and there is none",
    f"score {{people}} {PEOPLE} -o new.csv --labels {LABELS}": "--labels .* and all conditions are columns of the data",
    f"impute {{model}} {ROWS} -o new.csv --labels {LABELS}": "--labels is a file of conditions, and there is none",
    f"impute {{model}} {ROWS} -o new.csv --point mean --draws 2": "--draws is for draws, and --point is one filling",
    f"impute {{model}} {ROWS} -o new.csv --point mode --sampler heun": "--sampler is for draws, without --point",
    f"impute {{model}} {ROWS} -o new.csv --point mode --sampling-steps 3": "--sampling-steps is for draws, without",
    f"evaluate {{model}} {ROWS} --train-labels {LABELS}": "--train-labels is for the rows of --train",
    f"evaluate {{model}} {ROWS} --labels {LABELS}": "--labels is a file of conditions, and there is none",
    f"evaluate {{model}} {ROWS} --train {ROWS} --train-labels {LABELS}": "--train-labels is a file of conditions, and",
    f"evaluate {{model}} {ROWS} --overwrite": "--overwrite is for the file of --report",
    f"{WALK} --sigma 1": "--sigma is for --chain sequential",
    "walk dens:log_prob --dimension 2 -o points.npy --steps 4": "--steps is for a named chain",
    "walk dens:log_prob --dimension 2 -o points.npy --scale 4": "--scale is for a named chain",
    f"{WALK} --chain langevin --step-size 0.1 --sigma 1": "--sigma is for --chain sequential",
    "walk dens:north -n 4 --chain geodesic -o points.npy --step-size 0.1 --scale 2": "--scale is for starts on a flat",
}
TWICE = {
    f"{FIT} --column a=real --column a=count": "got --column for 'a' twice; give it once",
    f"{FIT} --column a,b=latlon --column b=real": "got --column for 'b' twice",
    f"fit {PEOPLE} -o new --condition sex,age,sex": "got --condition for 'sex' twice",
    f"fit {PEOPLE} -o new --condition sex,": "got --condition 'sex,'; expected NAME,NAME",
    "sample {people} -o new.csv --given sex=Male --given age=4 --given sex=Female": "got --given for 'sex' twice",
    f"score {{model}} {ROWS} -o new.csv --of a,b,a": "got --of for 'a' twice",
    f"score {{model}} {ROWS} -o new.csv --given a --given a": "got --given for 'a' twice",
    f"score {{model}} {ROWS} -o new.csv --of a --given a": "got the column 'a' in both of and given",
    f"sample {{model}} -o new.csv --given a=1 --given-file {ROWS}": "got the column 'a' in --given and in the file of",
}
MANY = "9" * 20
NUMBERS = {  # the verb with a number of 20 digits, 10**20 or beyond 2**64
    f"{FIT} --seed {2**64}": "--seed",
    f"{FIT} --batch-size {MANY}": "--batch-size",
    f"{FIT} --device cuda:{MANY}": "cannot be used on this machine",
    f"{FIT} --device meta": "cannot be used on this machine",
    f"{FIT} --checkpoint-every 1e400": "got the time '1e400'",
    f"{FIT} --time {'9' * 400}": "got the time '999",
    f"sample {{model}} -o new.csv -n {MANY}": "-n",
    f"sample {{model}} -o new.csv --seed {2**64}": "--seed",
    f"sample {{model}} -o new.csv --sampling-steps {MANY}": "--sampling-steps",
    f"impute {{model}} {ROWS} -o new.csv --seed {2**64}": "--seed",
    f"impute {{model}} {ROWS} -o new.csv --draws {MANY}": "--draws",
    f"impute {{model}} {ROWS} -o new.csv --draws 0": "--draws",
    f"score {{model}} {ROWS} -o new.csv --seed {2**64}": "--seed",
    f"score {{model}} {ROWS} -o new.csv --dequantisations {MANY}": "--dequantisations",
    f"evaluate {{model}} {ROWS} --seed {2**64}": "--seed",
    f"evaluate {{model}} {ROWS} --max-rows -{MANY}": "expected at least 10",
    f"{WALK} --dimension {MANY}": "--dimension",
    f"{WALK} -n {MANY}": "-n",
    f"{WALK} --steps {MANY}": "--steps",
    f"{WALK} --step-size 1e300": "got --step-size 1e[+]300; expected a positive number, from 1e-15 to 1e15",
    f"{WALK} --scale 1e-300": "got --scale 1e-300; expected a positive number, from 1e-15 to 1e15",
    f"{WALK} --chain sequential --sigma 1e300": "got --sigma",
    f"{WALK} --seed {2**64}": "--seed",
    "walk dens:endless -o points.npy": f"has the dimension {10**20}; expected a whole number from 1 to 10,000,000",
    "walk dens:empty -o points.npy": "has the dimension 0; expected a whole number",
    "walk dens:broken -o points.npy": "has the dimension nan; expected a whole number",
    f"demo --seed {2**64}": "--seed",
    f"demo --time {'9' * 400}": "got the time '999",
    f"check dens:log_prob --draws {MANY}": "--draws",
}
DENSITIES = """
from unnoise.chains import Density
from unnoise.spaces import Sphere

def log_prob(x):
    return -0.5 * (x**2).sum(-1)

class Sized:
    def __init__(self, dimension):
        self.dimension, self.log_prob = dimension, log_prob

endless, empty, broken = Sized(10**20), Sized(0), Sized(float("nan"))
north = Density(lambda x: 3 * x[..., 2], Sphere(2))
"""
LONG = "x" * 300


@pytest.fixture
def desk(
    data: Path, model: Path, conditional: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> dict[str, Path]:
    """A folder with the data and a module, as the working directory, and the models by name."""
    for name in (ROWS, PEOPLE, LABELS):
        (tmp_path / name).write_bytes((data / name).read_bytes())
    (tmp_path / "dens.py").write_text(DENSITIES)
    monkeypatch.chdir(tmp_path)
    yield {"model": model, "people": conditional}
    sys.modules.pop("dens", None)


def nothing_was_made() -> bool:
    return {path.name for path in Path.cwd().iterdir()} - {"__pycache__"} == {ROWS, PEOPLE, LABELS, "dens.py"}


@pytest.mark.parametrize(("words", "match"), (VOID | TWICE).items(), ids=VOID | TWICE)
def test_options_that_change_nothing_are_refused(
    words: str, match: str, refused: Callable[..., str], desk: dict[str, Path]
) -> None:
    refused(*words.format(**desk).split(), match=match)
    assert nothing_was_made()


@pytest.mark.parametrize(("words", "match"), NUMBERS.items(), ids=lambda text: text[:60])
def test_numbers_out_of_range_are_refused(words: str, match: str, run: Run, desk: dict[str, Path]) -> None:
    result = run(*words.format(**desk).split())
    assert result.exit_code == 2, result.stderr
    assert match.replace("[+]", "+") in result.stderr
    assert nothing_was_made() or words.startswith("demo")


@pytest.mark.parametrize("path", [f"{LONG}.csv", f"{ROWS}/x.csv", "nowhere/x.csv", "a\0b.csv", "caf\udce9.csv", ""])
@pytest.mark.parametrize(
    "words",
    [
        ("fit", "?", "-o", "new"),
        ("fit", ROWS, "-o", "?"),
        ("fit", ROWS, "--labels", "?", "--condition", "x", "-o", "new"),
        ("sample", "?", "-o", "new.csv"),
        ("sample", "{model}", "-n", "2", "-o", "?"),
        ("score", "?", ROWS, "-o", "new.csv"),
        ("score", "{model}", "?", "-o", "new.csv"),
        ("score", "{model}", ROWS, "-o", "?"),
        ("evaluate", "{model}", "?"),
        ("evaluate", "{model}", ROWS, "--train", "?"),
        ("evaluate", "{model}", ROWS, "--report", "?.html"),
        ("walk", "dens:log_prob", "--dimension", "2", "-o", "?"),
        ("walk", "dens:log_prob", "--dimension", "2", "-o", "new.csv", "--chain", "mala", "--plot", "?.png"),
        ("demo", "-o", "?"),
    ],
    ids=" ".join,
)
def test_paths_that_cannot_be_are_refused(
    words: tuple[str, ...], path: str, refused: Callable[..., str], desk: dict[str, Path]
) -> None:
    made = words[:1] + words[-2:-1] in (("fit", "-o"), ("demo", "-o")) and path == "nowhere/x.csv"
    if made or (path == "" and words[-1].startswith("?.")):
        pytest.skip("folders are made, and the name is not empty")
    refused(*(word.format(**desk).replace("?", path) for word in words), match=r".")
    assert nothing_was_made()


def test_more_rows_than_memory_holds_are_not_begun(
    refused: Callable[..., str], desk: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(common, "memory_gib", lambda: 8.0)
    words = ("walk", "dens:log_prob", "--dimension", "2", "-o", "new.parquet", "-n", 10**9)
    refused(*words, match="got 1,000,000,000 rows of 2 numbers, which take 15 GiB; expected no more than the 8 GiB")
    monkeypatch.setattr(common, "memory_gib", lambda: 0.001)  # rows of a model are drawn block by block
    words = ("sample", desk["model"], "-o", "new.csv", "-n", 10**9)
    refused(*words, match="got 100,000 rows of 2 numbers, which take")


UNPRINTED = "unnoise: the result could not be printed ({}); the work is done"
SHELL = {  # what a shell does to standard streams: the exit code, and how the error stream begins
    "--help >/dev/full": (1, "unnoise: the help could not be printed (No space left on device)"),
    "--help | head -0; (exit ${PIPESTATUS[0]})": (0, ""),
    "check $'unnoise.spaces:caf\\xe9' <&- >&-": (2, "unnoise: got 'unnoise.spaces:caf\\udce9', which is no UTF-8 text"),
}
SLOW = {
    "check --help | head -0; (exit ${PIPESTATUS[0]})": (0, ""),
    "check --help-all | head -0; (exit ${PIPESTATUS[0]})": (0, ""),
    "check unnoise.spaces:Torus --draws 500 >/dev/full": (1, UNPRINTED.format("No space left on device")),
    "check unnoise.spaces:Torus --draws 500 | head -0; (exit ${PIPESTATUS[0]})": (1, UNPRINTED.format("Broken pipe")),
    "check unnoise.spaces:Torus --draws 500 >&-": (0, ""),
    "check unnoise.spaces:None <&- >&- 2>&-": (2, ""),
}


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="of Linux")
@pytest.mark.parametrize("words", [*SHELL, *(pytest.param(words, marks=pytest.mark.slow) for words in SLOW)])
def test_closed_and_full_streams_end_in_a_sentence(words: str) -> None:
    code, told = (SHELL | SLOW)[words]
    env = {**os.environ, "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    command = ["bash", "-c", f"{sys.executable} -m unnoise {words}"]
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=120)
    assert done.returncode == code, done.stderr
    assert done.stderr.startswith(told)
    assert done.stderr.count("\n") == bool(told), done.stderr
