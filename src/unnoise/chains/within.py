"""A chain that moves one factor of a product, given the others."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, cast

import torch

from unnoise._checks import instance
from unnoise._errors import InputError
from unnoise.chains.base import Kernel, State
from unnoise.spaces.products import OneFactor


@dataclass(frozen=True)
class Inside(State):
    """A state with that of the factor, and the kernel that moves it given where the others are."""

    inner: State
    kernel: Kernel[Any]


@dataclass(frozen=True)
class Within(Kernel[Inside]):
    r"""One factor of a product moves, the others stay (Metropolis within Gibbs; Tierney 1994).

    So every factor has its own step, where `Metropolis` has one for all: letters jump as often as they like beside
    numbers of 1e-4 or a narrow cap of a sphere.

    Args:
        kernel: of the factor; its target is `spaces.products.OneFactor`, whose other factors are set where chains are.

    >>> from unnoise.chains import Metropolis, run
    >>> from unnoise.laws import Independent, Normal
    >>> from unnoise.spaces import Euclidean
    >>> narrow, wide = (Normal(torch.zeros(1), torch.tensor(scale), 1) for scale in (1e-3, 1.0))
    >>> start = {"x": torch.zeros(5, 1), "y": torch.zeros(5, 1)}
    >>> y = OneFactor(Independent({"x": narrow, "y": wide}), Euclidean(1), start, "y")
    >>> there = run(Within(Metropolis(y, 0.5)), start, 20, torch.Generator().manual_seed(0)).x
    >>> bool((there["y"] != 0).all()), bool((there["x"] != 0).any())
    (True, False)
    """

    kernel: Kernel[Any]

    def __post_init__(self) -> None:
        instance(Kernel, kernel=self.kernel)
        instance(OneFactor, target=getattr(self.kernel, "target", None))

    @property
    def step_size(self) -> float:  # type: ignore[override]
        """That of the factor."""
        return self.kernel.step_size

    @property
    def factor(self) -> OneFactor:
        """What the kernel moves on."""
        return cast(OneFactor, cast(Any, self.kernel).target)

    def check(self, x: Any) -> None:
        """Raise InputError unless x holds points of the factor."""
        if self.factor.name not in x:
            raise InputError(f"got a point of a product without {self.factor.name!r}, which is to move")
        self.factor.space.check(x[self.factor.name])

    def start(self, x: Any, rng: torch.Generator) -> Inside:
        """The first positions, and the factor's state given the others."""
        kernel = replace(cast(Any, self.kernel), target=replace(self.factor, x=x))
        return Inside(x, kernel.start(x[self.factor.name], rng), kernel)

    def step(self, state: Inside, rng: torch.Generator) -> Inside:
        """The factor goes or stays."""
        inner = state.kernel.step(state.inner, rng)
        x: Any = {**cast(Any, state.x), self.factor.name: inner.x}
        return Inside(x, inner, state.kernel, acceptance=inner.acceptance)
