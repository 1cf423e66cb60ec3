"""Two processes that write one model folder: it ends as the whole model of one of them, and the other was told."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from _faults_children import Case, fork
from _faults_models import DATA, copies, same_model, tiny

from unnoise import InputError
from unnoise.model import load_model

A, B = {"seed": 1}, {"seed": 2, "batch_size": 8}
SECONDS = 0.2  # about what one training takes
TOLD = 75  # the exit code of a child that was refused


def prepare(home: Path) -> None:
    """In a child: either model by itself."""
    for name, options in (("a", A), ("b", B)):
        tiny(**options).fit(DATA, folder=home / name)
        tiny(**options, time_limit=1e-3).fit(DATA, folder=home / f"{name}-begun")


def train(options: dict[str, int], folder: Path, **how: bool) -> None:
    """One of the two."""
    tiny(**options).fit(DATA, folder=folder, **how)


def save(home: Path, folder: Path) -> None:
    """Write the second model over what is there."""
    load_model(home / "b").save(folder, overwrite=True)


def refusable(work: Callable[[], object]) -> None:
    """In a child: a sentence becomes an exit code."""
    try:
        work()
    except InputError as error:
        print(error)
        raise SystemExit(TOLD) from None


def both(home: Path, pair: str, offset: float, work: Path) -> str:
    """Start both, the second later, and look at the folder when both have ended."""
    folder = work / "m"
    if pair == "two resumes":
        copies(home / "a-begun", folder)
    seconds = {
        "two fits": partial(train, B, folder, overwrite=True),
        "two resumes": partial(train, A, folder, resume=True),
        "fit and save": partial(save, home, folder),
    }
    first = fork(partial(refusable, partial(train, A, folder, resume=pair == "two resumes")), work / "first")
    time.sleep(offset)
    second = fork(partial(refusable, seconds[pair]), work / "second")
    ends = [child.wait() for child in (first, second)]
    said = [(work / name).read_text().strip() for name in ("first", "second")]
    for end, words in zip(ends, said, strict=True):
        if end not in ("", f"exit {TOLD}") or (end and len(words) < 20):
            return f"{end}: {words[-300:]}"
    if all(ends):
        return f"both were refused: {said}"
    held = [name for name, end in zip("ab", ends, strict=True) if not end]
    held = ["a"] if pair == "two resumes" else held[-1:]
    try:
        found = [name for name in "ab" if same_model(folder, home / name)]
        load_model(folder)
    except Exception as error:
        return f"no model after {ends}: {error}"
    return "" if found == held else f"the folder holds {found or 'a mixture'} after {ends}: {said}"


def cases(count: int, rng: random.Random, home: Path) -> Iterator[Case]:
    """Pairs at random offsets."""
    for number in range(count):
        pair = ("two fits", "two resumes", "fit and save")[number % 3]
        offset = SECONDS * rng.random()
        yield Case(f"pairs: {pair}", f"{offset:.3f} s apart", partial(both, home, pair, offset))
