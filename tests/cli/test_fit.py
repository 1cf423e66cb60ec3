"""Fitting files by the command line: what comes out, what is refused, and what an interruption costs."""

from __future__ import annotations

import contextlib
import json
import os
import shlex
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import safetensors.torch
import torch
from typer.testing import Result

from unnoise import DenoisingMarkovModel, load

FEW = ("--steps", "3", "--batch-size", "16", "--device", "cpu")
REAL = ("--column", "a=real", "--column", "b=real")  # whose network is pooled with no mixture
Run = Callable[..., Result]


def losses(model: Path) -> list[float]:
    return safetensors.torch.load_file(model / "weights.safetensors")["training.losses"].tolist()


def same_weights(one: Path, other: Path) -> bool:
    a, b = (safetensors.torch.load_file(model / "weights.safetensors") for model in (one, other))
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


@pytest.mark.parametrize("name", ["rows.csv", "rows.parquet", "rows.npy", "images"])
def test_a_file_becomes_a_model(name: str, done: Run, data: Path, tmp_path: Path) -> None:
    result = done("fit", data / name, "-o", tmp_path / "model", *FEW)
    assert f"saved {tmp_path / 'model'} after 3 steps" in result.stdout
    assert f"unnoise sample {tmp_path / 'model'} -n 1000" in result.stdout
    assert f"in a browser by: unnoise look {tmp_path / 'model'} {data / name}\n" in result.stdout
    assert len(load(tmp_path / "model").losses_) == 3


