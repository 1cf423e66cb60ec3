"""Surroundings that fail: limits, permissions, folders that vanish, streams that are closed, threads and processes."""

from __future__ import annotations

import multiprocessing
import os
import random
import resource
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import _faults_streams as streams
import numpy as np
import torch
from _faults_children import Case, fork
from _faults_models import DATA, content, copies, same_model, tiny, weights

from unnoise import InputError, NonFiniteError
from unnoise.model import load_model
from unnoise.storage import CONFIG, WEIGHTS

NOBODY = 65534


def prepare(home: Path) -> None:
    """In a child: an old model, a new one, and the samples of the old one."""
    tiny(seed=2).fit(DATA, folder=home / "old")
    tiny(seed=1).fit(DATA, folder=home / "new")
    np.save(home / "data.npy", DATA)
    np.save(home / "samples.npy", load_model(home / "old").sample(5, seed=0))


def said(work: Callable[[], object]) -> str:
    """The sentence of a refusal; "" after a good end."""
    try:
        work()
    except (InputError, NonFiniteError, OSError) as error:
        return f"{type(error).__name__}: {error}"
    return ""


def limited(home: Path, limit: int, value: int, work: Path) -> str:
    """Little room for every file, or few files at once: the old model stands."""
    copies(home / "old", work / "m")
    resource.setrlimit(limit, (value, resource.getrlimit(limit)[1]))
    words = said(lambda: tiny(seed=1).fit(DATA, folder=work / "m", overwrite=True))
    saved = said(lambda: load_model(home / "new").save(work / "n"))
    resource.setrlimit(limit, (resource.getrlimit(limit)[1],) * 2)
    for name, sentence, before in (("m", words, "old"), ("n", saved, None)):
        if 0 < len(sentence) < 30:
            return f"it said only {sentence!r}"
        wanted = before if sentence else "new"
        whole = (work / name / WEIGHTS).is_file() and same_model(work / name, home / (wanted or "new"))
        if whole != (wanted is not None):
            return f"the model {wanted} is not there after {sentence!r}"
    return ""


def forbidden(home: Path, what: str, work: Path) -> str:
    """As somebody who may not write a folder, or not read one of its files."""
    copies(home / "old", work / "m")
    root = os.geteuid() == 0
    for path in (*work.parents[:3], home, work) if root else ():
        path.chmod(0o755)
    for path in (work / "m").iterdir():
        path.chmod(0o444)
    (work / "m" / what).chmod(0 if what else 0o555)

    def use() -> None:
        if root:
            os.setgid(NOBODY), os.setuid(NOBODY)
        for name, do in {
            "load": lambda: load_model(work / "m"),
            "save": lambda: load_model(home / "old").save(work / "m", overwrite=True),
            "resume": lambda: tiny(seed=2, steps=25).fit(DATA, folder=work / "m", resume=True),
        }.items():
            words = said(do)
            if words and ("ermission" not in words or "damaged" in words):
                raise SystemExit(f"{name}: {words}")

    end, before = fork(use, work.parent / "said").wait(), content(home / "old")
    (work / "m" / what).chmod(0o755)
    after = content(work / "m")
    if end:
        return (work.parent / "said").read_text()[-300:] or end
    return "" if what or after == before else "it replaced what may not be written"


def vanished(home: Path, work: Path) -> str:
    """The folder is deleted during a training."""

    def train() -> None:
        from _faults_kills import at_step

        at_step(5, partial(shutil.rmtree, work / "m"))
        words = said(lambda: tiny(seed=1).fit(DATA, folder=work / "m"))
        raise SystemExit(75 if words else 0)

    if fork(train, work.parent / "said").wait():
        return ""
    whole = (work / "m" / CONFIG).is_file() and same_model(work / "m", home / "new")
    return "" if whole else "it ended well, without a whole model"


def occupied(home: Path, work: Path) -> str:
    """Another process trains in the folder: a second one is told, and the old model can be read."""
    copies(home / "old", work / "m")

    def slow() -> None:
        from _faults_kills import at_step

        at_step(3, partial(time.sleep, 6))
        tiny(seed=1).fit(DATA, folder=work / "m", overwrite=True)

    child = fork(slow, work.parent / "said", 60)
    time.sleep(2)
    words = said(lambda: tiny(seed=1).fit(DATA, folder=work / "m", overwrite=True))
    more = said(lambda: load_model(home / "old").save(work / "m", overwrite=True))
    read = said(lambda: load_model(work / "m"))
    if end := child.wait():
        return f"the first ended with {end}: {(work.parent / 'said').read_text()[-300:]}"
    if not (words and more) or read:
        return f"the second fit: {words!r}; save: {more!r}; load: {read!r}"
    return "" if same_model(work / "m", home / "new") else "the folder does not hold the first model"


