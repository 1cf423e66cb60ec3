"""Slow log densities, evaluated by several processes at once."""

from __future__ import annotations

import contextlib
import signal
import sys
import traceback
from collections.abc import Callable, Iterator
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor

from unnoise import _tree
from unnoise._checks import whole
from unnoise._errors import InputError
from unnoise._gradients import derivatives
from unnoise.laws import HasRatios, LogDensity
from unnoise.walking.calling import impatient

ROWS = 64  # that are evaluated at once, however many processes there are, so that bits do not depend on their number
MOST = 1024  # processes

Names = tuple[str, ...]

_mine: LogDensity[Any] | None = None  # of a process that evaluates
_worked = False  # whether it gave a number somewhere


@contextlib.contextmanager
def shared(density: LogDensity[Any], processes: int | None) -> Iterator[LogDensity[Any]]:
    """The density as it is, or evaluated by so many processes as long as the block runs.

    Every batch is cut into pieces of 64 rows, so values do not depend on the number of processes, which may be one.

    Raises:
        InputError: the density cannot be sent to other processes, or knows ratios, which are not asked there.
    """
    whole(least=1, most=MOST, or_none=True, processes=processes)
    if processes is None:
        yield density
        return
    if isinstance(density, HasRatios):
        raise InputError(f"got processes = {processes} and {type(density).__name__}, which is fast: leave them out")
    if processes == 1:
        yield Shared(density, lambda jobs: [_evaluated(density, *job) for job in jobs])
        return
    from joblib.externals.loky import ProcessPoolExecutor  # does not run the user's script again, as spawning does

    try:
        sent = _pickle().dumps(density)
    except Exception as error:
        raise InputError(
            f"the log density cannot be sent to other processes ({error}); make it a function of a module, without "
            "open files or locks"
        ) from error
    threads = max(1, torch.get_num_threads() // processes)
    pool = ProcessPoolExecutor(processes, initializer=_begin, initargs=(sent, list(sys.path), threads))
    heard = _Heard()
    try:
        yield Shared(density, lambda jobs: _asked(pool, jobs, heard))
    except BaseException as error:  # Ctrl-C, too, waits for nobody
        pool.shutdown(kill_workers=True)
        if isinstance(error, InputError) and heard.words and not heard.worked:  # which is why
            raise InputError(f"the log density failed in another process: {heard.words}") from error
        raise
    pool.shutdown()


@dataclass(frozen=True)
class Shared(LogDensity[Any]):
    """A density, piece by piece.

    Args:
        density: it.
        answers: to questions, a list of those to (what beside values, points): whether the score, or the names of parts
            of points along which slopes are asked for.
    """

    density: LogDensity[Any]
    answers: Callable[[list[tuple[bool | Names, Any]]], list[Any]]

    @property
    def support(self) -> Any:
        """The space of the density."""
        return self.density.support

    def log_prob(self, x: Any) -> Tensor:
        """At x, (n,), with slopes where torch asks for them."""
        asked = {name: leaf for name, leaf in _tree.leaves(x) if leaf.requires_grad}
        if not (asked and torch.is_grad_enabled()):
            return torch.cat([torch.from_numpy(values) for values in self._pieces(x, False)])
        values, slopes = self._both(x, tuple(asked))
        lines = [slopes[name].nan_to_num() * (leaf - leaf.detach()) for name, leaf in asked.items()]
        return values + torch.stack([line.flatten(1).sum(1) for line in lines]).sum(0)

    def log_prob_and_score(self, x: Any) -> tuple[Tensor, Any]:
        """Both."""
        return self._both(x, True)

    def _both(self, x: Any, beside: bool | Names) -> tuple[Tensor, Any]:
        pieces = [_tree.map(torch.from_numpy, piece) for piece in map(_as_dict, self._pieces(x, beside))]
        both = _tree.concatenate(pieces)
        return both["value"], both["score"]

    def _pieces(self, x: Any, beside: bool | Names) -> list[Any]:
        points = _tree.map(lambda leaf: leaf.detach().cpu().numpy(), x)
        starts = range(0, _tree.length(x), ROWS)
        return self.answers([(beside, _tree.map(lambda leaf, i=i: leaf[i : i + ROWS], points)) for i in starts])


@dataclass
class _Heard:
    """What other processes said so far.

    Attributes:
        worked: whether any evaluated points without an error at all of them.
        words: what the user's code raised, in words, as its traceback cannot leave the process.
    """

    worked: bool = False
    words: str | None = None


def _as_dict(piece: tuple[Any, Any]) -> dict[str, Any]:
    return {"value": piece[0], "score": piece[1]}


def _begin(sent: bytes, path: list[str], threads: int) -> None:
    global _mine
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # which the whole group gets; the process that asks ends the others
    sys.path[:] = path
    torch.set_num_threads(threads)
    _mine = _pickle().loads(sent)


def _pickle() -> Any:
    """What joblib has for functions that are defined anywhere; it has moved."""
    try:
        import cloudpickle
    except ImportError:
        from joblib.externals import cloudpickle
    return cloudpickle


def _asked(pool: Any, jobs: list[tuple[bool | Names, Any]], heard: _Heard) -> list[Any]:
    try:
        answers = list(pool.map(_answered, jobs, chunksize=max(1, len(jobs) // (4 * pool._max_workers))))
    except BrokenProcessPool as error:
        raise InputError(
            "a process that evaluates the log density ended by itself: its memory may be full, its code may exit, or "
            "its module may not be found there; try fewer processes, or none"
        ) from error
    for found, words in answers:
        heard.worked, heard.words = heard.worked or words is None, words or heard.words
        if found is None:
            raise InputError(f"the log density failed in another process: {words}")
    return [found for found, _ in answers]


def _answered(job: tuple[bool | Names, Any]) -> tuple[Any, str | None]:
    """In another process: the values, if there are any, and what is raised where there is no density at all."""
    global _worked
    found = None
    try:
        found = _evaluated(cast(Any, _mine), *job)
        _worked = _worked or not bool(np.isnan(found[0] if job[0] else found).all())
        if not _worked:
            with impatient():
                _evaluated(cast(Any, _mine), *job)
        return found, None
    except BaseException as error:  # of any kind, also sys.exit
        at = traceback.extract_tb(error.__traceback__)[-1]
        return found, f"{Path(at.filename).name}, line {at.lineno}, in {at.name}, {type(error).__name__}: {error}"


@torch.no_grad()
def _evaluated(density: LogDensity[Any], beside: bool | Names, points: Any) -> Any:
    x = _tree.map(torch.from_numpy, points)
    if not beside:
        return density.log_prob(x).detach().cpu().numpy()
    value, score = _with_slopes(density, beside, x) if isinstance(beside, tuple) else density.log_prob_and_score(x)
    return value.detach().cpu().numpy(), _tree.map(lambda leaf: leaf.detach().cpu().numpy(), score)


def _with_slopes(density: LogDensity[Any], names: Names, x: Any) -> tuple[Tensor, dict[str, Tensor]]:
    """Values, and their slopes along parts of points, (n, ...), by name; zero where values do not depend on them."""
    with derivatives():
        asked = {name: part for name, part in _tree.leaves(x) if name in names}
        for part in asked.values():
            part.requires_grad_()
        values = density.log_prob(x)
        slopes = torch.autograd.grad(values.sum(), list(asked.values()), allow_unused=True, materialize_grads=True)
    return values, dict(zip(asked, slopes, strict=True))
