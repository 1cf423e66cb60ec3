"""A network as a denoiser."""

from __future__ import annotations

import dataclasses
import inspect
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from unnoise import _tree
from unnoise._checks import instance, refuse
from unnoise._errors import InputError
from unnoise.denoisers.base import AnyQuestion, Look, Roles, check_kind, check_placed, looked_at
from unnoise.heads import Head, Told
from unnoise.heads.base import HeadAt
from unnoise.networks import Conditioned, ResNet
from unnoise.processes import Process

P = TypeVar("P", bound=Process[Any])
MARGIN = 0.5  # around [0, 1]: churn goes a little beyond t = 1
MOST_TOLD = 4096  # conditions times levels that a network is told at once, as more take memory and no less time


class Neural(AnyQuestion):
    """A backbone, seen through a head: the denoiser of any process on any space.

    Parameters of the process, as `schedules.Learned`, are trained and saved too.

    Args:
        process: what is undone.
        network: forward(inputs, noise, cond) -> outputs, of the shapes that the head states; `noise` is the process's
            `noise_conditioning`, (n,) or (1,).
        head: what the network sees and gives, such as `heads.V` or `functools.partial(heads.V, sigma_data=0.5)`; by
            default the process's own.

    >>> from unnoise import networks, processes, spaces
    >>> denoiser = Neural(processes.variance_preserving(spaces.Euclidean(2)), networks.MLP((2,), width=16))
    >>> denoiser(torch.zeros(4, 2), torch.tensor(0.5)).shape
    torch.Size([4, 2])
    """

    def __init__(self, process: P, network: nn.Module, head: Callable[[P], Head[Any]] | None = None) -> None:
        instance(Process, process=process)
        instance(nn.Module, network=network)
        if head is not None and not (issubclass(head, Head) if isinstance(head, type) else callable(head)):
            refuse("head", head, "a class or function that makes a head of a process, as heads.V")
        super().__init__()
        self.process, self.network = process, network
        self.head: Head[Any] = process.head if head is None else head(process)
        instance(Head, head=self.head)
        self.learnt = nn.ModuleList(dict.fromkeys(_modules(process)))
        self._called = False

    @property
    def answers(self) -> bool:
        """Whether it can be told roles, or need not be."""
        return self.head.timeless or isinstance(self.head, Told)

    def forward(self, x_t: Any, t: Tensor | float, cond: Tensor | None = None) -> Any:
        """The statistic, in the precision of x_t."""
        t = self._check(x_t, t, cond)
        head = self.head.at(x_t, t)
        return head.estimate(self._output(head.inputs(x_t), x_t, t, cond), x_t)

    def along(self, times: Tensor, like: Any) -> Sequence[Look]:
        """With what the head and the network are told of the times computed at once."""
        if type(self).forward is not Neural.forward:  # a class that answers in its own way
            return super().along(times, like)
        run = _Run(self, times, self.head.at_each(times, like))
        return [partial(run, k) for k in range(len(times))]

    def at_site(self, x_t: Any, t: Tensor, site: Tensor, cond: Tensor | None = None) -> Any:
        """The same at one site of every row."""
        self._check(x_t, t, cond)
        return self.head.at_site(self._output(self.head.inputs(x_t, t), x_t, t, cond), x_t, t, site)

    def answer(self, x: Any, t: Tensor, roles: Roles, cond: Tensor | None = None) -> Any:
        """The same, where the network is told the roles; an InputError if its head cannot."""
        if self.head.timeless:
            return self(x, t, cond)
        return self.head.estimate(self._output(self._told(x, t, roles, cond), x, t, cond), x, t)

    def answer_at_site(self, x: Any, t: Tensor, roles: Roles, site: Tensor, cond: Tensor | None = None) -> Any:
        """The same at one site of every row."""
        if self.head.timeless:
            return self.at_site(x, t, site, cond)
        return self.head.at_site(self._output(self._told(x, t, roles, cond), x, t, cond), x, t, site)

    def read(self, cond: Tensor | None) -> tuple[Neural, Tensor | None]:
        """The backbone alone, and what it is given, where `networks.Conditioned` holds encoders."""
        if not isinstance(self.network, Conditioned) or cond is None:
            return self, cond
        return Neural(self.process, self.network.network, lambda _: self.head), self.network.read(cond)

    def begin(self, x_0: Any, weights: Any) -> None:
        """Let an untrained network that can, `networks.ResNet`, begin at the margins of these points.

        Args:
            x_0: points.
            weights: how much each cell of each counts, a tree like x_0 of (n, *cells).
        """
        backbone = self.network.network if isinstance(self.network, Conditioned) else self.network
        if isinstance(backbone, ResNet):
            backbone.begin(self.head.margins(x_0, weights))

    def _told(self, x: Any, t: Tensor, roles: Roles, cond: Tensor | None) -> Tensor:
        """What the network sees, with the roles."""
        if not isinstance(self.head, Told):
            instead = "train it with heads.told, or a model with roles='any'"
            raise InputError(f"this network was never told which cells are given, so it cannot answer: {instead}")
        self._check(x, t, cond)
        return self.head.inputs(x, roles.times(t), roles.asked, roles.given)

    def _output(self, inputs: Tensor, x_t: Any, t: Tensor, cond: Tensor | None) -> Tensor:
        """Of the network, of the shape that the head states."""
        inputs = self._fitted(inputs, cond)
        return self._checked(self.network(inputs, self._levels(t, inputs), cond), inputs.shape[0])

    def _fitted(self, inputs: Tensor, cond: Tensor | None) -> Tensor:
        """In the precision of the network, which is that of the condition; points may have another, or none."""
        if inputs.is_floating_point():
            inputs = inputs.to(next(self.network.parameters(), inputs).dtype)
        if cond is not None:
            check_kind(cond, _kind(inputs))
        return inputs

    def _levels(self, t: Tensor, inputs: Tensor) -> Tensor:
        """Noise levels, (n,) or (1,)."""
        level = torch.zeros(1) if self.head.timeless else self.process.noise_conditioning(t)
        return level.to(inputs.device, _kind(inputs)).reshape(-1)

    def _checked(self, output: Any, rows: int) -> Tensor:
        expected = f"(n, {', '.join(map(str, self.head.output_shape))})"
        if not isinstance(output, Tensor):
            got = f"an output of type {type(output).__name__} of {type(self.network).__name__}"
            raise InputError(f"got {got}; expected a tensor of shape {expected}")
        if output.shape[:1] != (rows,) or output.shape[1:].numel() != math.prod(self.head.output_shape):
            got = f"an output of shape {tuple(output.shape)} of {type(self.network).__name__} for {rows} rows"
            raise InputError(f"got {got}; expected {expected}: build the network with the output_shape it is given")
        return output

    def _check(self, x_t: Any, t: Any, cond: Tensor | None) -> Tensor:
        """The times; values, for which an accelerator must wait, are looked at there in the first call alone."""
        times = check_placed(self.process, x_t, t)
        n = _tree.first(x_t).shape[0]
        if cond is not None and not isinstance(cond, Tensor):
            raise InputError(f"got a condition of type {type(cond).__name__}; expected a tensor: use torch.as_tensor")
        if cond is not None and (cond.ndim == 0 or cond.shape[0] not in (n, 1)):
            got = f"{cond.shape[0]} rows of conditions" if cond.ndim else "a single number as the condition"
            raise InputError(f"got {got} for {n} rows; expected as many, or one for all")
        seen = torch.compiler.is_compiling() or (self._called and times.device.type != "cpu")
        if not seen and times.numel():
            low, high = times.min().item(), times.max().item()
            if not (low >= -MARGIN and high <= 1 + MARGIN):
                got = f"got the time {high if high > 1 else low:g}; times run from t = 0, data, to t = 1, noise"
                raise InputError(f"{got}: divide numbers of steps by how many there are")
            if not self._called:
                _check_call(self.network)
            self._called = True
        return times


