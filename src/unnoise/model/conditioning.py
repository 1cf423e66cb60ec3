"""The network of a model with conditions: the backbone, behind what reads pictures, sequences and sets."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from torch import nn

from unnoise._checks import function
from unnoise._errors import InputError
from unnoise.data import Schema
from unnoise.heads import Head
from unnoise.networks import Conditioned

Make = Callable[..., nn.Module]


def conditioned(make: Make, schema: Schema, head: Head[Any], encoders: Mapping[str, Make]) -> nn.Module:
    """The network for a head, which reads the conditions of a schema.

    Where no condition needs an encoder it is the backbone itself.

    Args:
        make: called with (input_shape, cond_features, output_shape).
        schema: whose conditions there are.
        head: what it sees and gives.
        encoders: name of a condition -> called with the shape of a value and how many numbers to make of it.

    Raises:
        InputError: an encoder for a condition that there is not.
    """
    if unknown := [name for name in encoders if name not in schema.conditions]:
        known = ", ".join(schema.conditions) or "none"
        raise InputError(f"got an encoder for {unknown[0]!r}, which is no condition; the conditions are {known}")
    made: dict[str, Any] = dict(encoders)
    function(or_class=True, **made)
    kinds = schema.conditions_in_order
    built = [kind.encoder(encoders.get(name)) for name, kind in kinds]
    if all(one is None for one in built):
        return make(head.input_shape, schema.condition_width, head.output_shape)
    for (name, _), one in zip(kinds, built, strict=True):
        if one is not None and not isinstance(one, nn.Module):
            raise InputError(f"got {type(one).__name__} as the encoder of {name!r}; expected a torch module")
    features = sum(kind.code for _, kind in kinds) + schema.may_be_unknown
    backbone = make(head.input_shape, features, head.output_shape)
    return Conditioned(backbone, built, [kind.layout for _, kind in kinds], schema.may_be_unknown)
