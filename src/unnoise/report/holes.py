"""Rows with holes, in what is measured and drawn: what is known is compared, and which cells are known.

Samples of a model whose flags say what is missing have holes of their own. Where data alone have holes, as the model
was fitted on whole rows, each sample gets those of one row of the data.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from unnoise import _tree
from unnoise.data import Encoded, Schema
from unnoise.evaluation import Estimate, Likelihood
from unnoise.model import DenoisingMarkovModel
from unnoise.model.fitted import with_detail
from unnoise.model.masks import either, negated, nowhere
from unnoise.model.questions import Flags, Rows, drawn, every_cell
from unnoise.model.questions import blanked as blanked
from unnoise.model.scoring import estimated


@dataclass(frozen=True, eq=False)
class Known:
    """Which cells of rows are known, trees of (n, *cells) bool; None where all are and none may be missing.

    Attributes:
        test: of the held-out rows.
        samples: of as many samples.
    """

    test: Any
    samples: Any


def sampled(model: DenoisingMarkovModel, rows: Encoded, cond: Tensor | None, rng: torch.Generator) -> Any:
    """States of as many samples as rows, where flags and ties come first if there are any."""
    if not model.schema_.in_steps:
        return model.sample_states(len(rows), cond, rng)
    nothing = Rows(rows.x, nowhere(every_cell(model.schema_, len(rows))), cond)
    return drawn(nothing, Flags(model.schema_), model.asker(rng)).x


def estimate(
    model: DenoisingMarkovModel, encoded: Encoded, rows: Any, rng: torch.Generator, way: Likelihood
) -> Estimate:
    """The likelihood of rows, or of what is known of them."""
    if encoded.known is None and not model.schema_.in_steps:
        return with_detail(model.estimate_states(rows, encoded.cond, rng, way), encoded)
    return estimated(model, encoded, None, None, rng, way, 1)


def known(schema: Schema, test: Encoded, samples: Any) -> Known:
    """Which cells of held-out rows and of samples are known."""
    if test.known is None and not schema.missing:
        return Known(None, None)
    flags, everything = Flags(schema), every_cell(schema, len(test))
    seen = everything if test.known is None else test.known
    said, of_samples = (flags.absent(Rows(x, everything, None)) for x in (test.x, samples))
    unsaid = negated(either(seen, said))  # holes that no flag says
    return Known(seen, negated(either(of_samples, unsaid)))


def whole(x: Any, seen: Any) -> Any:
    """The states of the rows of which all is known."""
    if seen is None:
        return x
    rows = _tree.ravel(seen).all(1)
    return _tree.map(lambda leaf: leaf[rows], x)