def in_threads(work: Path) -> str:
    """Trainings in threads give the models of trainings one by one."""

    def train(seed: int, kind: str) -> None:
        tiny(seed=seed).fit(DATA, folder=work / f"{kind}-{seed}")

    threads = [threading.Thread(target=train, args=(seed, "threads")) for seed in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for seed in range(8):
        train(seed, "serial")
    wrong = [seed for seed in range(8) if weights(work / f"threads-{seed}") != weights(work / f"serial-{seed}")]
    return f"other weights with seeds {wrong}" if wrong else ""


def cross_validated(work: Path) -> str:
    """Scores of folds in threads are those of folds one by one."""
    import joblib
    from sklearn.model_selection import cross_val_score

    del work
    with joblib.parallel_backend("threading", n_jobs=2):
        found = cross_val_score(tiny(), DATA, cv=4, n_jobs=2)
    serial = cross_val_score(tiny(), DATA, cv=4)
    return "" if (found == serial).all() else f"{found} in threads, {serial} one by one"


def sampled(folder: Path, output: Path) -> None:
    """In another process: samples of a model."""
    torch.set_num_threads(1)
    np.save(output, load_model(folder).sample(5, seed=0))


def in_processes(home: Path, method: str, work: Path) -> str:
    """A process that was forked or spawned draws the samples of its parent."""
    load_model(home / "old").sample(5, seed=0)  # the parent has computed before
    process: Any = multiprocessing.get_context(method).Process(target=sampled, args=(home / "old", work / "s.npy"))
    process.start()
    process.join(85)
    if process.exitcode != 0:
        return f"the process ended with {process.exitcode}"
    return "" if (np.load(work / "s.npy") == np.load(home / "samples.npy")).all() else "other samples"


def in_a_state(home: Path, enter: Callable[[], object], work: Path) -> str:
    """A global switch of torch changes no result."""
    enter()
    tiny(seed=1).fit(DATA, folder=work / "m")
    model = load_model(home / "old")
    model.score_samples(DATA[:3])
    if torch.get_default_dtype() == torch.float64:
        return ""  # other numbers are drawn then
    if not np.array_equal(model.sample(5, seed=0), np.load(home / "samples.npy")):
        return "other samples"
    return "" if weights(work / "m") == weights(home / "new") else "other weights"


def cases(count: int, rng: random.Random, home: Path) -> Iterator[Case]:
    """One of each."""
    del count, rng
    works: dict[str, Callable[[Path], str]] = {
        "files of at most 2 kB": partial(limited, home, resource.RLIMIT_FSIZE, 2048),
        "at most 20 open files": partial(limited, home, resource.RLIMIT_NOFILE, 20),
        "at most 5 open files": partial(limited, home, resource.RLIMIT_NOFILE, 5),
        "a folder that may not be written": partial(forbidden, home, ""),
        "weights that may not be read": partial(forbidden, home, "weights.safetensors"),
        "a description that may not be read": partial(forbidden, home, "config.json"),
        "a checkpoint that may not be read": partial(forbidden, home, "training.safetensors"),
        "a folder that vanishes": partial(vanished, home),
        "a folder in which another trains": partial(occupied, home),
        "trainings in threads": in_threads,
        "folds in threads": cross_validated,
        "a forked process": partial(in_processes, home, "fork"),
        "a spawned process": partial(in_processes, home, "spawn"),
        "double precision by default": partial(in_a_state, home, partial(torch.set_default_dtype, torch.float64)),
        "no gradients": partial(in_a_state, home, partial(torch.set_grad_enabled, False)),
        "inference mode": partial(in_a_state, home, lambda: torch.inference_mode().__enter__()),
        "another global seed": partial(in_a_state, home, partial(torch.manual_seed, 5)),
    }
    for name, work in works.items():
        yield Case("surroundings", name, work, seconds=90)
    yield from streams.cases(home)
