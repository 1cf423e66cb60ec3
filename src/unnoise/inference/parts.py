"""One parameter, or a vector of them: a name, a shape, and how its values look."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from unnoise._checks import flag, refuse, shape, shown
from unnoise._errors import InputError
from unnoise.inference.charts import Floats

DTYPES = ("float16", "bfloat16", "float32", "float64", "uint8", "int8", "int16", "int32", "int64", "bool")


@dataclass(frozen=True)
class Part:
    """One parameter, or a vector of them.

    Args:
        name: of the part; empty where it has none.
        shape: of one value.
        dtype: of tensors, as "float32", where the prior draws tensors; None for arrays.
        shares: whether the numbers along the last axis are shares that sum to one.
    """

    name: str
    shape: tuple[int, ...]
    dtype: str | None = None
    shares: bool = False

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or (self.dtype is not None and self.dtype not in DTYPES):
            refuse("name, dtype", (self.name, self.dtype), f"a text, and None or one of {', '.join(DTYPES)}")
        object.__setattr__(self, "shape", shape("shape", self.shape))
        flag(shares=self.shares)
        if self.shares and not (self.shape and self.shape[-1] > 1):
            refuse("shape", self.shape, "at least two shares along the last axis")

    @property
    def size(self) -> int:
        """How many numbers a value has."""
        return math.prod(self.shape)

    @property
    def free(self) -> int:
        """How many numbers are free: of shares all but the last."""
        return self.size - self.size // self.shape[-1] if self.shares else self.size

    @property
    def columns(self) -> list[str]:
        """A name for each number."""
        name = self.name or "theta"
        places = np.ndindex(*self.shape) if self.shape else ()
        return [f"{name}[{', '.join(map(str, place))}]" for place in places] or [name]

    @property
    def free_columns(self) -> list[str]:
        """A name for each number of the chart: of shares what each takes of that which those before it leave."""
        if not self.shares:
            return self.columns
        count = self.shape[-1]
        places = enumerate(self.columns)
        return [f"{name} of the rest" if k % count else name for k, name in places if (k + 1) % count]

    def shown(self, numbers: Floats, whole: bool = False) -> Any:
        """Numbers (..., size), of which all may be whole, as the prior draws them, (..., *shape)."""
        values = numbers.reshape((*numbers.shape[:-1], *self.shape))
        if self.dtype is None:
            return values.astype(np.int64 if whole else np.float64)
        return torch.from_numpy(values.copy()).to(getattr(torch, self.dtype))

    def read(self, values: Any) -> Floats:
        """Rows (n, size) of values, or of one.

        Raises:
            InputError: another shape, or no numbers.
        """
        try:
            found = np.asarray(values.detach().cpu() if isinstance(values, torch.Tensor) else values, dtype=np.float64)
        except (TypeError, ValueError):
            raise InputError(f"got {self.name or 'theta'} = {shown(values)}; expected numbers") from None
        if found.shape == self.shape:
            found = found[None]
        if found.shape[1:] != self.shape or not found.ndim:
            expected = ", ".join(("n", *map(str, self.shape)))
            raise InputError(
                f"got {self.name or 'theta'} of shape {found.shape}; expected one value of shape {self.shape}, or rows "
                f"({expected})"
            )
        return found.reshape(len(found), self.size)
