"""What the library sbi makes of the same simulations, with its defaults."""

from __future__ import annotations

import contextlib
import importlib.util
import io
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from tempfile import TemporaryDirectory
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from experiments.sbibm_tasks import BernoulliGLM, Task

Draw = Callable[[NDArray[Any], int, int], NDArray[Any]]


class Way(Protocol):
    """A posterior for any observation."""

    @property
    def draw(self) -> Draw:
        """Called with the observation, a number of draws and a seed."""

    @property
    def seconds(self) -> float:
        """Of the CPU, for training."""

    @property
    def words(self) -> str:
        """How training ended."""


@dataclass(frozen=True)
class Trained:
    """A posterior for any observation: called with it, a number of draws and a seed; and CPU seconds of training."""

    draw: Draw
    seconds: float
    words: str = ""


def missing() -> str:
    """Why there are no peers, or nothing."""
    if importlib.util.find_spec("sbi") is None:
        return "no peers: the library sbi is not installed (pip install 'unnoise[benchmarks]')"
    return ""


def peers(task: Task) -> dict[str, Callable[[Tensor, Tensor, int], Trained]]:
    """Of a task: neural posterior estimation by flows, and by scores."""
    return {name: partial(_trained, name, task) for name in ("NPE", "NPSE")}


def _trained(name: str, task: Task, theta: Tensor, x: Tensor, seed: int) -> Trained:
    import sbi.inference

    start = time.process_time()
    torch.manual_seed(seed)
    with _quiet(), TemporaryDirectory() as logs, contextlib.chdir(logs):  # where it keeps a log
        inference = getattr(sbi.inference, name)(prior=_prior(task), show_progress_bars=False)
        inference.append_simulations(theta, x).train()
        posterior = inference.build_posterior()
    seconds = time.process_time() - start

    def draw(observed: NDArray[Any], n: int, seed: int) -> NDArray[Any]:
        torch.manual_seed(seed)
        with _quiet():
            drawn = posterior.sample((n,), x=torch.as_tensor(observed)[None], show_progress_bars=False)
        return np.asarray(drawn)

    return Trained(draw, seconds)


def _prior(task: Task) -> Any:
    from sbi.utils import BoxUniform
    from torch.distributions import MultivariateNormal

    if isinstance(task, BernoulliGLM):
        return MultivariateNormal(torch.zeros(task.dim), precision_matrix=task.precision)
    if task.bound is None:
        return MultivariateNormal(torch.zeros(task.dim), 0.1 * torch.eye(task.dim))
    return BoxUniform(-task.bound * torch.ones(task.dim), task.bound * torch.ones(task.dim))


@contextlib.contextmanager
def _quiet() -> Any:
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        yield
