"""Trainings and saves that are killed: the model before or the one after stands, and a resumed training loses nothing.

Half of the kills come at random moments; the others before the k-th change of a file or folder, for k over all that a
job makes, so also in the middle of every save.
"""

from __future__ import annotations

import errno
import os
import random
import signal
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import safetensors.torch
from _faults_children import Case, Child, fork
from _faults_models import DATA, copies, same_model, tiny

from unnoise import InputError
from unnoise.model import load_model
from unnoise.objectives import Denoising
from unnoise.storage import CONFIG

GROWING = {"os.mkdir", "os.link", "os.symlink"}
CHANGES = {"os.rename", "os.remove", "os.rmdir", "os.chmod", "os.truncate"}
JOBS = ("fit", "overwrite", "save", "resume")


def prepare(home: Path) -> None:
    """In a child: the old model, the new one, half of the new one, and half of the new one."""
    tiny(seed=2, batch_size=8).fit(DATA, folder=home / "old")
    tiny(seed=1).fit(DATA, folder=home / "new")
    at_step(3, partial(signal.raise_signal, signal.SIGINT))
    try:
        tiny(seed=1).fit(DATA, folder=home / "half")
    except KeyboardInterrupt:
        return
    raise AssertionError("Ctrl-C did not end the training")


def count_changes(home: Path, job: str) -> None:
    """In a child: write how many changes of files a job makes, and how many seconds it takes."""
    place(home, job, home / f"count-{job}")
    seen, began = at_change(None), time.perf_counter()
    start(home, job, home / f"count-{job}")
    (home / f"seconds-{job}").write_text(str(time.perf_counter() - began))
    (home / f"changes-{job}").write_text(str(seen[0]))


def place(home: Path, job: str, folder: Path) -> None:
    """What a job finds."""
    if job != "fit":
        copies(home / ("half" if job == "resume" else "old"), folder)


def start(home: Path, job: str, folder: Path) -> None:
    """Do a job, with a checkpoint after every step."""
    if job == "save":
        load_model(home / "new").save(folder, overwrite=True)
    else:
        tiny(seed=1).fit(DATA, folder=folder, resume=job == "resume", overwrite=job == "overwrite")


def at_step(number: int, act: Callable[[], object]) -> None:
    """In a child: act in the middle of a step of training (the first is 1)."""
    whole, steps = Denoising.__call__, iter(range(1, 1_000_000))

    def acting(*arguments: Any, **keywords: Any) -> Any:
        if next(steps) == number:
            act()
        return whole(*arguments, **keywords)

    Denoising.__call__ = acting  # type: ignore[method-assign]


def die() -> None:
    """Be killed."""
    os.kill(os.getpid(), signal.SIGKILL)


