"""Deformed model folders: refused in a sentence, or used with sense; no code runs, and no other file changes."""

from __future__ import annotations

import json
import os
import random
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import _faults_deform as deform
import numpy as np
from _faults_children import Case
from _faults_models import DATA, content, copies, tiny

from unnoise import InputError, NonFiniteError
from unnoise.model import load_model
from unnoise.model.estimator import load_unfitted

SAVED = Path(__file__).resolve().parents[1] / "tests" / "saved_models"
GONE = {"binomial_chain", "vp_knots"}  # made of what does not exist any more
FRESH = 6
RUNS_CODE = ("os.system", "subprocess.Popen", "os.exec", "os.posix_spawn", "os.fork", "shutil.rmtree", "socket.connect")


def prepare(home: Path) -> None:
    """In a child: whole models with a checkpoint, beside rows of their data."""
    import polars as pl

    draws = np.random.default_rng(1)
    frame = pl.DataFrame(
        {
            "height": draws.normal(170, 10, 40),
            "age": draws.integers(18, 90, 40),
            "pet": draws.choice(["cat", "dog", "newt"], 40),
            "calls": draws.poisson(3.0, 40),
            "lat": draws.uniform(-60, 60, 40),
            "lon": draws.uniform(-170, 170, 40),
            "wind": draws.uniform(0, 360, 40),
        }
    )
    models: dict[str, tuple[Any, dict[str, Any]]] = {
        "array": (DATA, {}),
        "table": (frame.select("height", "age", "pet"), {}),
        "conditioned": (frame.select("height", "age", "pet"), {"condition": ["pet"]}),
        "counts": (frame.select("height", "calls"), {"kinds": {"calls": "count"}}),
        "places": (frame.select("lat", "lon", "wind"), {"kinds": {"lat,lon": "latlon", "wind": "angle"}}),
        "levels": (draws.integers(0, 4, (40, 2)), {"kinds": {"x": "category"}}),
    }
    for name, (rows, options) in models.items():
        tiny(steps=3, **options).fit(rows, folder=home / "models" / name)
        given = {"pet": "cat"} if "condition" in options else None
        held = rows[:3].to_dict(as_series=False) if isinstance(rows, pl.DataFrame) else rows[:3].tolist()
        columns = isinstance(held, dict)
        dtype = None if columns else str(rows.dtype)
        described = {"rows": {"columns": held} if columns else {"array": held, "dtype": dtype}, "given": given}
        (home / f"{name}.json").write_text(json.dumps(described))


def rows_of(described: dict[str, Any]) -> Any:
    """What `prepare` and the saved models described."""
    import polars as pl

    if "columns" in described:
        return pl.DataFrame(described["columns"])
    return np.array(described["array"], dtype=described["dtype"])


def tried(model: Path, expected: Path, seed: str, sealed: bool, work: Path) -> str:
    """Deform a copy of a model, and use it in every way."""
    rng, folder = random.Random(seed), work / "m"
    copies(model, folder)
    (work / "precious").mkdir()
    (work / "precious" / "thesis.tex").write_text("years of work")
    (work / "evil_canary.py").write_text("open('canary', 'w').close()\ndef run(*a, **k): open('canary', 'w').close()\n")
    told = rng.choice(deform.WAYS)(folder, rng)
    if rng.random() < 0.2:  # a second one, of the description that is left
        with suppress(OSError, ValueError, IndexError):
            told += f"; {deform.json_node(folder, rng)}"
    if sealed:
        deform.reseal(folder)
    described = json.loads(expected.read_text())
    before, faults = outside(work), list[str]()
    alarms = watch(work)
    sys.path.insert(0, str(work))
    rows, given = rows_of(described["rows"]), described["given"]
    loaded = used("load", faults, partial(load_model, folder))
    if loaded is not None:
        used("sample", faults, lambda: finite("samples", loaded.sample(3, given=given, seed=0)))
        used("score", faults, lambda: finite("scores", loaded.score_samples(rows)))
    used("resume", faults, lambda: resumed(folder, rows))
    if outside(work) != before:
        faults.append("files outside the model changed")
    return "; ".join(f"{told}: {fault}" for fault in [*faults, *alarms])


