"""How a model is trained for questions: the head that is told roles, and the data that ask."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import torch
from torch import Tensor

from unnoise import _tree
from unnoise._checks import refuse
from unnoise._errors import InputError
from unnoise.data import Encoded, Schema
from unnoise.denoisers import Answering, Denoiser, Neural, Roles
from unnoise.heads import Head, Told, told
from unnoise.model.questions import Flags, any_in_row, both, either, negated
from unnoise.processes import HasKernel, Process
from unnoise.training import Dataset, Questions, RandomRoles
from unnoise.training.questions import with_one

ANY, JOINT = "any", "joint"
FIRST, SETTLED = 0.25, 0.75  # shares of rows that ask flags, and of the others that are given all flags
HeadOf = Callable[[Any], Head[Any]] | None


def chosen_head(roles: Any, schema: Schema, process: Process[Any], head: HeadOf) -> HeadOf:
    """The head, told roles where the model is trained for any question or the data have holes; or as it was.

    Noise without a kernel, and heads that show whole numbers, know the joint law alone.
    """
    if roles not in (ANY, JOINT):
        refuse("roles", roles, f"{ANY!r}, for any question, or {JOINT!r}, for the joint law alone")
    holes = bool(schema.missing)
    if roles == JOINT and not holes:
        return head
    if isinstance(process, HasKernel) and _shows_numbers(process, head):
        return partial(told, head=head)
    if holes:
        raise InputError(
            f"the data have holes in {', '.join(schema.missing[:4])}, and this process or head knows whole rows alone: "
            "use a process with a kernel and its own head, or fill the holes"
        )
    return head


def trainable(denoiser: Denoiser) -> Denoiser:
    """The denoiser that training sees: it answers questions where its network is told roles."""
    return Answering(denoiser) if isinstance(denoiser, Neural) and isinstance(denoiser.head, Told) else denoiser


def trained(denoiser: Denoiser) -> Denoiser:
    """The network itself, which `trainable` made to answer."""
    return denoiser.denoiser if isinstance(denoiser, Answering) else denoiser


def asking(roles: str, denoiser: Denoiser, encoded: Encoded, schema: Schema) -> Dataset:
    """The rows, each with a random question, where the denoiser answers them."""
    if not isinstance(denoiser, Answering):
        return encoded
    law = RandomRoles() if roles == ANY else RandomRoles(joint=1.0)
    return Questions(encoded, denoiser.process, FlaggedRoles(law.joint, flags=Flags(schema)) if schema.missing else law)


@dataclass(frozen=True)
class FlaggedRoles(RandomRoles):
    """Random roles where flags say which values there are.

    A quarter of the rows asks flags, with all values unknown that these speak of; the others ask values, most of them
    given all flags. The flag of a given value is given.
    """

    flags: Flags = field(kw_only=True)

    def draw(self, process: Process[Any], n: int, rng: torch.Generator, known: Any = None) -> Roles:
        """Roles of n rows."""
        drawn, split = super().draw(process, n, rng, known), self.flags.split
        known = _tree.map(torch.ones_like, drawn.asked) if known is None else known
        known = _tree.map(lambda mask: mask.to(rng.device), known)
        (asks_flags, asks), (gives_flags, gives) = split(drawn.asked), split(drawn.given)
        (all_flags, values), uniform = split(known), torch.rand(2, n, generator=rng, device=rng.device)
        first = (uniform[0] < FIRST) & any_in_row(asks_flags) | ~any_in_row(values)
        early = self._early(asks_flags, asks, gives_flags, gives, all_flags)
        gives_flags = _where(uniform[1] < SETTLED, all_flags, either(gives_flags, self.flags.of_cells(gives)))
        late = Roles(with_one(both(asks, values), both(values, negated(gives)), rng), either(gives_flags, gives))
        late = Roles(late.asked, both(late.given, negated(late.asked)))
        return Roles(_where(first, early.asked, late.asked), _where(first, early.given, late.given))

    def _early(self, asks_flags: Any, asks: Any, gives_flags: Any, gives: Any, all_flags: Any) -> Roles:
        """Flags are asked, and no values; those that would be asked are unknown."""
        gives_flags = both(either(gives_flags, self.flags.of_cells(gives)), all_flags)
        asked = both(asks_flags, negated(gives_flags))
        asked = _where(any_in_row(asked), asked, all_flags)
        given = either(both(gives_flags, negated(asked)), gives)
        return Roles(asked, both(given, negated(self.flags.marked(asked))))


def _where(rows: Tensor, one: Any, other: Any) -> Any:
    return _tree.map(lambda a, b: torch.where(_tree.expand(rows, a), a, b), one, other)


def _shows_numbers(process: HasKernel[Any], head: HeadOf) -> bool:
    made = process.head if head is None else head(process)
    return made.inputs(process.blank(), torch.ones(1)).is_floating_point()
