"""SIGTERM and SIGHUP, which clusters send, and groups of processes that lose a rank: the checkpoint is kept."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np
from _faults_children import Case, fork
from _faults_kills import at_step
from _faults_models import DATA, weights
from safetensors import safe_open

from unnoise.cli import main
from unnoise.storage import TRAINING

STEPS = 12
ENDS = {signal.SIGTERM: 143, signal.SIGHUP: 129}


def command(*words: str) -> None:
    """In a child: run the command line, which ends by SystemExit."""
    sys.argv = ["unnoise", *words]
    main()


def prepare(home: Path) -> None:
    """Write the data."""
    np.save(home / "data.npy", DATA)


def fit(home: Path, folder: Path, *more: str, steps: int = STEPS) -> None:
    """The training that is disturbed."""
    words = ("--steps", str(steps), "--batch-size", "16", "--device", "cpu", "--checkpoint-every", "0.001s")
    command("fit", str(home / "data.npy"), "-o", str(folder), *words, *more)


def stopped(home: Path, number: signal.Signals, step: int, work: Path) -> str:
    """A signal in the middle of a step; then the training goes on."""

    def signalled() -> None:
        at_step(step, partial(os.kill, os.getpid(), number))
        fit(home, work / "m")

    end, wanted = fork(signalled, work / "said").wait(), f"exit {ENDS[number]}"
    said = " ".join((work / "said").read_text().split())
    if end != wanted:
        return f"{end}, not {wanted}: {said}"
    if not said.startswith("unnoise: ") or "--resume" not in said:
        return f"it did not say how to resume: {said}"
    if (reached := steps_of(work / "m")) != step:
        return f"the checkpoint is of step {reached}, not {step}"
    if end := fork(partial(fit, home, work / "m", "--resume"), work / "resumed").wait():
        return f"resumed: {end}: {(work / 'resumed').read_text()}"
    return "" if weights(work / "m") == weights(home / "whole") else "resumed, the weights are others"


def steps_of(folder: Path) -> int | None:
    """How many steps a checkpoint has made; None without one."""
    if not (folder / TRAINING).is_file():
        return None
    with safe_open(folder / TRAINING, framework="np") as file:
        return len(file.get_tensor("losses"))


GROUP_STEPS, LONGEST = 300, 400.0  # the latter in seconds, where others use the machine too
LAUNCH = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2", __file__]


def launched(home: Path, folder: Path, *more: str) -> subprocess.Popen[bytes]:
    """Two processes that train together."""
    with open(folder.with_name(f"{folder.name}-said"), "ab") as said:
        words = [*LAUNCH, str(home), str(folder), *more]
        path = {"PYTHONPATH": os.pathsep.join(sys.path)}
        return subprocess.Popen(words, stdout=said, stderr=said, env=os.environ | path)


def loses_a_rank(home: Path, rank: int, number: signal.Signals, work: Path) -> str:
    """One of two processes is killed, or the launcher is told to end; then the training goes on."""
    group = launched(home, work / "m")
    while group.poll() is None and not steps_of_quietly(work / "m"):
        time.sleep(0.05)
    target = group.pid if number == signal.SIGTERM else ranks(group.pid)[rank]
    os.kill(target, number)
    if group.wait(LONGEST) == 0:
        return "the launcher said that all went well"
    if steps_of(work / "m") == GROUP_STEPS:
        return "it was killed too late"
    if code := launched(home, work / "m", "--resume").wait(LONGEST):
        return f"resumed: exit {code}: {(work / 'm-said').read_text()[-300:]}"
    return "" if weights(work / "m") == weights(home / "group") else "resumed, the weights are others"


def steps_of_quietly(folder: Path) -> int | None:
    """As `steps_of`, while the file is being replaced."""
    try:
        return steps_of(folder)
    except Exception:
        return None


def ranks(launcher: int) -> list[int]:
    """The processes of a launcher, in the order of their start."""
    return sorted(int(pid) for pid in Path(f"/proc/{launcher}/task/{launcher}/children").read_text().split())


def cases(count: int, rng: random.Random, home: Path) -> Iterator[Case]:
    """Signals in a random step."""
    for number in range(count):
        name = signal.SIGTERM if number % 2 else signal.SIGHUP
        step = rng.randint(1, STEPS - 1)
        yield Case(name.name, f"in step {step}", partial(stopped, home, name, step), seconds=60)


def groups(count: int, home: Path) -> Iterator[Case]:
    """Lost ranks; the last is the launcher itself, told to end."""
    if count and launched(home, home / "group").wait(LONGEST):
        raise SystemExit(f"two processes cannot train together: {(home / 'group-said').read_text()}")
    for number in range(count):
        kind = signal.SIGTERM if number == 3 else signal.SIGKILL
        work = partial(loses_a_rank, home, number % 2, kind)
        yield Case(
            "torchrun", f"{kind.name} to {'the launcher' if number == 3 else f'rank {number % 2}'}", work, 3 * LONGEST
        )


if __name__ == "__main__":  # one rank of a group
    fit(Path(sys.argv[1]), Path(sys.argv[2]), *sys.argv[3:], steps=GROUP_STEPS)
