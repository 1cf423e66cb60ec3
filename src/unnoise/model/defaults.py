"""The sampler, the network, the likelihood and the numbers of a model by default."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from torch import nn

from unnoise import networks, processes, samplers
from unnoise.data import Schema
from unnoise.data.containers import Table
from unnoise.data.factors import Factor, NumberFactor, ResolvedFactor
from unnoise.data.kinds import Integer
from unnoise.denoisers import Answering, Denoiser, Neural, Pooled
from unnoise.evaluation import Bound, Likelihood, ProbabilityFlow, RandomOrders
from unnoise.heads import CellHead, Fourier, Head, Hidden, Told
from unnoise.heads.product import joint
from unnoise.objectives import AnyOrder, Denoising, Objective
from unnoise.objectives.times import LogNormalTimes
from unnoise.samplers import Sampler
from unnoise.samplers.forms import VelocityForm
from unnoise.spaces import Lattice

ONE_BY_ONE = 128  # masked cells that are drawn one after the other


def default_objective(denoiser: Denoiser) -> Objective:
    """Random orders where noise hides all cells of rows behind masks; else the bound at random times.

    Where a head states how likely levels are, fewer of these have so little noise that it knows all by itself.
    """
    if is_timeless(denoiser):
        return AnyOrder()
    head = _head_of(denoiser)
    states_levels = isinstance(head.head if isinstance(head, Told) else head, CellHead)
    return Denoising(times=LogNormalTimes(deviation=SPREAD)) if states_levels else Denoising()


def is_timeless(denoiser: Denoiser) -> bool:
    """Whether it is a network that need not be told times, as states say which of their cells are noise."""
    head = _head_of(denoiser)
    return head is not None and head.timeless


def _head_of(denoiser: Denoiser) -> Head[Any] | None:
    inner = denoiser.denoiser if isinstance(denoiser, Answering) else denoiser
    inner = inner.learnt if isinstance(inner, Pooled) else inner
    return inner.head if isinstance(inner, Neural) else None


def default_sampler(
    process: processes.Process[Any], timeless: bool = False, powers: bool = True
) -> Callable[..., Sampler]:
    """Multistep for Gaussian noise, ancestral steps where the bridge is known, small steps for the rest.

    Where a `timeless` network sees few masks, one after the other. A model of an earlier version, without
    `powers`, draws the rows that it drew then.
    """
    if isinstance(process, processes.Gaussian):
        return samplers.Multistep if powers else _multistep_of_lambda
    if timeless and _is_drawn_one_by_one(process):
        return samplers.FirstHitting
    return samplers.Ancestral if isinstance(process, processes.Bridged) else samplers.Euler


def _multistep_of_lambda(denoiser: Denoiser, steps: int = 25) -> Sampler:
    return samplers.Multistep(denoiser, steps, form=VelocityForm(1.0 if steps < 10 else 2.0))


LEAST_STEPS, MOST_STEPS, PASSES = 2000, 8000, 128
WIDTH = 256  # of the network of a model that says nothing of it
FEW = 32  # numbers that are modelled given conditions, so few that their network begins at a regression
LEVELS = 32  # of pixels at most, each of which a network says how likely it is
WINDOW = 7  # sites of a sequence that a transformer's first layer sees at once
MULTIPLIED = 24  # numbers of a condition at most, whose products a network is given
SPREAD = 2.0  # of the logarithms of noise levels at which these are learnt
SMALL = 256  # pixels of an image at most, of which a perceptron sees all at once


SINCE = "started", "each", "cells", "near", "small", "powers"  # which versions began to do, in this order


@dataclass(frozen=True)
class Built:
    """How a network by default is built and asked, as the description of its model keeps it.

    Args:
        width: of the MLP; None for models of the earliest versions.
        started: whether it begins at a regression where few numbers are modelled given conditions.
        each: whether a part of it then sees these one at a time.
        cells: whether it states how likely each level is of images of few.
        near: whether of sequences its first layer sees the neighbours of a site.
        small: whether of images of few pixels a perceptron sees all at once.
        powers: whether solvers by default take velocities for polynomials in a power of the noise level.
    """

    width: int | None = WIDTH
    started: bool = True
    each: bool = True
    cells: bool = True
    near: bool = True
    small: bool = True
    powers: bool = True

    @classmethod
    def of(cls, data: Any) -> Built:
        """From what a description keeps; earlier versions said less.

        >>> Built.of({"width": 128, "started": True}), Built.of(None)  # doctest: +NORMALIZE_WHITESPACE
        (Built(width=128, started=True, each=False, cells=False, near=False, small=False, powers=False),
         Built(width=None, started=False, each=False, cells=False, near=False, small=False, powers=False))
        """
        said = data if isinstance(data, dict) else {}
        width = said.get("width")
        return cls(None if width is None else int(width), *(said.get(name) is True for name in SINCE))


@dataclass(frozen=True)
class Sizes:
    """The numbers of a training that the size of its data decides.

    Args:
        steps: in proportion to the root of the number of cells of the table.
        table_steps: where noise hides cells behind masks: each row is seen `PASSES` times, or some hundred rows more
            often; of more a network knows the digits of few rows by heart.
        batch_size: rows per step; a batch of few rows sees each several times, with other noise.
        width: of the MLP.
    """

    steps: int
    table_steps: int
    given_steps: int
    batch_size: int
    width: int

    @classmethod
    def of(cls, rows: int, cells: int, given: int = 0) -> Sizes:
        """For so many rows to train on, of so many numbers each, which have so many conditions.

        >>> Sizes.of(20, 15), Sizes.of(10**7, 15)  # doctest: +NORMALIZE_WHITESPACE
        (Sizes(steps=2000, table_steps=2000, given_steps=2000, batch_size=64, width=128),
         Sizes(steps=8000, table_steps=8000, given_steps=8000, batch_size=512, width=512))
        """
        batch_size = min(max(2 ** math.ceil(math.log2(rows)), 64), 512)
        width = 128 if rows < 2000 else 256 if rows < 100000 else 512
        most = (13 * math.sqrt(rows * cells), PASSES * rows / batch_size, 26 * math.sqrt(rows * (cells + given)))
        steps, table_steps, given_steps = (round(min(max(many, LEAST_STEPS), MOST_STEPS) / 100) * 100 for many in most)
        return cls(steps, table_steps, given_steps, batch_size, width)


def default_network(
    input_shape: tuple[int, ...],
    cond_features: int,
    output_shape: tuple[int, ...],
    width: int = WIDTH,
    timeless: bool = False,
    few: bool = False,
    each: bool = False,
    near: bool = True,
    small: bool = True,
) -> nn.Module:
    """For images of at least 8 x 8 a small U-Net, or for few pixels `networks.SmallImage`; for sequences a transformer.

    A residual MLP for everything else.

    Args:
        input_shape: of one input.
        cond_features: numbers per condition.
        output_shape: of one output.
        width: of the MLP.
        timeless: for rows whose cells wait behind masks: a deeper MLP of two-layer blocks, as it tells boosted trees
            less (on California's housing an AUC of .60 against .64 after as many steps).
        few: for few numbers given conditions, which stand beside them, with their products.
        each: of these, whether a part of the network sees one number at a time. Of 9,000 rows of ten numbers between
            bounds the rest alone does not find the bounds.
        near: for sequences, whether the first layer sees `WINDOW` sites at once.
        small: whether images of few pixels have a network of their own.
    """
    if is_image(input_shape):
        if small and math.prod(input_shape[1:]) <= SMALL:
            return networks.SmallImage(input_shape, cond_features, output_shape)
        resolutions = (1, 2) if min(input_shape[1:]) < 16 else (1, 2, 2)
        shape: dict[str, Any] = dict(width=32, multipliers=resolutions, blocks=1, attention=False)
        return networks.UNet(input_shape, cond_features, output_shape, **shape)
    if len(input_shape) == 2:
        return networks.Transformer(input_shape, cond_features, output_shape, window=WINDOW if near else 1)
    if few and cond_features:
        multiplied = cond_features <= MULTIPLIED
        seen = networks.Products.features(cond_features) if multiplied else cond_features
        backbone = networks.MLP(input_shape, seen, output_shape, width=width, beside=True)
        made = networks.Products(backbone, cond_features) if multiplied else backbone
        numbers = math.prod(output_shape)
        features = math.prod(input_shape) // numbers
        return networks.PerNumber(made, features, numbers, cond_features) if each else made
    network = networks.ResNet if timeless else networks.MLP
    return network(input_shape, cond_features, output_shape, width=width)


def default_rate(head: Head[Any] | None) -> float:
    """The peak learning rate of the network by default for this head, of which an MLP bears more; or of another."""
    if head is None or is_image(head.input_shape) or len(head.input_shape) == 2:
        return 1e-3
    return 2e-3 if head.timeless else 3e-3


def is_image(input_shape: tuple[int, ...]) -> bool:
    """Whether an input is an image of at least 8 x 8 pixels."""
    return len(input_shape) == 3 and min(input_shape[1:]) >= 8


def is_few(schema: Schema, process: processes.Process[Any]) -> bool:
    """Whether few real numbers are modelled given conditions, as parameters of a simulator given what it made."""
    vector = isinstance(process, processes.Gaussian) and len(process.space.event_shape) == 1
    return bool(schema.conditions) and vector and math.prod(process.space.event_shape) <= FEW


def learns_few(denoiser: Denoiser) -> bool:
    """Whether its network is that of few numbers given conditions, as `default_network` makes it."""
    inner = denoiser.denoiser if isinstance(denoiser, Answering) else denoiser
    network = inner.network if isinstance(inner, Neural) else None
    while isinstance(network, networks.Conditioned | networks.PerNumber | networks.Products):
        network = network.network
    return isinstance(network, networks.MLP) and network.beside


def default_head(
    schema: Schema, process: processes.Process[Any], masks: bool = True, few: bool = False, cells: bool = True
) -> Callable[[Any], Head[Any]] | None:
    """Heads for the columns of a table and for images of few levels, else the process's own.

    `heads.Hidden` where noise hides levels and digits; `heads.Fourier` for real numbers, whose steps are finer than
    their spread, and for `few` numbers given conditions, whose laws may be narrow. Without `masks` levels have their
    process's own, and without `cells` images, as models did that earlier versions saved.
    """
    if not isinstance(schema.container, Table):
        lattice = _levels_of_image(schema, process) if cells else None
        return partial(CellHead, lattice=lattice) if lattice else Fourier if few else None
    parts: Mapping[str, processes.Process[Any]] | None = getattr(process, "parts", None)
    if parts is None:
        return _head_of_columns(process, next(iter(schema.factors.values())), masks)
    found = {name: _head_of_columns(part, schema.factors.get(name), masks) for name, part in parts.items()}
    return partial(joint, parts={name: head for name, head in found.items() if head is not None})


def _levels_of_image(schema: Schema, process: processes.Process[Any]) -> Lattice | None:
    """The centres of the cells of arrays of whole numbers under Gaussian noise, if there are few."""
    (factor, *others) = schema.factors.values()
    if others or not (isinstance(factor, NumberFactor) and factor.block and isinstance(process, processes.Gaussian)):
        return None
    (kind,) = factor.coordinates
    if not isinstance(kind, Integer) or not 1 <= kind.high - kind.low < LEVELS:
        return None
    return Lattice((kind.low + 0.5 - kind.mean) / kind.scale, 1 / kind.scale, kind.high - kind.low + 1)


def _head_of_columns(
    process: processes.Process[Any], factor: Factor | None, masks: bool
) -> Callable[[Any], Head[Any]] | None:
    if _is_vector(process):
        return Fourier
    if not (masks and processes.is_masked(process) and len(process.space.event_shape) == 1):
        return None
    return partial(Hidden, digits=factor.digits) if isinstance(factor, ResolvedFactor) else Hidden


def _is_vector(process: processes.Process[Any]) -> bool:
    return isinstance(process, processes.Gaussian) and len(process.space.event_shape) == 1


def _is_drawn_one_by_one(process: processes.Process[Any]) -> bool:
    return processes.is_masked(process) and math.prod(process.space.event_shape) <= ONE_BY_ONE


def default_likelihood(process: processes.Process[Any], timeless: bool = False) -> Likelihood:
    """Exact for points of manifolds whose divergence is quick to trace exactly; the lower bound for the rest.

    Where a `timeless` network sees few masks, one cell after the other.
    """
    if timeless and _is_drawn_one_by_one(process):
        return RandomOrders()
    exact = ProbabilityFlow()
    vectors = isinstance(process, processes.HasKernel) and len(process.head.input_shape) == 1
    return exact if vectors and exact.is_exact(process) else Bound()
