"""Commands that are killed while they replace an output, or told to end: the old output stands, or the new one."""

from __future__ import annotations

import os
import random
import shutil
import signal
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from _faults_children import Case, fork
from _faults_kills import at_change, full
from _faults_models import content
from _faults_signals import command

SAMPLE = ("sample", "{home}/old", "-n", "20", "--device", "cpu")
JOBS = {  # the words of a command but for its seed, and its output
    "a table": ((*SAMPLE, "-o"), "new.csv"),
    "parquet": ((*SAMPLE, "-o"), "new.parquet"),
    "an array": ((*SAMPLE, "-o"), "new.npy"),
    "scores": (("score", "{home}/old", "{home}/data.npy", "--likelihood", "bound", "--device", "cpu", "-o"), "new.csv"),
    "pictures": (("sample", "{home}/pictures", "-n", "4", "--device", "cpu", "-o"), "new"),
    "a walk": (
        ("walk", "users:bell", "--dimension", "2", "-n", "4", "--chain", "mala", "--steps", "4", "-o"),
        "new.npy",
    ),
}
ENDS = {signal.SIGTERM: "exit 143", signal.SIGHUP: "exit 129", signal.SIGINT: "exit 130"}


def prepare(home: Path) -> None:
    """In a child: a model of pictures, and a module of a user."""
    import numpy as np
    from _faults_models import tiny
    from _faults_users import write_users

    images = np.random.default_rng(0).integers(0, 256, (20, 8, 8), dtype=np.uint8)
    tiny(steps=2).fit(images, folder=home / "pictures")
    for job in JOBS:
        (home / f"old-{job}").mkdir()
        write_users(home / f"old-{job}")


def write(home: Path, job: str, seed: int, folder: Path) -> None:
    """In a child: do a job in a folder."""
    words, output = JOBS[job]
    os.chdir(folder)
    command(*(word.format(home=home) for word in words), output, "--seed", str(seed), "--overwrite")


def count(home: Path, job: str) -> None:
    """In a child: how many changes of files it takes to replace an output."""
    folder = home / f"new-{job}"
    shutil.copytree(home / f"old-{job}", folder)
    seen = at_change(None)
    try:
        write(home, job, 1, folder)
    finally:
        (home / f"changes-{job}").write_text(str(seen[0]))


def output(folder: Path, job: str) -> dict[str, str]:
    """What a job has written; a folder takes two renames, between which the old one stands aside."""
    name = JOBS[job][1]
    if not (folder / name).exists():
        name = next((path.name for path in folder.glob(f".{name}.replaced-*")), name)
    held = content(folder)
    return {one.removeprefix(name): held[one] for one in held if one.partition("/")[0] == name}


def disturbed(home: Path, job: str, share: float, how: str, work: Path) -> str:
    """Kill a job, fill the disk or send a signal at a share of its changes; then do it again."""
    shutil.copytree(home / f"old-{job}", work, dirs_exist_ok=True)
    number = 1 + int(share * int((home / f"changes-{job}").read_text()))

    def disturb() -> None:
        if how == "killed":
            at_change(number)
        else:
            at_change(number, full)
        write(home, job, 1, work)

    end = fork(disturb, work.parent / "said", 60).wait()
    said, found = (work.parent / "said").read_text(), output(work, job)
    old, new = (output(home / f"{when}-{job}", job) for when in ("old", "new"))
    if found not in (old, new):
        return f"{end}: what stands is neither the old output nor the new one: {', '.join(found)}"
    if how == "killed" and end and "SIGKILL" not in end:
        return f"it was not killed: {end}"
    if how != "killed" and end and (end != "exit 1" or "space" not in said or "Traceback" in said):
        return f"{end}: {said[-300:]}"
    if end := fork(partial(write, home, job, 1, work), work.parent / "again", 60).wait():
        return f"again: {end}: {(work.parent / 'again').read_text()[-300:]}"
    if output(work, job) != new:
        return "again, the output is another one"
    left = [path.name for path in work.iterdir() if path.name.startswith(".")]
    return f"left behind: {', '.join(left)}" if left else ""


def interrupted(home: Path, job: str, number: signal.Signals, delay: float, work: Path) -> str:
    """A signal at some moment: an end that says so, and no half of an output."""
    shutil.copytree(home / f"old-{job}", work, dirs_exist_ok=True)
    child = fork(partial(write, home, job, 1, work), work.parent / "said", 60)
    time.sleep(delay)
    if (end := child.ended()) is None:
        os.kill(child.pid, number)
        end = child.wait()
    old, new = (output(home / f"{when}-{job}", job) for when in ("old", "new"))
    if output(work, job) not in (old, new):
        return f"{end}: what stands is neither the old output nor the new one"
    said = (work.parent / "said").read_text()
    if "unnoise/cli" not in said and "KeyboardInterrupt" in said:
        return ""  # before the command began
    if end not in ("", ENDS[number], f"died of {number.name}") or "Traceback" in said:
        return f"{end}: {said[-300:]}"
    return ""


def cases(number: int, rng: random.Random, home: Path) -> Iterator[Case]:
    """Half of them kills."""
    for index in range(number):
        job, share = rng.choice(list(JOBS)), rng.random()
        if index % 4 == 3:
            kind = rng.choice(list(ENDS))
            name = f"{job}, {kind.name} after {share / 2:.3f} s"
            yield Case("outputs, signals", name, partial(interrupted, home, job, kind, share / 2), 90)
        else:
            how = "full disk" if index % 4 == 1 else "killed"
            name = f"{job}, {share:.3f} of its changes"
            yield Case(f"outputs, {how}", name, partial(disturbed, home, job, share, how), 90)
