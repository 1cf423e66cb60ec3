"""Other libraries on the tables of `tables.py`: same rows, same judges, at most four minutes of training each.

These are minutes of CPU on one thread, as the machine is shared, where `tables.py` gives ten of the wall. Each is
called as its authors publish it, in a process of its own, so that one that fails, or has to be stopped, loses none of
the others; `methods` says what each was given, and why it did not finish if it did not. What cannot learn from all rows
in four minutes learns from fewer. From fewer samples a judge learns less too, so their AUC says less.

They need packages that stand in none of this project's lists, since these would hold back versions of others:

    pip install mostlyai-engine ctgan ForestDiffusion utrees

A torchvision must be one for the torch that is installed, or absent, or mostlyai-engine cannot be imported.

    PYTHONPATH=. OMP_NUM_THREADS=1 python benchmarks/table_peers.py ../shared/data [NAME ...]
"""

from __future__ import annotations

import multiprocessing
import os
import re
import signal
import time
from collections.abc import Iterator
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from multiprocessing.connection import Connection
from typing import Any

import pandas as pd
from _table_peers import PACKAGES, PEERS, SAMPLING, TRAINING, as_table
from tables import figures, measure, use

LIMITS = {"import": 100.0, "training": TRAINING + 60, "sampling": SAMPLING + 60}  # seconds of CPU, a minute to prepare
WALL = 4  # the same in seconds of the wall, over those of CPU: for what hangs


def main() -> None:
    """Measure and write results/table-peers-NAME.json."""
    measure("table_peers", judged)


def judged(train: pd.DataFrame, test: pd.DataFrame, target: str) -> dict[str, Any]:
    """Every library's figures."""
    measured: dict[str, Any] = {"use": {"real": use(train, train, test, target)}, "trees": {}, "copying": {}}
    measured |= {"methods": {}, "seconds": {}, "peers": {package: installed(package) for package in PACKAGES}}
    for name, (_, given) in PEERS.items():
        samples, ended, took = drawn(name, train)
        if samples is not None:
            try:
                for what, value in figures(train, test, target, samples).items():
                    measured[what][name] = value
            except Exception as error:  # a judge may refuse what a library drew
                ended = f"its samples could not be judged: {said(error)}"
        rows = 0 if samples is None else len(samples)
        measured["methods"][name] = {"given": given, "ended": ended, "samples": rows}
        measured["seconds"] |= took
        print(name, rows, ended, took, [measured[what].get(name) for what in ("trees", "use", "copying")], flush=True)
    return measured


def drawn(name: str, train: pd.DataFrame) -> tuple[pd.DataFrame | None, str, dict[str, float]]:
    """Samples of a library in a process of its own, or None, how that ended, and the seconds of each stage."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=work, args=(theirs, name, train))
    process.start()
    theirs.close()
    took: dict[str, float] = {}
    ended = ""
    try:
        for stage, limit in LIMITS.items():
            start = time.perf_counter()
            if not ours.poll(WALL * limit):
                return None, f"did not finish: {stage} was stopped after {WALL * limit:.0f} s", took
            held, content, cpu = ours.recv()
            took |= {f"{name}, {stage}": time.perf_counter() - start, f"{name}, {stage}, CPU": cpu}
            if not held:
                return None, f"did not finish: {stage} failed: {content}", took
            ended = content if stage == "training" else ended
        return content, ended, took
    except EOFError:
        return None, f"did not finish: {stage} ended its process", took
    finally:
        process.join(5)  # time to tidy up
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)  # it leads a group of all that it started
        process.join()


def work(pipe: Connection, name: str, train: pd.DataFrame) -> None:
    """In that process: import, fit, draw; each time send whether it held, what came of it, and the seconds of CPU."""
    os.setsid()
    signal.signal(signal.SIGPROF, stop)
    start, made = time.process_time(), stages(name, train)
    try:
        for limit in LIMITS.values():
            signal.setitimer(signal.ITIMER_PROF, limit)
            content = next(made)
            signal.setitimer(signal.ITIMER_PROF, 0)
            pipe.send((True, content, time.process_time() - start))
            start = time.process_time()
    except Exception as error:
        pipe.send((False, said(error), time.process_time() - start))


def stop(*_: object) -> None:
    """End a stage that has had its seconds."""
    raise TimeoutError("it was stopped at its limit of CPU time")


def stages(name: str, train: pd.DataFrame) -> Iterator[Any]:
    """What comes of import, training and sampling, one after the other."""
    fit = PEERS[name][0]()
    yield "imported"
    draw, ended = fit(train)
    yield ended
    yield as_table(draw(len(train)), train)


def said(error: Exception) -> str:
    """The first line of an error, without the folders of the machine."""
    first = next(iter(str(error).splitlines()), "")
    return f"{type(error).__name__}: {re.sub(r'/[^ ]*/', '', first)[:200]}"


def installed(package: str) -> str | None:
    """Its version; None where it is missing."""
    try:
        return version(package)
    except PackageNotFoundError:
        return None


if __name__ == "__main__":
    main()