def used(what: str, faults: list[str], work: Callable[[], Any]) -> Any:
    """The result; None after a refusal in a sentence, and after anything else, which is noted."""
    try:
        return work()
    except (InputError, NonFiniteError, OSError) as error:
        if len(str(error)) < 20 or len(str(error)) > 3000:
            faults.append(f"{what}: {type(error).__name__} of {len(str(error))} characters: {str(error)[:80]}")
    except Nonsense as error:
        faults.append(f"{what}: {error}")
    except BaseException as error:
        trace, place = error.__traceback__, ""
        while trace is not None:
            if "unnoise" in trace.tb_frame.f_code.co_filename:
                place = f"{Path(trace.tb_frame.f_code.co_filename).name}:{trace.tb_lineno}"
            trace = trace.tb_next
        faults.append(f"{what}: {type(error).__name__} at {place}: {str(error)[:200]}")
    return None


class Nonsense(Exception):
    """A result that cannot be right."""


def finite(what: str, values: Any) -> Any:
    """The values; numbers that are none are nonsense, but for the logarithm of a density of 0."""
    columns = values.to_dict(as_series=False).values() if hasattr(values, "to_dict") else [values]
    for column in columns:
        found = np.asarray(column)
        held = np.isfinite(found) | (np.isneginf(found) & (what == "scores")) if found.dtype.kind == "f" else True
        if not np.all(held):
            raise Nonsense(f"{what} are not finite, without a word")
    if len(values) != 3:
        raise Nonsense(f"{len(values)} {what} instead of 3")
    return values


def resumed(folder: Path, rows: Any) -> None:
    """Train to a few more steps, as `fit --resume` does."""
    model = load_unfitted(folder)
    model.set_params(steps=5, device="cpu")
    model.fit(rows, folder=folder, resume=True)


def outside(work: Path) -> dict[str, str]:
    """All that is not the model."""
    return {name: held for name, held in content(work).items() if not name.startswith(("m/", "evil_canary"))}


def watch(work: Path) -> list[str]:
    """Note, from now on, code that runs and files that are written elsewhere."""
    alarms = list[str]()

    def heard(event: str, arguments: tuple[Any, ...]) -> None:
        if event in RUNS_CODE and "m" not in Path(str(arguments[0])).parts:
            alarms.append(f"{event} {str(arguments)[:100]}")
        if event == "import" and arguments[0] == "evil_canary":
            alarms.append("imported a foreign module")
        if event == "open" and isinstance(arguments[2], int) and arguments[2] & (os.O_WRONLY | os.O_RDWR):
            path = os.path.realpath(str(arguments[0]))
            if not path.startswith((str(work / "m"), str(work / ".m"), "/dev/")):
                alarms.append(f"wrote {path}")

    sys.addaudithook(heard)
    return alarms


def cases(count: int, rng: random.Random, home: Path) -> Iterator[Case]:
    """Deformations of all models, half of them with right checksums; fresh ones more often."""
    fresh = [(path, home / f"{path.name}.json") for path in sorted((home / "models").iterdir())]
    saved = [(path, path / "expected.json") for path in sorted(SAVED.iterdir()) if (path / "config.json").is_file()]
    saved = [pair for pair in saved if pair[0].name not in GONE]
    for number in range(count):
        model, expected = rng.choice(fresh) if number % 3 else rng.choice(saved)
        seed, sealed = f"{rng.random()}", number % 2 == 0
        name = f"{model.name}, {'sealed, ' if sealed else ''}seed {seed}"
        kind = "folders, sealed anew" if sealed else "folders"
        yield Case(kind, name, partial(tried, model, expected, seed, sealed), seconds=30)