def test_what_it_says_next_reads_the_file_as_it_was_read(done: Run, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    with contextlib.closing(sqlite3.connect("rows.sqlite")) as held, held:
        held.execute("create table plots (id, x, g)")
        plots = [(i, i % 4 if i % 9 else None, "ab"[i % 2]) for i in range(60)]
        held.executemany("insert into plots values (?, ?, ?)", plots)
    asked = "select x, g from plots where id < 40"
    told = done("fit", "rows.sqlite", "-o", "model", "--quick", "--query", asked).stdout
    assert f"unnoise look model rows.sqlite --query {shlex.quote(asked)}\n" in told
    (impute,) = (line for line in told.splitlines() if line.startswith("  unnoise impute"))
    done(*shlex.split(impute)[1:])
    assert len(pl.read_csv("filled.csv", columns=["x", "g"]).drop_nulls()) == 40


def test_compiling_is_asked_for_and_may_change_when_a_training_goes_on(
    done: Run, data: Path, tmp_path: Path, monkeypatch
) -> None:
    seen: list[Any] = []
    monkeypatch.setattr("unnoise.training.loop.compile_networks", seen.append)
    words = ("fit", data / "rows.npy", "-o", tmp_path / "model", *FEW)
    done(*words)
    assert not seen
    done(*words, "--overwrite", "--compile")
    assert len(seen) == 1
    done(*words, "--resume", "--steps", "5")  # as it was compiled before
    assert len(seen) == 2
    model = load(tmp_path / "model")
    assert model.compile
    model.set_params(compile=False, steps=7).fit(np.load(data / "rows.npy"), folder=tmp_path / "model", resume=True)
    assert (len(seen), len(model.losses_)) == (2, 7)


def test_a_model_says_what_its_columns_are(done: Run, data: Path, tmp_path: Path) -> None:
    words = ("--condition", "sex,age", "--column", "age=category", *FEW)
    result = done("fit", data / "people.csv", "-o", tmp_path / "model", *words)
    assert "condition: category, one of Female, Male" in result.stdout
    kinds = load(tmp_path / "model").schema_.conditions
    assert [type(kind).__name__ for kind in kinds.values()] == ["Category", "Category"]


def test_labels_may_lie_beside_images(done: Run, data: Path, tmp_path: Path) -> None:
    words = ("--labels", data / "labels.csv", "--condition", "digit", *FEW)
    done("fit", data / "images", "-o", tmp_path / "model", *words)
    assert load(tmp_path / "model").schema_.conditions["digit"].levels == (0, 1, 2)


def test_json_tells_the_facts(done: Run, data: Path, tmp_path: Path) -> None:
    facts = json.loads(done("fit", data / "rows.csv", "-o", tmp_path / "model", "--json", *FEW).stdout)
    assert facts["model"] == str(tmp_path / "model")
    assert (facts["rows"], facts["steps"]) == (40, 3)
    assert facts["loss"] == pytest.approx(np.mean(losses(tmp_path / "model")))


def test_the_same_seed_gives_the_same_model(done: Run, data: Path, model: Path, tmp_path: Path) -> None:
    for name, seed in {"same": 0, "other": 1}.items():
        words = ("--column", "a=real", "--column", "b=real", "--seed", seed)
        done("fit", data / "rows.csv", "-o", tmp_path / name, *words, *FEW)
    assert same_weights(tmp_path / "same", model)
    assert not same_weights(tmp_path / "other", model)


def test_time_ends_a_training(done: Run, data: Path, tmp_path: Path) -> None:
    done("fit", data / "rows.csv", "-o", tmp_path / "model", *FEW, *REAL, "--steps", "1000000", "--time", "0.3s")
    assert 1 <= len(losses(tmp_path / "model")) < 1000


# ---- bad input

HEADER = "a,b\n"
BAD = {
    "nothing but holes": ("a,b,c\n,,\n,,\n", "Columns 'a', 'b', 'c' had a value in no row, so there is nothing to"),
    "infinity": (HEADER + "1,2\n3,inf\n4,5\n", r"column 'b' has inf in 1 row \(1\)"),
    "one row": (HEADER + "1,2\n", r"got 1 sample .* at least 2 are needed to fit a density"),
    "no rows": (HEADER, "holds no rows of data"),
    "nothing": ("", "is empty"),
    "names": (HEADER + "".join(f"{i},name{i % 20_001}\n" for i in range(40_002)), r"Column 'b' has 20001 levels"),
    "all constant": (HEADER + "1,2\n1,2\n1,2\n", "Every column holds a single value"),
    "ragged": (HEADER + "1,2\n3,4,5\n6,7\n", "row . has 3 fields; expected 2"),
}


@pytest.mark.parametrize(("text", "match"), BAD.values(), ids=BAD)
def test_a_bad_table_is_refused(text: str, match: str, refused: Run, tmp_path: Path) -> None:
    (tmp_path / "data.csv").write_text(text)
    refused("fit", tmp_path / "data.csv", "-o", tmp_path / "model", *FEW, match=match)
    assert os.listdir(tmp_path) == ["data.csv"]


@pytest.mark.parametrize("name", ["rows.npy", "rows.parquet", "images/003.png"])
def test_a_truncated_file_is_refused(name: str, refused: Run, data: Path, tmp_path: Path) -> None:
    whole = (data / name).read_bytes()
    part = tmp_path / "data" / Path(name).name
    part.parent.mkdir()
    part.write_bytes(whole[: len(whole) // 2])
    source = part.parent if part.suffix == ".png" else part
    refused("fit", source, "-o", tmp_path / "model", *FEW, match="damaged or cut short")


def test_a_missing_file_is_refused_with_a_guess(refused: Run, data: Path, tmp_path: Path) -> None:
    refused("fit", data / "row.csv", "-o", tmp_path / "m", *FEW, match=r"There is no file .*did you mean .*rows.csv")
    words = ("--labels", data / "lab", "--condition", "digit", *FEW)
    refused("fit", data / "rows.csv", "-o", tmp_path / "m", *words, match="There is no file")


@pytest.mark.parametrize(
    ("words", "match"),
    [
        (["--column", "a=colour"], "Column 'a' is declared 'colour'; the known kinds are real, integer, category"),
        (["--column", "z=real"], "The kind of 'z' is given, but there is no such column; the columns are a, b"),
        (["--column", "a=latlon"], "latlon takes two columns, latitude and longitude, but got 1"),
        (["--column", "a"], "got --column 'a'; expected NAMES=KIND"),
        (["--column", "a=integer"], "Column 'a' holds whole numbers, but row 0 holds"),
        (["--condition", "z"], "The condition 'z' is not a column of the data"),
        (["--condition", "a,b"], "Every column is a condition, so nothing is left to model"),
        (["--time", "soon"], "got the time 'soon'; expected a number of seconds"),
        (["--steps", "0"], "got steps = 0; expected a whole number from 1"),
        (["--batch-size", "-1"], "got batch_size = -1; expected a whole number from 1"),
        (["--learning-rate", "nan"], "got learning_rate = nan; expected a finite number"),
        (["--precision", "float8"], "got precision = 'float8'; expected 'float32' or 'bfloat16'"),
        (["--device", "abacus"], "The device 'abacus' cannot be used on this machine"),
        (["--resume"], "there is no model in .*: it does not exist"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_wrong_options_are_refused(words: list[str], match: str, refused: Run, data: Path, tmp_path: Path) -> None:
    refused("fit", data / "rows.csv", "-o", tmp_path / "model", *FEW, *words, match=match)
    assert not (tmp_path / "model").exists()


def test_what_new_rows_would_break_is_told(done: Run, tmp_path: Path) -> None:
    """A mixture cannot say the order of two dates that are some days apart in years; with a constraint it does."""
    rng = np.random.default_rng(0)
    begin = np.datetime64("2023-01-01") + rng.integers(0, 700, 400)
    frame = pl.DataFrame({"begin": begin, "end": begin + rng.integers(0, 4, 400)})
    frame.write_csv(tmp_path / "stays.csv")
    fit = ("fit", tmp_path / "stays.csv", "-o", tmp_path / "model", "--quick")
    assert "begin <= end in all 400 rows, but not in " in done(*fit).stdout
    assert "begin <= end in all" not in done(*fit, "--overwrite", "--constraint", "begin <= end").stdout


@pytest.mark.filterwarnings("default:1 column holds a single value")
def test_a_constant_column_is_told_in_one_line(run: Run, tmp_path: Path) -> None:
    pl.DataFrame({"a": np.random.default_rng(0).normal(size=20), "b": [7.0] * 20}).write_csv(tmp_path / "data.csv")
    result = run("fit", tmp_path / "data.csv", "-o", tmp_path / "model", *FEW)
    assert result.exit_code == 0
    assert result.stderr == (
        "unnoise: warning: 1 column holds a single value; samples repeat it, and the model does not learn it: "
        "'b' = 7.0.\n"
    )


def test_extreme_numbers_work(done: Run, tmp_path: Path) -> None:
    values = np.random.default_rng(0).normal(size=(20, 2)) * np.array([1e300, 1e-300])
    pl.DataFrame(values, schema=["a", "b"]).write_csv(tmp_path / "data.csv")
    done("fit", tmp_path / "data.csv", "-o", tmp_path / "model", *FEW)
    done("sample", tmp_path / "model", "-n", "5", "-o", tmp_path / "new.csv")
    new = pl.read_csv(tmp_path / "new.csv").to_numpy()
    assert np.isfinite(new).all()
    assert np.abs(new[:, 0]).max() > 1e298
    assert np.abs(new[:, 1]).max() < 1e-298
    done("score", tmp_path / "model", tmp_path / "data.csv", "-o", tmp_path / "scores.csv")
    assert pl.read_csv(tmp_path / "scores.csv")["log_likelihood"].is_finite().all()


def test_a_model_that_exists_is_replaced_only_when_told(done: Run, refused: Run, data: Path, tmp_path: Path) -> None:
    words = ("fit", data / "rows.csv", "-o", tmp_path / "model", *FEW)
    done(*words)
    refused(*words, "--seed", "1", match="exists; --overwrite")
    (tmp_path / "damaged.parquet").write_bytes(b"of no use")  # and so not read
    refused("fit", tmp_path / "damaged.parquet", "-o", tmp_path / "model", match="exists; --overwrite")
    first = losses(tmp_path / "model")
    done(*words, "--seed", "1", "--overwrite")
    assert losses(tmp_path / "model") != first


def test_what_is_no_model_is_never_replaced(refused: Run, data: Path, tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("years of work")
    for output, match in {tmp_path: "holds other files than a model", tmp_path / "thesis.tex": "is a file"}.items():
        refused("fit", data / "rows.csv", "-o", output, "--overwrite", *FEW, match=match)
    assert (tmp_path / "thesis.tex").read_text() == "years of work"


# ---- interruptions of real processes

LONG = ("--steps", "80", "--batch-size", "16", "--device", "cpu")
ONE_THREAD = {**os.environ, "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}


def started(program: list[str], data: Path, model: Path, *words: str) -> subprocess.Popen[str]:
    command = [sys.executable, *program, "fit", str(data / "rows.csv"), "-o", str(model), *words]
    return subprocess.Popen(command, env=ONE_THREAD, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def wait_for(path: Path, process: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + 120
    while not path.exists():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline, f"{path} did not appear"
        time.sleep(0.02)


@pytest.mark.usefixtures("model")  # all that a training imports is there, so that its first steps are soon done
def test_ctrl_c_saves_and_says_how_to_resume(
    run: Run, done: Run, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = tmp_path / "own"

    def press() -> None:
        while not (model / "config.json").exists():
            time.sleep(0.02)
        time.sleep(0.5)  # for the first steps
        os.kill(os.getpid(), signal.SIGINT)

    words = ["fit", str(data / "rows.csv"), "-o", str(model), *LONG, "--steps", "1000000", "--time", "60s"]
    monkeypatch.setattr(sys, "argv", ["unnoise", *words])
    threading.Thread(target=press, daemon=True).start()
    result = run(*words)
    err = result.stderr
    assert (result.exit_code, result.stdout) == (130, "")
    assert err.startswith(
        f"unnoise: interrupted; the checkpoint is saved, continue with: unnoise fit {data / 'rows.csv'}"
    )
    assert err.endswith(" --resume\n")
    assert err.count("\n") == 1
    assert {path.name for path in model.iterdir()} == {"config.json", "training.safetensors"}
    steps = len(safetensors.torch.load_file(model / "training.safetensors")["losses"])
    assert steps > 0
    done("fit", data / "rows.csv", "-o", model, "--resume", "--steps", steps + 2, "--device", "cpu")
    assert len(losses(model)) == steps + 2


ENDINGS = {  # of a training: the exit code and the first words
    "Ctrl-C": (KeyboardInterrupt(), 130, "interrupted"),
    "SIGTERM": (SystemExit(128 + signal.SIGTERM), 143, "terminated"),
    "SIGHUP": (SystemExit(128 + signal.SIGHUP), 129, "terminated"),
}


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("saved", [True, False])
def test_each_signal_has_its_exit_code_and_a_hint_to_type(
    ending: str, saved: bool, run: Run, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    end, code, word = ENDINGS[ending]

    def fit(self: DenoisingMarkovModel, *data: object, folder: Path, **options: object) -> None:
        if saved:
            folder.mkdir()
            (folder / "training.safetensors").touch()
        raise end

    monkeypatch.setattr(DenoisingMarkovModel, "fit", fit)
    words = ["fit", str(data / "rows.csv"), "-o", str(tmp_path / "my model"), "--overwrite"]
    monkeypatch.setattr(sys, "argv", ["unnoise", *words])
    result = run(*words)
    again = shlex.join(["unnoise", *words[:-1], "--resume"])
    hint = f"; the checkpoint is saved, continue with: {again}" if saved else ""
    assert (result.exit_code, result.stderr) == (code, f"unnoise: {word}{hint}\n")


def test_code_that_exits_while_training_is_no_success(
    run: Run, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(DenoisingMarkovModel, "fit", lambda *_, **options: sys.exit(0))
    result = run("fit", data / "rows.csv", "-o", tmp_path / "model")
    assert result.exit_code == 1
    assert result.stderr == "unnoise: stopped before the end: code that ran called sys.exit(0)\n"


@pytest.mark.parametrize(("name", "new"), [("rows.csv", "new.csv"), ("rows.npy", "new.npy"), ("rows.npz", "new.npy")])
def test_the_hints_after_a_fit_can_be_typed(name: str, new: str, done: Run, data: Path, tmp_path: Path) -> None:
    if name == "rows.npz":
        np.savez(tmp_path / name, x=np.load(data / "rows.npy"))
    source, model = tmp_path / name if name == "rows.npz" else data / name, tmp_path / "it's mine; $HOME"
    lines = done("fit", source, "-o", model, *FEW).stdout.splitlines()
    hints = [shlex.split(line) for line in lines if line.startswith("  unnoise ")]
    assert [words[:3] for words in hints] == [["unnoise", "sample", str(model)], ["unnoise", "evaluate", str(model)]]
    assert hints[0][-2:] == ["-o", new]


def test_the_cadence_of_checkpoints_is_a_time(done: Run, refused: Run, data: Path, tmp_path: Path) -> None:
    done("fit", data / "rows.csv", "-o", tmp_path / "model", *FEW, "--checkpoint-every", "5m")
    assert load(tmp_path / "model").checkpoint_every == 300.0
    words = ("fit", data / "rows.csv", "-o", tmp_path / "model", "--resume", "--checkpoint-every")
    done(*words, "10s")
    refused(*words, "often", match="got the time 'often'; expected a number of seconds")


@pytest.mark.slow  # tests/training/test_checkpoint.py kills a training too
def test_killed_and_resumed_the_weights_are_those_of_an_uninterrupted_run(
    done: Run, refused: Run, data: Path, tmp_path: Path
) -> None:
    killed, whole = tmp_path / "killed", tmp_path / "whole"
    process = started(["-m", "unnoise"], data, killed, *LONG, "--checkpoint-every", "0.001")
    wait_for(killed / "training.safetensors", process)
    time.sleep(0.1)
    process.kill()
    process.communicate()
    assert process.returncode == -signal.SIGKILL
    assert not (killed / "weights.safetensors").exists()
    refused("sample", killed, "-o", tmp_path / "new.csv", match="its training was interrupted; finish it with")
    refused("fit", data / "rows.csv", "-o", killed, *LONG, match="--resume finishes the training in it")
    done("fit", data / "rows.csv", "-o", killed, "--resume", "--device", "cpu")
    done("fit", data / "rows.csv", "-o", whole, *LONG)
    assert len(losses(killed)) == 80
    assert {path.name for path in killed.iterdir()} == {path.name for path in whole.iterdir()}
    assert same_weights(killed, whole)


def test_resuming_with_other_data_is_refused(refused: Run, data: Path, model: Path, tmp_path: Path) -> None:
    pl.read_csv(data / "rows.csv").head(30).write_csv(tmp_path / "fewer.csv")
    refused("fit", tmp_path / "fewer.csv", "-o", model, "--resume", match="saw 30 examples, but the data have 23")
    pl.read_csv(data / "rows.csv").with_columns(pl.first() + 1).write_csv(tmp_path / "other.csv")
    refused(
        "fit", tmp_path / "other.csv", "-o", model, "--resume", match="saw other numbers, or the same in another order"
    )
    pl.read_csv(data / "people.csv").drop("a").write_csv(tmp_path / "less.csv")
    refused("fit", tmp_path / "less.csv", "-o", model, "--resume", match="unseen at fit time: - age - sex")


@pytest.mark.parametrize(
    ("option", "words"),
    [
        (("--batch-size", 7), "batch_size = 7 is asked for now"),
        (("--learning-rate", 0.5), "learning_rate = 0.5 is asked for now"),
        (("--seed", 3), "random_state = 3 is asked for now"),
        (("--precision", "bfloat16"), "precision = bfloat16 is asked for now"),
        (("--column", "x0=integer"), "but kinds = .* is asked for now"),
        (("--condition", "x0"), "but condition = .* is asked for now"),
        (("--roles", "joint"), "roles = joint is asked for now"),
    ],
)
def test_resuming_with_other_options_is_refused(
    refused: Run, data: Path, model: Path, option: tuple, words: str
) -> None:
    """They were ignored."""
    refused("fit", data / "rows.csv", "-o", model, "--resume", *option, match=words)


def test_a_damaged_checkpoint_is_refused(done: Run, refused: Run, data: Path, tmp_path: Path) -> None:
    done("fit", data / "rows.csv", "-o", tmp_path / "model", *FEW)
    (tmp_path / "model" / "training.safetensors").write_bytes(b"half")
    resume = ("fit", data / "rows.csv", "-o", tmp_path / "model", "--resume")
    refused(*resume, match=r"training.safetensors is damaged .* delete it and train anew")
    (tmp_path / "model" / "config.json").write_text("{")
    refused(*resume, match=r"config.json cannot be read as the description of a model")


# ---- several processes

TORCHRUN = ["torch.distributed.run", "--standalone", "--nproc_per_node", "2"]
ACCELERATE = ["accelerate.commands.launch", "--multi_gpu", "--num_machines", "1", "--num_processes", "2"]
ACCELERATE += ["--main_process_port", "0", "--mixed_precision", "no", "--dynamo_backend", "no"]


@pytest.mark.slow
@pytest.mark.parametrize("launcher", [TORCHRUN, ACCELERATE], ids=["torchrun", "accelerate"])
def test_two_processes_follow_the_loss_curve_of_one(launcher: list[str], done: Run, data: Path, tmp_path: Path) -> None:
    words = ["fit", str(data / "rows.csv"), "--steps", "20", "--batch-size", "16", "--json", "-o"]
    together = [sys.executable, "-m", *launcher, "-m", "unnoise", *words, str(tmp_path / "together")]
    process = subprocess.run(together, env=ONE_THREAD, capture_output=True, text=True, timeout=240)
    assert process.returncode == 0, process.stderr
    assert json.loads(process.stdout)["steps"] == 20, "one process speaks"
    done(*words, tmp_path / "alone")
    assert losses(tmp_path / "together") == pytest.approx(losses(tmp_path / "alone"), rel=1e-4)
    assert load(tmp_path / "together").sample(3, seed=0).shape == (3, 2)


@pytest.mark.slow
def test_two_processes_refuse_what_one_refuses(data: Path, tmp_path: Path) -> None:
    words = ["fit", str(data / "nothing.csv"), "-o", str(tmp_path / "model")]
    command = [sys.executable, "-m", *TORCHRUN, "-m", "unnoise", *words]
    process = subprocess.run(command, env=ONE_THREAD, capture_output=True, text=True, timeout=240)
    assert process.returncode != 0
    assert "unnoise: There is no file or folder" in process.stderr


def test_pictures_may_be_conditions_from_fit_to_score(done: Run, refused: Run, data: Path, tmp_path: Path) -> None:
    """A folder, an array of sets and a table of labels beside the rows; one picture, or each row's own."""
    np.save(tmp_path / "sets.npy", np.where(np.arange(36).reshape(12, 3) % 5, 1.0, np.nan)[..., None])
    labels = ("--labels", f"photo={data / 'images'}", "--labels", f"seen={tmp_path / 'sets.npy'}")
    labels = (*labels, "--labels", data / "labels.csv", "--column", "seen=set")
    np.save(tmp_path / "rows.npy", np.random.default_rng(0).normal(size=(12, 2)))
    model = tmp_path / "model"
    out = done("fit", tmp_path / "rows.npy", "-o", model, *FEW, *labels).stdout
    assert "condition: image, 1 x 8 x 8" in out
    assert "condition: set of up to 3 observations" in out
    kinds = load(model).schema_.conditions
    assert list(kinds) == ["photo", "seen", "digit"]
    labels = labels[:-2]
    done("sample", model, "-o", tmp_path / "new.npy", *labels, "--guidance", "2")
    assert np.load(tmp_path / "new.npy").shape == (12, 2)
    picture = next((data / "images").iterdir())
    one = ("--given", f"photo={picture}", "--given", "seen=1.5,2", "--given", "digit=1")
    done("sample", model, "-n", "3", "-o", tmp_path / "one.npy", *one)
    assert np.load(tmp_path / "one.npy").shape == (3, 2)
    done("sample", model, "-n", "3", "-o", tmp_path / "none.npy")
    done("score", model, tmp_path / "rows.npy", "-o", tmp_path / "scores.csv", *labels, "--likelihood", "bound")
    assert pl.read_csv(tmp_path / "scores.csv").height == 12
    new = ("-n", "3", "-o", tmp_path / "no.npy")
    refused("sample", model, *new, "--given", "photo=none.png", match="There is no image none.png")
    refused("sample", model, *new, "--given", "photo=red", match="got --given photo=red; expected a file")
    refused("sample", model, *new, *one[:4], match="The condition 'digit' was not given")
    two = ("--labels", data / "images", "--labels", tmp_path / "sets.npy")
    refused("sample", model, *new, *two, match="several files of conditions, and one without names")
    refused("sample", model, *new, *labels[:2], *labels[:2], match="got conditions for 'photo' twice")


def test_a_tracker_is_told_by_the_name_of_the_model(run: Run, data: Path, tmp_path: Path, monkeypatch) -> None:
    told = []

    @contextlib.contextmanager
    def tracking(name: str, run: str, about: dict[str, Any]) -> Iterator[Any]:
        told.append((name, run, about["data"], about["steps"]))
        yield lambda step, numbers: told.append(step)

    monkeypatch.setattr("unnoise.training.tracking", tracking)
    assert run("fit", data / "rows.csv", "-o", tmp_path / "m", *FEW, "--log", "mlflow").exit_code == 0
    assert told == [("mlflow", "m", "rows.csv", 3), 1, 2, 3]


def test_what_has_no_steps_is_not_logged(refused: Callable[..., str], data: Path, tmp_path: Path) -> None:
    refused("fit", data / "rows.csv", "-o", tmp_path / "m", "--quick", "--log", "mlflow", match="no steps that --log")
    refused("fit", data / "rows.csv", "-o", tmp_path / "m", "--log", "pen", match="got the tracker 'pen'; expected")
