"""Numbers that are not finite, and samples spread as no standardised data are."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from functools import partial
from typing import Any, Self

import torch
from torch import Tensor

from unnoise import _tree
from unnoise._errors import InputError, NonFiniteError, warn
from unnoise.denoisers import Denoiser
from unnoise.processes import Gaussian, Process, leaves

LOOK_EVERY = 8  # steps
FEWEST = 32  # numbers, below which chance decides
WIDEST, WIDEST_GIVEN = 2.0, 10.0  # of the median size, without conditions and with
DEVIATIONS = (0.5, 1.0)  # of normal data, which one of two coarse grids may get right by chance
NARROWEST_STEPS, WIDEST_STEPS = 0.15, 2.0  # times the deviation that samples should have
MOST_KEPT = 0.1  # correlation at t = 1: means are then off by a tenth of a deviation
NARROWEST = 0.1  # root mean square, without conditions


class Watch:
    """Looks for numbers that are not finite every few steps of a run: a look makes an accelerator wait.

    Once it sees one it looks through the states since, and names the step where it first was. A step may also fail on
    what an earlier one left; so it looks at the states since then too.

    Args:
        denoiser: whose samples are drawn.
        times: of the run.
        state: its start.
        cond: its conditions.
        often: look at every step.
    """

    def __init__(self, denoiser: Denoiser, times: Tensor, state: Any, cond: Any, often: bool = False) -> None:
        self.denoiser, self.times, self.cond = denoiser, times, cond
        often = often or not all(leaf.is_floating_point() for _, leaf in _tree.leaves(state))
        self.every = 1 if often else LOOK_EVERY
        self.done, self.states = 0, [state]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None or (issubclass(kind, Exception) and not issubclass(kind, NonFiniteError)):
            self._look()

    def seen(self, state: Any) -> Any:
        """The state after one more step."""
        _check_form(state, self.states[0])
        self.states.append(state)
        if len(self.states) > self.every:
            self._look()
        return state

    def _look(self) -> None:
        first, last, states = self.done, len(self.times) - 1, self.states
        self.done, self.states = first + len(states) - 1, states[-1:]
        if all(math.isfinite(leaf.sum()) for _, leaf in _tree.leaves(states[-1]) if leaf.is_floating_point()):
            return
        for index, (before, after) in enumerate(itertools.pairwise(states), first):
            cause = partial(cause_of, self.denoiser, self.times, before, self.times[min(index, last)], self.cond)
            check_finite(after, index, self.times[min(index + 1, last)], cause)


def check_finite(state: Any, index: int, t: Tensor, cause: Callable[[], str]) -> None:
    """Raise NonFiniteError for a state that is not finite: step, time, leaf and cause."""
    for name, leaf in _tree.leaves(state):
        if not leaf.is_floating_point() or math.isfinite(leaf.sum()):
            continue  # quicker; where it overflows, the rows decide
        rows = ~torch.isfinite(leaf).reshape(len(leaf), -1).all(1)
        if rows.any():
            raise NonFiniteError(
                f"the sampler met non-finite values at step {index + 1}, t = {float(t):.4g}, in "
                f"{f'the leaf {name!r}' if name else 'the state'} ({int(rows.sum())} of {len(rows)} rows); {cause()}"
            )


def _check_form(state: Any, like: Any) -> None:
    """Raise InputError unless a step gave a state of the form of the one before."""
    found = dict(_tree.leaves(state))
    for name, before in _tree.leaves(like):
        after = found.get(name)
        if not isinstance(after, Tensor) or after.shape != before.shape:
            held = f"shape {tuple(after.shape)}" if isinstance(after, Tensor) else f"type {type(after).__name__}"
            told = f"a step of the sampler gave a state of {held}{f' in {name!r}' * bool(name)}"
            raise InputError(f"{told}; expected a tensor of shape {tuple(before.shape)}, as the one before")


def cause_of(denoiser: Denoiser, times: Tensor, before: Any, t: Tensor, cond: Any) -> str:
    """The most probable cause of a failure after the state `before` at time t, and what to do."""
    if cond is not None and not _is_finite(cond):
        return "the condition holds NaN or infinite numbers: remove or fill them"
    if not all(_is_finite(part) for part in itertools.chain(denoiser.parameters(), denoiser.buffers())):
        return "the weights of the denoiser are not finite: its training diverged"
    for name, factor, _ in leaves(denoiser.process):
        if isinstance(factor, Gaussian):
            levels = factor.log_snr(times.double())
            if not levels.isfinite().all() or (levels.diff() <= 0).any():
                return (
                    f"the schedule{_of(name)} has a signal-to-noise ratio that is infinite, or does not fall from "
                    "t = 0 to t = 1: give one that does"
                )
    if not _is_finite(denoiser(before, t, cond)):
        return f"the denoiser gives non-finite numbers at t = {float(t):.4g} for finite states: was it trained?"
    return "states grew without bound: try more sampling steps, or check that the model was trained"


class InaccurateSamplesWarning(RuntimeWarning):
    """Samples spread as no standardised data are: the sampler is too coarse, or the model wrong.

    Also where noise at t = 1 still knows the data, which samples, that start from noise alone, do not. More steps, a
    finer grid, or a schedule that ends at more noise.
    """


def warn_of_start(process: Process[Any]) -> None:
    """Warn of a factor that still knows the data at t = 1: samples start from noise that does not.

    >>> from unnoise.processes import edm
    >>> from unnoise.spaces import Euclidean
    >>> import warnings
    >>> warnings.simplefilter("error")
    >>> warn_of_start(edm(Euclidean(1)))
    """
    for name, factor, *_ in leaves(process):
        if isinstance(factor, Process) and (kept := factor.kept()) > MOST_KEPT:
            warn(
                f"noise{_of(name)} at t = 1 keeps a correlation of {kept:.2g} with the data, but samples start from "
                "noise alone, so their law is wrong: give a schedule that ends at more noise, or give `run` states "
                "of your own at t = 1",
                InaccurateSamplesWarning,
            )


def warn_of_coarse_steps(process: Process[Any], width: Callable[[Gaussian, float], float], steps: str) -> None:
    """Warn of steps so coarse that they diverge or collapse, by what they would make of normal data.

    Args:
        process: that they reverse.
        width: of the samples of a factor, were its data normal of this deviation.
        steps: what they are called.
    """
    for name, factor, *_ in leaves(process):
        if not isinstance(factor, Gaussian):
            continue
        found = [width(factor, deviation) / deviation for deviation in DEVIATIONS]
        worst = min(found) if min(found) < NARROWEST_STEPS else max(found)
        if worst < NARROWEST_STEPS or worst > WIDEST_STEPS:
            warn(
                f"{steps} are too coarse: samples{_of(name)} have {worst:.3g} "
                "times the spread of the data; take more steps, or samplers.Multistep, which does with few",
                InaccurateSamplesWarning,
            )


def answers(alpha: Tensor, sigma: Tensor, deviation: float) -> Tensor:
    r"""What the denoiser of data N(0, s^2) makes of $x_t = 1$: $\alpha s^2/(\alpha^2 s^2 + \sigma^2)$."""
    return alpha * deviation**2 / ((alpha * deviation) ** 2 + sigma**2)


def width_of(
    process: Gaussian,
    times: Tensor,
    deviation: float,
    kept: Tensor,
    added: Tensor,
    after: Callable[[int, float], float] = lambda k, variance: variance,
) -> float:
    """The deviation of samples of linear steps, from data N(0, deviation^2) at t = 1.

    Args:
        process: of one factor.
        times: (k,), decreasing.
        deviation: of the data.
        kept: what each step multiplies the state by, (k - 1,).
        added: the variance that each adds.
        after: the variance after what else is done after a step.
    """
    alpha, sigma = process.alpha_sigma(times)
    variance = float((alpha[0] * deviation) ** 2 + sigma[0] ** 2)
    for k, (factor, more) in enumerate(zip(kept.tolist(), added.tolist(), strict=True)):
        variance = after(k, factor**2 * variance + more)
    return float(answers(alpha[-1], sigma[-1], deviation)) * math.sqrt(variance)


def warn_of_spread(process: Process[Any], x: Any, conditional: bool) -> None:
    r"""Warn where a Gaussian factor of samples is far wider or narrower than data of unit mean square.

    Half of such data lie within $\sqrt2$ (Chebyshev), so a median size above 2 cannot be theirs. Given a condition they
    may: then it warns only above 10.

    >>> from unnoise.processes import edm
    >>> from unnoise.spaces import Euclidean
    >>> import warnings
    >>> warnings.simplefilter("error")
    >>> warn_of_spread(edm(Euclidean(1)), torch.randn(100, 1), conditional=False)
    """
    for name, factor, (leaf,) in leaves(process, x):
        if not isinstance(factor, Gaussian) or leaf.numel() < FEWEST:
            continue
        size, spread = float(leaf.abs().median()), float(leaf.square().mean().sqrt())
        wide = size > (WIDEST_GIVEN if conditional else WIDEST)
        if wide or (spread < NARROWEST and not conditional):
            warn(
                f"the samples{_of(name)} have {spread:.3g} times the spread of the data, so they are wrong: take more "
                "sampling steps or another sampler, or train longer",
                InaccurateSamplesWarning,
            )


def _of(name: str) -> str:
    return f" of {name!r}" if name else ""


def _is_finite(tree: Any) -> bool:
    return all(bool(torch.isfinite(leaf).all()) for _, leaf in _tree.leaves(tree))
