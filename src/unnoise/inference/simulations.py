"""Parameters and what was simulated of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from unnoise._checks import shown, whole
from unnoise._errors import InputError
from unnoise.inference.parameters import Floats

FEWEST = 20  # simulations that something can be learnt from


@dataclass(frozen=True, eq=False)
class Simulations:
    """Parameters drawn from a prior, and one observation of each, or a set of exchangeable ones.

    Args:
        theta: (n, d); a dict of arrays by name where the prior has names.
        x: (n, *shape), or (n, observations, *shape); NaN stands for what was not seen.
        observations: of each row of theta.

    >>> theta = np.linspace(-1, 1, 50)[:, None]
    >>> len(Simulations(theta, theta**2))
    50
    """

    theta: Any
    x: Any
    observations: int = 1

    def __post_init__(self) -> None:
        whole(least=1, observations=self.observations)
        x = _array(self.x)
        held = self.theta if isinstance(self.theta, dict) else {"": self.theta}
        held = {name: part if isinstance(part, torch.Tensor) else np.asarray(part) for name, part in held.items()}
        parts = held.values()
        rows = {len(part) if np.ndim(part) else 0 for part in parts}
        if not x.ndim or rows != {len(x)}:
            got = " and ".join(map(str, sorted(rows)))
            raise InputError(
                f"got {got} rows of parameters and x of shape {x.shape}; expected one observation for each"
            )
        if self.observations > 1 and x.shape[1:2] != (self.observations,):
            raise InputError(f"got x of shape {x.shape}; expected (n, {self.observations}, ...), sets of observations")
        if not x.size:
            raise InputError(f"got x of shape {x.shape}, which holds nothing; expected one observation or more")
        if np.isnan(x).all():
            raise InputError("got NaN in all of x; expected a simulator that returns numbers at least somewhere")
        object.__setattr__(self, "theta", held if isinstance(self.theta, dict) else held[""])
        object.__setattr__(self, "x", x)

    def __len__(self) -> int:
        return len(self.x)

    @property
    def shape(self) -> tuple[int, ...]:
        """Of one observation."""
        shape: tuple[int, ...] = self.x.shape[1 + (self.observations > 1) :]
        return shape

    def joined(self, other: Simulations) -> Simulations:
        """Both, of the same parameters and observations."""
        first, second = ({"": one.theta} if not isinstance(one.theta, dict) else one.theta for one in (self, other))
        theta = {name: _joined(first[name], second[name]) for name in first}
        x = np.concatenate([self.x, other.x])
        return Simulations(theta if isinstance(self.theta, dict) else theta[""], x, self.observations)

    def at(self, rows: Any) -> Simulations:
        """Some of them, by their numbers or a slice."""
        held = self.theta
        theta = {name: part[rows] for name, part in held.items()} if isinstance(held, dict) else held[rows]
        return Simulations(theta, self.x[rows], self.observations)


def _joined(first: Any, second: Any) -> Any:
    return torch.cat([first, second]) if isinstance(first, torch.Tensor) else np.concatenate([first, second])


def _array(x: Any) -> Floats:
    try:
        found = np.asarray(x.detach().cpu() if isinstance(x, torch.Tensor) else x, dtype=np.float64)
    except (TypeError, ValueError):
        raise InputError(f"got x = {shown(x)}; expected numbers (n, ...), one observation for each row") from None
    return np.where(np.isfinite(found), found, np.nan)
