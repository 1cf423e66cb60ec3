"""Mutations: small wrong changes of the source, the tests that should see each, and whether they do."""

from __future__ import annotations

import functools
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import tomllib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue
from tempfile import TemporaryDirectory

ROOT = Path(__file__).resolve().parents[2]
TABLES = Path(__file__).parent / "tables"
PATIENCE = 120.0  # seconds, after which a mutation that hangs counts as seen
SURVIVED, STALE, BROKEN = "SURVIVED", "stale", "broken"


@dataclass(frozen=True)
class Mutation:
    """A change of one place in one file.

    Attributes:
        name: what is wrong after it.
        file: below src/unnoise.
        old: a text that stands exactly once in the file.
        new: what replaces it.
        tests: ids of pytest, the fastest first.
        equivalent: why no test can see it, for the few that change nothing.
    """

    name: str
    file: str
    old: str
    new: str
    tests: tuple[str, ...]
    equivalent: str = ""

    def faults(self) -> Iterator[str]:
        """Why the entry is out of date; nothing if it is not."""
        path = ROOT / "src" / "unnoise" / self.file
        count = _text(path).count(self.old)
        if count != 1:
            yield f"{self.name}: its text stands {count} times in src/unnoise/{self.file}; expected once"
        if self.old == self.new:
            yield f"{self.name}: it changes nothing"
        if not self.tests:
            yield f"{self.name}: it names no test"
        yield from (f"{self.name}: there is no test {test}" for test in self.tests if not _exists(test))


@dataclass(frozen=True)
class Outcome:
    """What became of a mutation: `killed_by` a test, or SURVIVED, stale or broken."""

    mutation: Mutation
    killed_by: str
    seconds: float

    @property
    def killed(self) -> bool:
        """Whether a test saw it."""
        return self.killed_by not in (SURVIVED, STALE, BROKEN)

    @property
    def excuse(self) -> str:
        """Why it is not killed."""
        if self.killed_by == SURVIVED:
            return f"survived: {self.mutation.equivalent or 'no test sees it'}"
        return f"{self.killed_by}: {'; '.join(self.mutation.faults()) or 'the source cannot be imported'}"


def read(tables: Path = TABLES) -> list[Mutation]:
    """All mutations, by folder and in the order of the files."""
    found = []
    for path in sorted(tables.glob("*.toml")):
        for name, entry in tomllib.loads(path.read_text(encoding="utf-8")).items():
            found.append(Mutation(**entry | {"name": name, "tests": tuple(entry["tests"])}))
    return found


@contextmanager
def workshop() -> Iterator[Path]:
    """A copy of the source in which mutations are made, one after the other."""
    with TemporaryDirectory(prefix="mutations-") as folder:
        shutil.copytree(ROOT / "src", Path(folder) / "src")  # with its bytecode, so that imports are quick
        yield Path(folder) / "src"


def outcome(mutation: Mutation, source: Path) -> Outcome:
    """Mutate the copy, run the tests on it, and put the copy right again."""
    start = time.monotonic()
    if any(mutation.faults()):
        return Outcome(mutation, STALE, 0.0)
    target, original = source / "unnoise" / mutation.file, ROOT / "src" / "unnoise" / mutation.file
    target.write_text(original.read_text(encoding="utf-8").replace(mutation.old, mutation.new), encoding="utf-8")
    try:
        return Outcome(mutation, _killer(mutation.tests, source), time.monotonic() - start)
    finally:
        shutil.copy2(original, target)


def run(mutations: list[Mutation], jobs: int) -> list[Outcome]:
    """The outcomes, in the order of the mutations, told as they come."""
    free: SimpleQueue[Path] = SimpleQueue()

    def one(mutation: Mutation) -> Outcome:
        source = free.get()
        try:
            found = outcome(mutation, source)
        finally:
            free.put(source)
        print(f"{found.seconds:5.1f} s  {mutation.file:32}  {mutation.name:48}  {found.killed_by}", flush=True)
        return found

    with ExitStack() as stack, ThreadPoolExecutor(jobs) as pool:
        for _ in range(jobs):
            free.put(stack.enter_context(workshop()))
        return list(pool.map(one, mutations))


def facts(outcomes: list[Outcome]) -> dict[str, object]:
    """Counts, who killed whom, and why the survivors live."""
    return {
        "mutations": len(outcomes),
        "killed": sum(one.killed for one in outcomes),
        "killed_by": {one.mutation.name: one.killed_by for one in outcomes if one.killed},
        "not_killed": {one.mutation.name: one.excuse for one in outcomes if not one.killed},
    }


def _killer(tests: tuple[str, ...], source: Path) -> str:
    """The first test that fails on the source, or SURVIVED."""
    command = [sys.executable, "-m", "pytest", "-x", "-q", "--no-header", "--tb=no", "-p", "no:cacheprovider", *tests]
    environment = os.environ | {"PYTHONPATH": str(source), "PYTHONDONTWRITEBYTECODE": "1", "OMP_NUM_THREADS": "1"}
    run = subprocess.Popen(
        command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        start_new_session=True,
    )  # fmt: skip
    try:
        words, _ = run.communicate(timeout=PATIENCE)
    except subprocess.TimeoutExpired:
        os.killpg(run.pid, signal.SIGKILL)
        run.wait()
        return f"{tests[0]} (it never ends)"
    if run.returncode == 0:
        return SURVIVED
    failed = re.search(r"^(?:FAILED|ERROR) (\S+::\S+)", words, re.MULTILINE)
    return failed.group(1) if failed and run.returncode == 1 else BROKEN


@functools.cache
def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8") if path.is_file() else ""


def _exists(test: str) -> bool:
    """Whether the file of an id defines its function."""
    place, *names = test.split("::")
    body = _text(ROOT / place)
    for depth, name in enumerate(names):  # of a class and its method, or of a function
        indent, word = "    " * depth, re.escape(name.partition("[")[0])
        begun = rf"^{indent}(?:def|class) {word}\b.*\n((?:{indent}    .*\n|\n)*)"
        found = re.search(begun, body, re.MULTILINE)
        if found is None:
            return False
        body = found[1]
    return bool(names) or (ROOT / place).is_file()
