"""What the sections of a page are made from, and how its states are seen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from unnoise.report import views
from unnoise.report.advice import Names
from unnoise.report.measured import Assessment

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True, eq=False)
class Shown:
    """What a page shows.

    Attributes:
        result: what was measured.
        command: that makes the page again.
        names: of the files, for the commands that it advises.
        pictures: more pictures of samples, with captions.
    """

    result: Assessment
    command: str | None = None
    names: Names = Names()
    pictures: tuple[tuple[Figure, str], ...] = ()

    @property
    def is_image(self) -> bool:
        """Whether states are one block of numbers with two or three axes."""
        numbers = self.result.model.schema_.numbers
        return numbers is not None and len(numbers.event_shape) in (2, 3)

    @property
    def in_bits(self) -> bool:
        """Whether likelihoods are told in bits per dimension: of images, unless pixels are missing."""
        return self.is_image and not self.result.has_holes

    def images(self, states: Any) -> Any:
        """States as images."""
        (image,) = self.result.model.schema_.values(states).values()
        return image

    def word(self, column: str, number: float) -> str | None:
        """A number of a column as the data write it; None where it stands for itself."""
        return self.result.model.schema_.word(column, number)

    def seen(self, x: Any, known: Any) -> dict[str, Any]:
        """The columns of each factor where they are known."""
        schema = self.result.model.schema_
        values = schema.values(x)
        if known is None:
            ties = {name: part for name, part in schema.factors.items() if part is schema.ties}
            sure = {name: torch.ones_like(x[name], dtype=torch.bool) for name in ties}
            found = {name: views.seen(part, x[name], sure[name]) for name, part in ties.items()}
            return dict.fromkeys(schema.factors, values) | found
        parts = [tree if isinstance(tree, dict) else dict.fromkeys(schema.factors, tree) for tree in (x, known)]
        found = {name: views.seen(one, parts[0][name], parts[1][name]) for name, one in schema.factors.items()}
        apart = {*schema.chart.by_target, *(() if schema.ties is None else schema.ties.columns)}
        for columns in found.values():  # of a column that is modelled by its distance from another, its own values
            own = columns.keys() & apart
            columns |= {name: np.where(np.isnan(columns[name]), np.nan, values[name]) for name in own}
        return found
