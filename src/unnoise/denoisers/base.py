"""What a denoiser is: the learnt statistic of one process; and one that can be told which cells are asked."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from unnoise import _tree
from unnoise._checks import instance, refuse
from unnoise._errors import InputError
from unnoise._tree import expand
from unnoise.processes import HasKernel, Process, leaves

Look = Callable[[Any, Any], Any]  # (x_t, cond) -> the statistic at one time


class Denoiser(nn.Module, ABC):
    r"""(x_t, t, cond) -> $E[Y_t(X_0, x_t) | X_t = x_t, \text{cond}]$, laid out as the states of one process.

    On $R^d$ it is $\hat x_0$, on manifolds the score, on finite spaces $p(x_0)$ of every site. A torch module with a
    `process`; one of your own states `forward`:

    >>> from unnoise import processes, spaces
    >>> class OfNormalData(Denoiser):
    ...     def __init__(self, process):
    ...         super().__init__()
    ...         self.process = process
    ...     def forward(self, x_t, t, cond=None):
    ...         alpha, sigma = self.process.alpha_sigma(t)
    ...         return alpha / (alpha**2 + sigma**2) * x_t
    >>> denoiser = OfNormalData(processes.variance_preserving(spaces.Euclidean(1)))
    >>> from unnoise import samplers
    >>> x = samplers.Multistep(denoiser, steps=10).sample(2000, torch.Generator().manual_seed(0))
    >>> f"{x.std():.1f}"
    '1.0'
    """

    process: Process[Any]

    def extra_repr(self) -> str:
        """The process, for `repr`."""
        return str(self.process)

    def asked(self, cond: Any) -> Any:
        """The cells whose law is asked for, a tree of bool tensors (n, *cells); None for all."""
        return None

    def read(self, cond: Any) -> tuple[Denoiser, Any]:
        """A denoiser that is told what the encoders of this one make of the conditions, and that.

        With both a picture is looked at once, for any number of points and times; both share the weights. Here this
        one and the conditions themselves, as nothing encodes them.
        """
        return self, cond

    @abstractmethod
    def forward(self, x_t: Any, t: Tensor, cond: Any = None) -> Any:
        """The statistic of x_t, (n, *event), at t, () or (n,), given conditions, (n, ...) or one row for all."""

    def along(self, times: Tensor, like: Any) -> Sequence[Look]:
        """The denoiser at each of these times, (k,), for states like this one, as functions (x_t, cond) -> statistic.

        What depends on time alone may be computed once for all times of a run: here it is not.
        """
        first, *later = times.unbind()
        return [partial(_first_look, self, first), *(partial(_look, self, t) for t in later)]

    def at_site(self, x_t: Any, t: Tensor, site: Tensor, cond: Any = None) -> Any:
        """The statistic of one site of every row: here taken out of the whole, for less work where it is known how.

        Args:
            x_t: points of finite spaces, (n, *sites).
            t: as in `forward`.
            site: (n,), in 0 ... sites - 1, counted through all factors; of the cells that are asked.
            cond: as in `forward`.

        Returns:
            (n, S); of a product a tree of the factors' numbers, each for the rows whose site it has.
        """
        return _tree.at_site(self(x_t, t, cond), site)


def check_denoiser(**values: Any) -> None:
    """Raise InputError unless every value is a denoiser that says of which process it is."""
    instance(Denoiser, **values)
    for name, value in values.items():
        if getattr(value, "process", None) is None:
            got = f"got {name} of class {type(value).__name__}, which has no process"
            raise InputError(f"{got}; set self.process in its __init__, after super().__init__()")


def check_statistic(denoiser: Denoiser, stat: Any, target: Any, rows: int) -> None:
    """Raise InputError unless what a denoiser gives for so many rows looks as targets do: else it might broadcast."""
    found = dict(_tree.leaves(stat))
    for name, leaf in _tree.leaves(target):
        got, expected = found.get(name), (rows, *leaf.shape[1:])
        if not isinstance(got, Tensor) or got.shape != expected:
            held = f"shape {tuple(got.shape)}" if isinstance(got, Tensor) else f"type {type(got).__name__}"
            told = f"got a statistic of {held}{f' in {name!r}' * bool(name)} from {type(denoiser).__name__}"
            raise InputError(f"{told}; expected a tensor of shape {expected}, as process.target gives")


class HasDensity(Denoiser):
    r"""A denoiser that knows the density of its conditional law in closed form, such as `HeatMixture`.

    `log_prob(x_t, t, cond)` is $\log q_t(x_t | c)$ in nats, (n,), with respect to the reference measure of the space;
    that of the data where t is None.
    """

    @abstractmethod
    def log_prob(self, x_t: Any, t: Tensor | None, cond: Any) -> Tensor:
        r"""$\log q_t(x_t | c)$ in nats, (n,); that of the data where t is None."""

    def _placed(self, x_t: Tensor, t: Any, cond: Any) -> tuple[Tensor, Tensor]:
        """The times and a condition for each of the points; else InputError."""
        t, n = check_placed(self.process, x_t, t), len(x_t)
        if not isinstance(cond, Tensor) or cond.ndim == 0 or len(cond) not in (n, 1):
            raise InputError(f"got no condition for each of {n} rows; a mixture is read from conditions, (n, c)")
        check_kind(cond, next(self.parameters(), cond).dtype)
        return t, cond.expand(n, *cond.shape[1:])


def _as_times(t: Any, x_t: Any) -> Tensor:
    """Times as a tensor, in the precision and on the device of the points."""
    if isinstance(t, Tensor):
        return t
    like = _tree.first(x_t)
    try:
        return torch.as_tensor(t, dtype=like.dtype if like.is_floating_point() else None, device=like.device)
    except (TypeError, ValueError, RuntimeError):
        refuse("t", t, "a time, or one for each row")


def check_placed(process: Process[Any], x_t: Any, t: Any) -> Tensor:
    """The times of points as a tensor.

    Raises:
        InputError: points of another shape or kind than those of the space, or times that are not one, or one for
            each row.
    """
    for _, factor, (leaf,) in leaves(process, x_t):
        if not isinstance(leaf, Tensor) or leaf.shape[1:] != factor.space.event_shape:
            got = f"shape {tuple(leaf.shape)}" if isinstance(leaf, Tensor) else f"type {type(leaf).__name__}"
            expected = f"points of shape {factor.space.event_shape}, (n, ...)"
            raise InputError(f"got a state of {got} for {factor.space}; expected {expected}")
        if not _is_kind(leaf, factor.space.real):
            instead = "floating point numbers: x.float()" if factor.space.real else "whole numbers: x.long()"
            raise InputError(f"got a state in {leaf.dtype} for {factor.space}; expected {instead}")
    times, n = _as_times(t, x_t), _tree.first(x_t).shape[0]  # len would fix how many rows an exported graph takes
    if times.ndim and tuple(times.shape) not in ((n,), (1,)):
        raise InputError(f"got times of shape {tuple(times.shape)} for {n} rows; expected one, or one for each row")
    return times


def _is_kind(x: Tensor, real: bool | None) -> bool:
    """Whether points of a space that is `real`, or not, may be of this type."""
    return real is None or (x.is_floating_point() if real else x.dtype in (torch.int64, torch.int32))


def check_kind(cond: Tensor, kind: torch.dtype) -> None:
    """Raise InputError unless a condition has the precision of what else a network is given."""
    if cond.dtype != kind:
        raise InputError(f"got a condition in {cond.dtype} for a network that is given {kind}: use cond.to({kind})")


def _look(denoiser: Denoiser, t: Tensor, x_t: Any, cond: Any = None) -> Any:
    return denoiser(x_t, t, cond)


def _first_look(denoiser: Denoiser, t: Tensor, x_t: Any, cond: Any = None) -> Any:
    """Whose form is looked at, as that of the others is the same."""
    return looked_at(denoiser, _look(denoiser, t, x_t, cond), x_t, t)


def looked_at(denoiser: Denoiser, stat: Any, x_t: Any, t: Tensor) -> Any:
    """The statistic; InputError if it is none of a point of the process."""
    if isinstance(denoiser.process, HasKernel):
        one = _tree.map(lambda leaf: leaf[:1], x_t)
        check_statistic(denoiser, stat, denoiser.process.target(one, one, t), _tree.length(x_t))
    return stat


@dataclass(frozen=True)
class Roles:
    """The role of every cell of n points.

    Args:
        asked: trees like the state, with a bool tensor (n, *cells) for every leaf.
        given: the same; never a cell that is asked.
    """

    asked: Any
    given: Any

    @property
    def known(self) -> Any:
        """The cells whose state says something: all but the unknown ones."""
        return _tree.map(torch.logical_or, self.asked, self.given)

    def times(self, t: Tensor) -> Any:
        """The time of every cell that is known: 0 where it is given."""
        return _tree.map(lambda given: torch.where(given, 0.0, expand(t, given)), self.given)


class AnyQuestion(Denoiser):
    """A denoiser that can be told the role of every cell: asked, given or unknown.

    So one denoiser has all conditionals of all marginals; `Answering` makes of it and of roles an ordinary one. `Exact`
    is an example, and every network of a `DenoisingMarkovModel`.
    """

    @abstractmethod
    def answer(self, x: Any, t: Tensor, roles: Roles, cond: Any = None) -> Any:
        r"""$E[Y_t | X_A = x_A, X_B = x_B, \text{cond}]$, A asked and noised to t, B given and whole.

        Args:
            x: points; what unknown cells hold must not matter.
            t: the time of the cells that are asked, () or (n,).
            roles: of n rows.
            cond: what rows are conditioned on besides, or None.

        Returns:
            The statistic; it matters only in cells that are asked.
        """

    def answer_at_site(self, x: Any, t: Tensor, roles: Roles, site: Tensor, cond: Any = None) -> Any:
        """The answer at one site of every row that is asked, as `at_site` gives it."""
        return _tree.at_site(self.answer(x, t, roles, cond), site)