class _Run:
    """A network at the times of one run; at the first of them it does what is the same at all."""

    def __init__(self, denoiser: Neural, times: Tensor, heads: Sequence[HeadAt[Any]]) -> None:
        self.denoiser, self.times, self.heads, self.network = denoiser, times, heads, denoiser.network
        self.kind: torch.dtype | None = None  # of the inputs; None before the first time
        self.cond: Tensor | None = None
        self.read: Tensor | None = None  # what the network is given of the condition
        self.levels: Sequence[Tensor] = ()
        self.known: Sequence[dict[str, Any]] = ()  # what the network knows of every level

    def __call__(self, k: int, x_t: Any, cond: Tensor | None = None) -> Any:
        head = self.heads[k]
        inputs = head.inputs(x_t)
        if self.kind is None or cond is not self.cond:
            self._begin(inputs, x_t, cond)
            output = self.network(inputs.to(self.kind), self.levels[k], self.read, **self.known[k])
            stat = head.estimate(self.denoiser._checked(output, inputs.shape[0]), x_t)
            return looked_at(self.denoiser, stat, x_t, self.times[k])
        if inputs.dtype != self.kind:
            inputs = inputs.to(self.kind)
        return head.estimate(self.network(inputs, self.levels[k], self.read, **self.known[k]), x_t)

    def _begin(self, inputs: Tensor, x_t: Any, cond: Tensor | None) -> None:
        denoiser, count = self.denoiser, len(self.times)
        denoiser._check(x_t, self.times[0], cond)
        inputs = denoiser._fitted(inputs, cond)
        levels = denoiser._levels(self.times, inputs).expand(count)
        self.kind, self.levels, self.cond = inputs.dtype, levels[:, None].unbind(), cond
        backbone, self.read = denoiser.read(cond)
        self.network = backbone.network
        at_levels, told = getattr(self.network, "at_levels", None), _distinct(self.read)
        few = told is None or len(told) * count <= MOST_TOLD
        found = at_levels(levels, told) if at_levels is not None and few else ()
        self.known = [{"shifts": shifts} for shifts in found] or [{}] * count


def _check_call(network: nn.Module) -> None:
    """Raise InputError for a network that cannot be called as it will be."""
    try:
        inspect.signature(network.forward).bind(None, None, None)
    except TypeError:
        taken = inspect.signature(network.forward)
        got = f"got network = {type(network).__name__}, whose forward takes {taken}"
        raise InputError(f"{got}; expected forward(inputs, noise, cond)") from None
    except ValueError:  # of some compiled ones, which do not tell
        return


def _distinct(cond: Tensor | None) -> Tensor | None:
    """One row of conditions that are the same in all."""
    return cond if cond is None or not bool((cond == cond[:1]).all()) else cond[:1]


def _kind(inputs: Tensor) -> torch.dtype:
    """The precision of levels and conditions beside inputs."""
    return inputs.dtype if inputs.is_floating_point() else torch.get_default_dtype()


def _modules(part: Any) -> Iterator[nn.Module]:
    if isinstance(part, nn.Module):
        yield part
    elif isinstance(part, Mapping):
        for item in part.values():
            yield from _modules(item)
    elif dataclasses.is_dataclass(part) and not isinstance(part, type):
        for field in dataclasses.fields(part):
            yield from _modules(getattr(part, field.name, None))
