"""Simulate from a prior: in parallel, with a seed, and on disk so that a second call goes on."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from unnoise._checks import flag, instance, whole
from unnoise._errors import InputError, warn
from unnoise._progress import progress as shown_progress
from unnoise._seeding import generator
from unnoise.inference.parameters import Floats
from unnoise.inference.priors import ParameterPrior, as_prior
from unnoise.inference.simulations import Simulations
from unnoise.inference.simulators import PATIENCE, Caller, Simulator, tried
from unnoise.inference.store import Chunk, Store
from unnoise.training.dataset import derived_seed

ROWS, BATCH = 100, 1000  # of one chunk: of a simulator that is called row by row, and of one that takes batches
TOLD = 64  # numbers of an observation by which a simulator is known again


def simulate(
    prior: Any,
    simulator: Simulator,
    n: int,
    *,
    observations: int = 1,
    seed: int = 0,
    workers: int | None = None,
    batch: int | None = None,
    folder: str | Path | None = None,
    progress: bool | None = None,
) -> Simulations:
    """Draw parameters from a prior, and simulate an observation of each.

    A simulator that takes an argument `seed` is given a whole number; around others the global generators of Python,
    NumPy and torch are seeded. So the same seed gives the same simulations, however many workers there are. What is not
    finite counts as not seen.

    Args:
        prior: as of `as_prior`.
        simulator: a function of parameters as the prior draws them, tensors or arrays or a dict of them: of a batch, or
            of one row. A trial finds out which. Of a dict each may be an argument of its name, `f(rate, size)`.
        n: how many.
        observations: of each row of parameters, which are exchangeable: x is then (n, observations, ...).
        seed: of parameters and observations.
        workers: processes; None takes all cores if the work takes long enough.
        batch: rows that the simulator is called with at once; 1 if it takes one row without a batch axis. None finds
            out, and takes 1000 where it can.
        folder: to keep them in, chunk by chunk; a second call with the same arguments goes on where the first was
            stopped, and n may have grown.
        progress: whether to show a bar; None shows it on a terminal.

    Raises:
        InputError: the simulator raised, at these parameters; it returned another shape, or NaN everywhere; or the
            folder holds other simulations.

    >>> def simulator(theta, seed):  # of a batch
    ...     return theta + 0.1 * np.random.default_rng(seed).normal(size=theta.shape)
    >>> import scipy.stats
    >>> simulate(scipy.stats.norm([0.0, 5.0], 1.0), simulator, 200).x.mean(0).round()
    array([0., 5.])
    """
    whole(least=1, n=n, observations=observations)
    whole(least=1, or_none=True, workers=workers, batch=batch)
    whole(most=2**63 - 1, seed=seed)
    instance(str, Path, or_none=True, folder=folder)
    flag(or_none=True, progress=progress)
    law = as_prior(prior)
    row = law.draw(1, generator(derived_seed(seed, "trial")))[0]
    other = law.draw(1, generator(derived_seed(seed, "trial", 1)))[0]
    caller = tried(simulator, law.parameters, row, seed, None if batch is None else batch > 1, other)
    size = batch if batch is not None and batch > 1 else BATCH if caller.batched else ROWS
    size = max(1, size // observations)
    counts = [min(size, n - start) for start in range(0, n, size)]
    store = None if folder is None else _store(Path(folder), law, caller, row, seed, (size, observations))
    done: dict[int, Chunk] = {}
    for index, count in enumerate(counts):
        held = None if store is None else store.read(index)
        if held is not None and len(held[0]) >= count:
            done[index] = (held[0][:count], held[1][:count])
    left = {index: count for index, count in enumerate(counts) if index not in done}
    many = _workers(workers, caller, observations * sum(left.values()), len(left))
    with shown_progress(f"simulating {n:,} rows", progress) as update:
        for index, chunk in _chunks(law, caller, left, (size, observations), seed, many):
            if store is not None:
                store.write(index, chunk)
            done[index] = chunk
            rows = sum(len(held[0]) for held in done.values())
            update(rows / n, f"{rows:,} rows")
    theta, x = (np.concatenate([done[index][part] for index in range(len(counts))]) for part in (0, 1))
    return Simulations(law.parameters.shown(theta), x, observations)


def _chunks(
    law: ParameterPrior, caller: Caller, left: dict[int, int], form: tuple[int, int], seed: int, workers: int
) -> Iterator[tuple[int, Chunk]]:
    """The chunks that are left, in the order in which they are done."""
    if workers == 1:
        yield from (_chunk(law, caller, index, count, form, seed) for index, count in left.items())
        return
    from joblib import Parallel, delayed

    jobs = (delayed(_chunk)(law, caller, index, count, form, seed) for index, count in left.items())
    yield from Parallel(n_jobs=workers, return_as="generator_unordered")(jobs)


def _chunk(
    law: ParameterPrior, caller: Caller, index: int, count: int, form: tuple[int, int], seed: int
) -> tuple[int, Chunk]:
    """The first rows of a chunk, whose parameters are drawn as a whole."""
    size, observations = form
    theta = law.draw(size, generator(derived_seed(seed, "theta", index)))[:count]
    x = caller(np.repeat(theta, observations, axis=0), derived_seed(seed, "x", index))
    if observations > 1:
        x = x.reshape(count, observations, *caller.shape)
    return index, (theta, x)


def _workers(workers: int | None, caller: Caller, rows: int, chunks: int) -> int:
    """How many processes, at most one for each chunk."""
    if workers is None:
        if caller.seconds * rows < PATIENCE:
            return 1
        import joblib

        workers = joblib.cpu_count()
    return max(1, min(int(workers), chunks))


def _store(folder: Path, law: ParameterPrior, caller: Caller, row: Floats, seed: int, form: tuple[int, int]) -> Store:
    """The folder, which knows the prior by a draw, and the simulator by what it makes of it."""
    theta = np.tile(row, (2, 1))
    first, second = (caller(theta, derived_seed(seed, "trial")).flatten()[:TOLD] for _ in range(2))
    seen: list[float | None] | None = [None if math.isnan(value) else value for value in first.tolist()]
    if not np.array_equal(first, second, equal_nan=True):
        warn("the simulator draws from a generator of its own, so no seed repeats it: give it an argument seed")
        seen = None
    store = Store(folder)
    known = {"name": getattr(caller.simulator, "__qualname__", type(caller.simulator).__qualname__), "seen": seen}
    known |= {"batched": caller.batched, "shape": list(caller.shape)}
    about = {"seed": seed, "prior": law.draw(2, generator(seed)).flatten().tolist(), "simulator": known}
    try:
        store.begin(about | {"size of chunks": form[0], "number of observations": form[1]})
    except OSError as error:
        raise InputError(f"the folder {str(folder)!r} cannot be used: {error}") from error
    return store
