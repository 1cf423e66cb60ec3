"""Networks that torch.compile turns into fewer and larger operations while they are trained."""

from __future__ import annotations

import warnings
from collections.abc import Iterator

import torch
from torch import Tensor, nn

from unnoise._errors import warn
from unnoise.denoisers import Denoiser

BACKEND = "inductor"


def compile_networks(denoiser: Denoiser) -> None:
    """Compile what a denoiser trains, in place: the same losses within rounding.

    Weights and their names stay as they are, and copies, as `training.Average` makes them, are not compiled. Where
    torch.compile does not work, as without a C++ compiler, a warning says why, and nothing is compiled.

    >>> from unnoise import denoisers, networks, processes, spaces
    >>> denoiser = denoisers.Neural(processes.edm(spaces.Euclidean(2)), networks.MLP((2,)))
    >>> [type(network).__name__ for network in trained_networks(denoiser)]  # what would be compiled
    ['MLP']
    """
    if (reason := _refusal(next(denoiser.parameters()).device)) is not None:
        how = "`unnoise doctor` tries it again"
        warn(f"torch.compile does not work here ({reason}), so training goes on without it: {how}.")
        return
    for network in trained_networks(denoiser):
        network.compile(backend=BACKEND)


def trained_networks(denoiser: Denoiser) -> Iterator[nn.Module]:
    """The networks of a denoiser and of those that it is made of, or itself where it has none; without frozen ones."""
    parts = (getattr(part, "network", None) for part in denoiser.modules() if isinstance(part, Denoiser))
    for network in [part for part in parts if isinstance(part, nn.Module)] or [denoiser]:
        if any(weight.requires_grad for weight in network.parameters()):
            yield network


def _refusal(device: torch.device) -> str | None:
    """Why torch.compile does not work; found out by the smallest function, as compilers fail in many ways."""
    try:
        with warnings.catch_warnings(action="ignore"):  # of what torch imports for it
            torch.compile(_smallest, backend=BACKEND)(torch.zeros(8, device=device))
    except Exception as error:  # each backend has its own
        lines = [line.strip() for line in [*str(error).splitlines(), type(error).__name__]]
        return next(line for line in lines if line and not line.endswith(":"))[:200]
    return None


def _smallest(x: Tensor) -> Tensor:
    return x + 1
