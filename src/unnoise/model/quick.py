"""A closed-form start: a mixture of product laws instead of a network, fitted in seconds."""

from __future__ import annotations

import itertools
from typing import Any

import torch
from torch import Tensor

from unnoise import _tree
from unnoise._errors import InputError
from unnoise._progress import progress
from unnoise._seeding import generator
from unnoise.data import Encoded, Schema
from unnoise.data.factors.base import quoted
from unnoise.denoisers import Denoiser, ExactProductMixture
from unnoise.evaluation.closed_form import mixture_in
from unnoise.laws import CategoricalComponents, OrderedComponents, ProductMixture, fit_latent_classes
from unnoise.laws.components import Components
from unnoise.laws.latent_classes import COMPONENTS, CROSSED
from unnoise.model.questions import every_cell
from unnoise.processes import HasKernel, Process, components_of, map_leaves, require

MOST_NUMBERS = 2**28  # of the laws of all components


def fitted(
    process: Process[Any],
    encoded: Encoded,
    schema: Schema,
    *,
    weights: Tensor | None = None,
    components: int = COMPONENTS,
    seed: int = 0,
    time_limit: float | None = None,
    show: bool | None = None,
) -> ExactProductMixture:
    """The exact denoiser of a mixture, of so many components at most, fitted to rows whose holes are marginalised.

    Raises:
        InputError: conditions, or columns whose laws do not stay in closed form.
    """
    process, rng = _checked(process, schema), generator(seed)
    x, _ = encoded.all(rng)
    known = every_cell(schema, len(encoded)) if encoded.known is None else encoded.known
    base = _base(process, schema, x, known)
    if weights is not None:
        weights = (weights * len(weights) / weights.sum()).float()  # as many rows in all
    if not (most := min(components, _most(base))):
        raise InputError(
            f"got points of {_numbers(base):,} numbers, which are too many for a mixture; train a network, without "
            "--quick (quick=False)"
        )
    with progress(f"fitting a mixture to {len(encoded):,} rows", show) as update:

        def tell(share: float) -> None:
            update(share, "EM")

        options: Any = dict(components=most, weights=weights, rng=rng, time_limit=time_limit, on_step=tell)
        options["together"] = _together(schema, base)
        law = fit_latent_classes(_in_order(schema, base), x, known, **options)
    return ExactProductMixture(process, law).requires_grad_(False).eval()


def unfitted(process: Process[Any], schema: Schema, components: int, *groups: int) -> ExactProductMixture:
    """A denoiser of as many components, and as many groups if there are some, to load tensors into."""
    process = _checked(process, schema)
    base = _anywhere(process, schema)
    parts = _tree.map(lambda part: part.repeated(components), base)
    weights = torch.full((components, *groups), 1 / components)
    numbers = _tree.map(lambda part: torch.zeros(part.cells, dtype=torch.int64), base) if groups else None
    return ExactProductMixture(process, ProductMixture(weights, parts, numbers))


def most_components(process: Process[Any], schema: Schema) -> int:
    """How many there may be; 0 where points are too wide for any."""
    return _most(_anywhere(_checked(process, schema), schema))


def drawn(denoiser: Denoiser, n: int, cond: Any, rng: torch.Generator) -> Any:
    """Draws of the law itself: a component given what is given, then every cell; None if no law is known."""
    mixture = mixture_in(denoiser)
    if mixture is None:
        return None
    if cond is None:
        return mixture.law.sample(rng, (n,))
    x = mixture.law.completed(cond["values"], cond["given"], rng)
    return _tree.map(lambda new, old: new.to(old), x, cond["values"])


def _checked(process: Process[Any], schema: Schema) -> HasKernel[Any]:
    if schema.conditions:
        raise InputError(
            f"got {', '.join(schema.conditions)} as conditions, which a quick model does not have: leave them out; "
            "any columns can be given when it is asked"
        )
    return require(process, HasKernel, "a quick model", "a process with a kernel, or quick=False")


def _base(process: HasKernel[Any], schema: Schema, x: Any, known: Any) -> Any:
    """The law of all rows as one component; an InputError names the columns that have none."""
    try:
        return map_leaves(components_of, process, x, known)
    except InputError as error:
        for factor in schema.factors.values():
            point = factor.anywhere[None]
            try:
                map_leaves(components_of, factor.process(), point, torch.ones(1, *factor.cells, dtype=torch.bool))
            except InputError as of_columns:
                names = quoted(factor.columns)
                raise InputError(f"there is no quick model of {names} ({factor.kind}): {of_columns}") from error
        raise


def _anywhere(process: HasKernel[Any], schema: Schema) -> Any:
    """A law of one component, of the form that those of rows have."""
    points: Any = {name: factor.anywhere[None] for name, factor in schema.factors.items()}
    x = points if isinstance(process.blank(), dict) else next(iter(points.values()))
    return _base(process, schema, x, every_cell(schema, 1))


def _in_order(schema: Schema, base: Any) -> Any:
    """With the order of states that the cells of numbers have."""
    factors = iter(schema.factors.values())

    def ordered(part: Components) -> Components:
        flags = next(factors).ordered
        if flags is None or not isinstance(part, CategoricalComponents):
            return part
        masks = part.probs.shape[-1] - flags.shape[-1]  # states that no data have
        return OrderedComponents.of_base(part, torch.nn.functional.pad(flags, (0, masks)).to(part.probs.device))

    return _tree.map(ordered, base)


def _together(schema: Schema, base: Any) -> Any:
    """The number of the column, or of columns that are one thing, that each cell belongs to; ties have their own."""
    count, found = itertools.count(), []
    for factor in schema.factors.values():
        numbers = torch.zeros(factor.cells, dtype=torch.int64)
        for place in range(len(numbers)) if factor is schema.ties else ():
            numbers[place] = next(count)
        for name in factor.columns[:1] if factor.joint else factor.columns:
            cells = torch.ones_like(numbers).bool() if factor.joint else factor.cells_of({name})
            numbers[cells] = next(count)
        found.append(numbers)
    parts = iter(found)
    return _tree.map(lambda _: next(parts), base)


def _most(base: Any) -> int:
    """How many components memory has room for."""
    return min(COMPONENTS, MOST_NUMBERS * COMPONENTS // (CROSSED * _numbers(base)))


def _numbers(base: Any) -> int:
    return sum(tensor.numel() for _, part in _tree.leaves(base) for tensor in part.tensors().values())
