"""How a model is trained for questions: the head that is told roles, and the data that ask."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import torch
from torch import Tensor

from unnoise import _tree
from unnoise._checks import refuse
from unnoise._errors import InputError
from unnoise.data import Schema
from unnoise.data.containers import Table
from unnoise.denoisers import Answering, Denoiser, Neural, Roles
from unnoise.heads import Head, told
from unnoise.model.defaults import default_head, is_timeless, learns_few
from unnoise.model.masks import both, either, negated
from unnoise.model.questions import Flags, any_in_row
from unnoise.processes import HasKernel, Process, is_masked, leaves
from unnoise.training import Dataset, Questions, RandomRoles
from unnoise.training.questions import with_one

ANY, JOINT = "any", "joint"
FIRST, SETTLED = 0.25, 0.75  # shares of rows that ask flags, and of the others that are given all flags
RAREST = 0.05  # the former where no time is told, and flags are asked in proportion to all cells
POSTERIOR = 0.8  # share of rows that ask all of few numbers given conditions, which is what is asked most
ALONE = 0.1  # share of those that ask flags and are given nothing: flags have little law of their own to learn
HeadOf = Callable[[Any], Head[Any]] | None


def chosen_head(
    roles: Any,
    schema: Schema,
    process: Process[Any],
    head: HeadOf,
    masks: bool = True,
    few: bool = False,
    cells: bool = True,
) -> HeadOf:
    """The head, told roles where the model is trained for any question or the data have holes; or as it was.

    Noise without a kernel, and heads that show whole numbers, know the joint law alone. `masks`, `few` and `cells`
    as in `default_head`.
    """
    if roles not in (ANY, JOINT):
        refuse("roles", roles, f"{ANY!r}, for any question, or {JOINT!r}, for the joint law alone")
    holes = bool(schema.missing)
    if not holes and (roles == JOINT or _is_one_cell(process)):
        by_default = head is None and (few or (masks and is_masked(process)) or not isinstance(schema.container, Table))
        return default_head(schema, process, few=few, cells=cells) if by_default else head
    if isinstance(process, HasKernel) and _shows_numbers(process, head):
        head = default_head(schema, process, masks, few, cells) if head is None else head
        timeless = (process.head if head is None else head(process)).timeless
        return head if timeless else partial(told, head=head)
    if holes:
        raise InputError(
            f"the data have holes in {', '.join(schema.missing[:4])}, and this process or head knows whole rows alone: "
            "use a process with a kernel and its own head, or fill the holes"
        )
    return head


def trainable(denoiser: Denoiser) -> Denoiser:
    """The denoiser that training sees: it answers questions where its network is told roles."""
    return Answering(denoiser) if isinstance(denoiser, Neural) and denoiser.answers else denoiser


def trained(denoiser: Denoiser) -> Denoiser:
    """The network itself, which `trainable` made to answer."""
    return denoiser.denoiser if isinstance(denoiser, Answering) else denoiser


def asking(roles: str, denoiser: Denoiser, encoded: Dataset, schema: Schema) -> Dataset:
    """The rows, each with a random question, where the denoiser answers them."""
    if not isinstance(denoiser, Answering):
        return encoded
    timeless = is_timeless(denoiser)
    if timeless and not schema.missing:
        return encoded  # random masks of whole rows are every question
    law = RandomRoles() if roles == ANY and not timeless else RandomRoles(joint=1.0)
    if law.joint < 1 and learns_few(denoiser):
        law = RandomRoles(joint=POSTERIOR)
    if schema.missing:
        flags = Flags(schema)
        first = max(flags.share, RAREST) if timeless else FIRST
        law = FlaggedRoles(law.joint, flags=flags, first=first)
    return Questions(encoded, denoiser.process, law)


@dataclass(frozen=True)
class FlaggedRoles(RandomRoles):
    """Random roles where flags say which values there are.

    A share `first` of the rows asks flags, with all values unknown that these speak of; the others ask values. The flag
    of a value that is asked or given is given.
    """

    flags: Flags = field(kw_only=True)
    first: float = FIRST

    def draw(self, process: Process[Any], n: int, rng: torch.Generator, known: Any = None) -> Roles:
        """Roles of n rows."""
        flags, drawn = self.flags, super().draw(process, n, rng, known)
        known = _tree.map(torch.ones_like, drawn.asked) if known is None else known
        every_flag, values = flags.split(_tree.map(lambda mask: mask.to(rng.device), known))
        (_, asks), (gives_flags, gives) = flags.split(drawn.asked), flags.split(drawn.given)
        asks = with_one(asks, values, rng)
        gives = both(gives, negated(asks))
        uniform = torch.rand(2, n, generator=rng, device=rng.device)
        settled = _where(uniform[1] < SETTLED, every_flag, gives_flags)
        late = Roles(asks, either(either(settled, gives), flags.of_cells(either(asks, gives))))
        early = self._early(RandomRoles(ALONE).draw(process, n, rng, known), every_flag)
        first = (uniform[0] < self.first) | ~any_in_row(values)
        return Roles(_where(first, early.asked, late.asked), _where(first, early.given, late.given))

    def _early(self, drawn: Roles, every: Any) -> Roles:
        """Flags are asked, and no values; those that they speak of are unknown."""
        (asks, _), (gives, values) = self.flags.split(drawn.asked), self.flags.split(drawn.given)
        gives = both(either(gives, self.flags.of_cells(values)), every)
        asks = both(asks, negated(gives))
        asks = _where(any_in_row(asks), asks, every)
        given = either(both(gives, negated(asks)), values)
        return Roles(asks, both(given, negated(self.flags.marked(asks))))


def _where(rows: Tensor, one: Any, other: Any) -> Any:
    return _tree.map(lambda a, b: torch.where(_tree.expand(rows, a), a, b), one, other)


def _is_one_cell(process: Process[Any]) -> bool:
    """Whether there is nothing beside it to be given."""
    return sum(math.prod(part.cells) for _, part, _ in leaves(process)) == 1


def _shows_numbers(process: HasKernel[Any], head: HeadOf) -> bool:
    made = process.head if head is None else head(process)
    return made.inputs(process.blank(), torch.ones(1)).is_floating_point()
