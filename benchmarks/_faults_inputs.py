"""Deformed inputs of the command line: files of data, options and the functions of users."""

from __future__ import annotations

import csv
import math
import random
import shutil
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import _faults_commands as commands
import _faults_files as files
import _faults_tables as tables
import numpy as np
from _faults_children import Case
from _faults_users import write_users
from _faults_verdicts import ANY, DONE, against, run

csv.field_size_limit(10**8)
TRAIN = ("--steps", "2", "--batch-size", "16", "--device", "cpu")


def prepare(home: Path) -> None:
    """Files of data, and a model of them."""
    from _faults_signals import command

    rows = tables.table(random.Random(0))
    held = {"data": rows, "short": [row[:2] for row in rows[:9]], "more": [[*row, "1"] for row in rows]}
    held["more"][0] = [*tables.NAMES, "more"]
    held["reordered"] = [row[::-1] for row in rows]
    held["others"] = [["a", "b", "c"], *rows[1:]]
    held["huge"] = [rows[0], *(["1e308", *row[1:]] for row in rows[1:])]
    for name, table in held.items():
        (home / f"{name}.csv").write_text(tables.text(table))
    files.image_folder(random.Random(0), home)[0].rename(home / "images")
    write_users(home)
    command("fit", str(home / "data.csv"), "-o", str(home / "ready"), *TRAIN)


def of_a_line(home: Path, words: list[str], changes: set[str], expected: str, work: Path) -> str:
    """One command line, in a folder where everything it needs is."""
    for path in home.iterdir():
        if path.name != "preparation.txt":
            (shutil.copytree if path.is_dir() else shutil.copy)(path, work / path.name)
    fault = against(*run(work, words, changes, 30.0), expected)
    new = work / "new.csv"
    if not fault and new.is_file():
        fault = of_numbers(new, words)
    return fault


def of_numbers(path: Path, words: list[str]) -> str:
    """Whether a table that was written holds numbers, as many rows as asked for."""
    with open(path, newline="", encoding="utf-8") as file:
        rows = list(csv.reader(file))[1:]
    if "-n" in words and len(rows) != int(words[words.index("-n") + 1]):
        return f"wrote {len(rows)} rows"
    for cell in (cell for row in rows for cell in row):
        try:
            number = float(cell)
        except ValueError:
            continue
        if not math.isfinite(number) and not (number < 0 and "scores" in path.name):
            return f"wrote {cell}, and said nothing"
    return ""


def of_a_file(seed: str, work: Path) -> str:
    """Fit a deformed file, sample, and score the file."""
    rng = random.Random(seed)
    if rng.random() < 0.2:
        path, expected = rng.choice(files.FOLDERS)(rng, work)
    else:
        name, content, expected = rng.choice(files.FILES)(rng)
        path = work / name.replace("/", " ")
        path.write_bytes(content)
    seconds = 20.0 if path.suffix else 40.0
    found, said = run(work, ["fit", path.name, "-o", "m", *TRAIN], {"m"}, seconds)
    if fault := against(found, said, expected):
        return f"{path.name}: fit: {fault}"
    if found != DONE:
        return ""
    table = path.suffix in (".csv", ".gz", ".parquet")
    new = "new.csv" if table else "new.npy"
    new = "new" if not path.suffix else new
    for words in (["sample", "m", "-n", "3", "-o", new], ["score", "m", path.name, "-o", "scores.csv"]):
        found, told = run(work, [*words, "--device", "cpu"], {new, "scores.csv"}, seconds)
        if fault := against(found, told, DONE if expected == DONE else ANY):
            return f"{path.name}: {words[0]}: {fault}"
    return of_results(path, work, new, said)


def of_results(path: Path, work: Path, new: str, said: str) -> str:
    """Whether the samples and scores are finite, and the table was read as it should be."""
    if new == "new.csv" and (work / new).is_file():
        with open(work / new, newline="", encoding="utf-8") as file:
            rows = list(csv.reader(file))
        if len(rows) != 4:
            return f"{path.name}: {len(rows) - 1} samples, not 3"
    elif new == "new.npy" and (work / new).is_file():
        array = np.load(work / new)
        holes = path.stem == "NaN"  # which samples have as the data do
        if len(array) != 3 or (array.dtype.kind == "f" and not holes and not np.isfinite(array).all()):
            return f"{path.name}: samples of shape {array.shape} that are not finite"
    if (work / "scores.csv").is_file() and (fault := of_numbers(work / "scores.csv", [])):
        return f"{path.name}: score {fault}"
    return of_reading(path, said) if path.suffix == ".csv" else ""


def of_reading(path: Path, said: str) -> str:
    """Whether numbers stayed numbers, and no row or name was lost; a warning is enough, or how they are written."""
    from unnoise.data.files import read

    frame, way = read(path), path.name.removesuffix(".csv")
    if way in tables.WAYS_OF_TEXTS and tables.WAYS_OF_TEXTS[way][1] == DONE:
        if list(frame.columns) != tables.NAMES or len(frame) != 30:
            return f"{path.name}: read {len(frame)} rows of {list(frame.columns)}"
        if abs(frame["height"].sum() - 30 * 170) > 30 * 20:
            return f"{path.name}: the heights are others"
    if way in tables.NUMBERS_AS_TEXT:
        name = tables.NAMES[1 if way == "other digits" else 0]
        told = "warning" in said or "written as" in said  # of which the second are numbers for the model
        if not frame[name].dtype.is_numeric() and not told:
            return f"{path.name}: the numbers of {name!r} became text without a word"
    return ""


def cases(count: int, rng: random.Random, home: Path) -> Iterator[Case]:
    """Half of them files, half command lines."""
    for number in range(count):
        if number % 2:
            seed = f"{rng.random()}"
            yield Case("files of data", f"seed {seed}", partial(of_a_file, seed), seconds=150)
        else:
            words, changes, expected = commands.line(rng)
            name = " ".join(
                repr(word[:60]) if not word.isascii() or " " in word or not word else word[:60] for word in words
            )
            work = partial(of_a_line, home, words, changes, expected)
            yield Case(f"command lines: {words[0]}", name, work, seconds=60)