def full() -> None:
    """Say that the disk is full."""
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def at_change(number: int | None, act: Callable[[], None] = die) -> list[int]:
    """In a child: act before this change (the first is 1) and all later ones; a save of tensors is half written then.

    Returns the count of changes so far.
    """
    seen = [0]

    def change() -> None:
        seen[0] += 1
        if number is not None and seen[0] >= number:
            act()

    def heard(event: str, arguments: tuple[Any, ...]) -> None:
        written = event == "open" and isinstance(arguments[2], int) and arguments[2] & (os.O_WRONLY | os.O_RDWR)
        grows = event in GROWING or (event in CHANGES and act is die)  # a full disk lets files be removed
        if (grows or written) and not any(part in str(arguments[0]) for part in ("/dev/", "__pycache__")):
            change()

    flush, whole = os.fsync, safetensors.torch.save_file

    def flushed(descriptor: int) -> None:
        change()
        flush(descriptor)

    def half(tensors: Any, path: Any, metadata: Any = None) -> None:
        content = safetensors.torch.save(tensors, metadata=metadata)
        with open(path, "wb") as file:
            file.write(content[: len(content) // 2])
            file.flush()
            change()
        whole(tensors, path, metadata=metadata)

    os.fsync, safetensors.torch.save_file = flushed, half
    sys.addaudithook(heard)
    return seen


def judged(home: Path, job: str, folder: Path) -> str:
    """After a kill: what stands, and whether the end is the same; "" or what did not hold."""
    allowed = {"fit": ("none", "new"), "resume": ("none", "new")}.get(job, ("old", "new"))
    if (found := standing(home, folder)) not in allowed:
        return f"after the kill stands: {found}"
    if job == "save":
        load_model(home / "new").save(folder, overwrite=True)
    else:
        finish(folder)
    if not same_model(folder, home / "new"):
        return f"resumed after {found!r}, the weights are others"
    left = {path.name for path in (*folder.iterdir(), *folder.parent.iterdir()) if ".partial-" in path.name}
    return f"left behind: {', '.join(sorted(left))}" if left else ""


def finish(folder: Path) -> None:
    """As a user would: resume; where nothing can be resumed, begin again."""
    if (folder / CONFIG).exists():
        try:
            tiny(seed=1).fit(DATA, folder=folder, resume=True)
            return
        except InputError:  # the old model stands, of other options
            pass
    tiny(seed=1).fit(DATA, folder=folder, overwrite=True)


def standing(home: Path, folder: Path) -> str:
    """Which model a folder holds: old, new, none that can be loaded, or a mixture."""
    try:
        load_model(folder)
    except InputError:
        return "none"
    return next((name for name in ("old", "new") if same_model(folder, home / name)), "a mixture")


def killed_after(child: Child, delay: float) -> None:
    """Kill the child after so many seconds, if it still runs."""
    time.sleep(delay)
    if child.ended() is None:
        os.kill(child.pid, signal.SIGKILL)
        os.waitpid(child.pid, 0)


def at_random(home: Path, job: str, share: float, work: Path) -> str:
    """Kill a job after a share of the seconds that it takes."""
    delay = share * float((home / f"seconds-{job}").read_text())
    place(home, job, work / "m")
    killed_after(fork(partial(start, home, job, work / "m"), work.parent / "job"), delay)
    return judged(home, job, work / "m")


def in_a_save(home: Path, job: str, share: float, work: Path) -> str:
    """Kill a job when this share of its changes of files is made."""

    def dies() -> None:
        at_change(1 + int(share * int((home / f"changes-{job}").read_text())))
        start(home, job, work / "m")

    place(home, job, work / "m")
    end = fork(dies, work.parent / "job").wait()
    if end and "SIGKILL" not in end:  # the count of changes differs by one or two, so the last kill may come too late
        return f"it was not killed: {end}"
    return judged(home, job, work / "m")


def on_a_full_disk(home: Path, job: str, share: float, work: Path) -> str:
    """Nothing more can be written after a share of the changes of files; then there is room again."""

    def filled() -> None:
        number = 1 + int(share * int((home / f"changes-{job}").read_text()))
        at_change(number, full)
        try:
            start(home, job, work / "m")
        except OSError as error:
            print(error)
            raise SystemExit(75) from None

    place(home, job, work / "m")
    end = fork(filled, work.parent / "job").wait()
    said = (work.parent / "job").read_text().strip()
    if end not in ("", "exit 75"):  # at the end of a job a failure to flush a folder does no harm
        return f"{end}: {said[-300:]}"
    if end and "space" not in said:
        return f"it said {said[-300:]!r}"
    return judged(home, job, work / "m")


def cases(count: int, rng: random.Random, home: Path) -> Iterator[Case]:
    """Kills, half at random moments."""
    for number in range(count):
        job = JOBS[number // 2 % len(JOBS)]
        share = rng.random()
        if number % 2:
            yield Case("kills at any moment", f"{job}, {share:.3f} of its time", partial(at_random, home, job, share))
        else:
            yield Case("kills in saves", f"{job}, {share:.3f} of its changes", partial(in_a_save, home, job, share))


def full_disks(count: int, rng: random.Random, home: Path) -> Iterator[Case]:
    """Disks that are full for a moment."""
    for number in range(count):
        job, share = JOBS[number % len(JOBS)], rng.random()
        yield Case("full disks", f"{job}, {share:.3f} of its changes", partial(on_a_full_disk, home, job, share))
