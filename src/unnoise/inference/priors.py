"""Priors of every origin as one thing: draws, a density where there is one, and the box that they fill."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from unnoise._checks import refuse
from unnoise._errors import InputError
from unnoise._seeding import generator
from unnoise.inference.charts import SUM
from unnoise.inference.origins import numbers, read
from unnoise.inference.parameters import Floats, Parameters, Part

TRIES = 200  # draws that show what a law is
LOOKED_AT = 1000  # draws of a new prior that show where the old one has none
FLAT = 1e-9  # least eigenvalue of the correlations of free parameters


@dataclass(frozen=True, eq=False)
class ParameterPrior:
    """The law of parameters before anything is observed.

    Args:
        parameters: what they are.
        draw: how many, and a generator -> rows (n, d).
        density: log density of rows (n, d) in the box, (n,); None if it is not known.

    >>> prior = as_prior({"rate": torch.distributions.Exponential(2.0), "place": torch.distributions.Normal(0.0, 1.0)})
    >>> prior.parameters.columns, prior.parameters.low
    (['rate', 'place'], (0.0, -inf))
    """

    parameters: Parameters
    draw: Callable[[int, torch.Generator], Floats]
    density: Callable[[Floats], Floats] | None

    def log_prob(self, theta: Floats) -> Floats:
        """The log density of rows (n, d), minus infinity outside the box.

        Raises:
            InputError: it has none.
        """
        if self.density is None:
            raise InputError(
                "got a prior without a density where one is needed; expected one with log_prob, such as a distribution "
                "of torch or scipy"
            )
        inside = self.parameters.contains(theta)
        found = np.full(len(theta), -np.inf)
        if inside.any():
            found[inside] = self.density(theta[inside])
        return np.where(np.isnan(found), -np.inf, found)


def as_prior(prior: Any) -> ParameterPrior:
    """The prior in one form.

    Args:
        prior: a law of unnoise on R^d; a `torch.distributions.Distribution`, a batch of which is one law of independent
            parameters; a frozen law of scipy; any object with `sample(n, generator)`, which gives rows, and, where they
            are known, `log_prob(theta)` and `support`, a pair of least and greatest values; or a dict of these by the
            names of parameters, which are independent.

    Draws that are always whole count as whole numbers, of which log_prob is that of their chance. Parts that sum to one
    along the last axis of every draw, as those of a Dirichlet law, are shares; their density leaves out the last.

    Raises:
        InputError: none of these, or one whose draws are no numbers, or otherwise tied to each other.
    """
    if isinstance(prior, ParameterPrior):
        return prior
    if not isinstance(prior, Mapping):
        return _of(prior, "")
    if not prior or not all(isinstance(name, str) and name for name in prior):
        refuse("prior", prior, "a dict of laws by the names of parameters, at least one")
    parts = [_of(part, name) for name, part in prior.items()]
    sizes = np.cumsum([part.parameters.size for part in parts])[:-1]

    def draw(n: int, rng: torch.Generator) -> Floats:
        return np.concatenate([part.draw(n, rng) for part in parts], axis=1)

    def density(theta: Floats) -> Floats:
        pieces = zip(parts, np.split(theta, sizes, axis=1), strict=True)
        return np.asarray(sum(part.log_prob(piece) for part, piece in pieces))

    low, high = (tuple(end for part in parts for end in getattr(part.parameters, side)) for side in ("low", "high"))
    whole = tuple(one for part in parts for one in part.parameters.whole or (False,) * part.parameters.size)
    parameters = Parameters(tuple(part.parameters.parts[0] for part in parts), low, high, whole if any(whole) else ())
    return ParameterPrior(parameters, draw, density if all(part.density for part in parts) else None)


def check_within(new: ParameterPrior, old: ParameterPrior) -> None:
    """Raise InputError unless both have densities of the same parameters, the old one wherever the new one draws."""
    if new.parameters.columns != old.parameters.columns:
        names = (", ".join(one.parameters.columns) for one in (new, old))
        raise InputError("got a prior of {}; expected one of {}".format(*names))
    theta = new.draw(LOOKED_AT, generator(0))
    share = float(np.isneginf(old.log_prob(theta)).mean())
    new.log_prob(theta[:1])
    if share:
        raise InputError(
            f"got a prior with {100 * share:.2g} % of its draws where that of the simulations has no density; "
            "simulate from a wider one"
        )


def _of(law: Any, name: str) -> ParameterPrior:
    draw, density, ends = read(law, f"prior[{name!r}]" if name else "prior")
    where = f" of {name}" if name else ""
    seen = draw(TRIES, generator(0))
    dtype = str(seen.dtype).removeprefix("torch.") if isinstance(seen, torch.Tensor) else None
    values = _floats(seen, TRIES, where)
    part = Part(name, values.shape[1:], dtype, _are_shares(values))
    rows = values.reshape(TRIES, part.size)
    whole = tuple((rows == np.round(rows)).all(axis=0).tolist())
    _check_free((values[..., :-1] if part.shares else values).reshape(TRIES, -1), where)
    ends = (0.0, 1.0) if part.shares else ends
    low, high = (tuple(np.broadcast_to(numbers(end), part.shape).flatten().tolist()) for end in ends)
    parameters = Parameters((part,), low, high, whole if any(whole) else ())
    if not parameters.contains(rows).all():
        raise InputError(f"got draws of the prior{where} outside its own bounds; expected a support that holds them")

    def drawn(n: int, rng: torch.Generator) -> Floats:
        return _floats(draw(n, rng), n, where).reshape(n, part.size)

    def log_density(theta: Floats) -> Floats:
        found = numbers(density(part.shown(theta, all(whole))))  # type: ignore[misc]  # only used where it is there
        return np.asarray(found.reshape(len(theta), -1).sum(axis=1))

    return ParameterPrior(parameters, drawn, None if density is None else log_density)


def _floats(values: Any, n: int, where: str) -> Floats:
    """Draws as rows of finite numbers, or a sentence about what is wrong with them."""
    kind = values.dtype if isinstance(values, torch.Tensor) else np.asarray(values).dtype
    if kind.is_complex if isinstance(kind, torch.dtype) else kind.kind not in "biuf":
        raise InputError(f"got draws of the prior{where} in {kind}; expected real or whole numbers")
    found = numbers(values)
    if found.ndim < 1 or len(found) != n or not found.size:
        raise InputError(f"got {n} draws of the prior{where} in the shape {found.shape}; expected {n} rows")
    if not np.isfinite(found).all():
        raise InputError(f"got draws of the prior{where} that are not finite; expected finite numbers")
    return found


def _are_shares(values: Floats) -> bool:
    """Whether parts along the last axis of draws (n, ...) sum to one, without being one of several levels."""
    several = values.ndim > 1 and values.shape[-1] > 1 and not (values == np.round(values)).all()
    return bool(several and (values >= 0).all() and (np.abs(values.sum(axis=-1) - 1) <= SUM).all())


def _check_free(rows: Floats, where: str) -> None:
    """Parameters that follow from others, as the difference of two, have no density."""
    spread = rows.std(axis=0)
    tied = not (spread > 0).all()
    if not tied and rows.shape[1] > 1 and len(rows) > 2 * rows.shape[1]:
        tied = bool(np.linalg.eigvalsh(np.corrcoef(rows.T))[0] < FLAT)
    if tied:
        raise InputError(
            f"got a prior{where} whose parameters are fixed, or follow from each other; expected free ones: leave out "
            "what others tell"
        )
