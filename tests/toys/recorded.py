"""Numbers that a commit recorded: bit for bit on a machine like the one that recorded them, to rounding on others."""

from __future__ import annotations

import json
import math
import platform
import re
from pathlib import Path

import torch

# Relative, on another version of torch or another kind of CPU. Measured between SSE4 and AVX512 4e-6, between makers of
# processors 1.1e-5, and no less in float64, since the times of objectives and bounds are drawn in float32.
ROUNDING = 3e-5
SHOWN = 8


def machine():
    """What decides the last bits of a result, besides the number of threads."""
    return {"torch": torch.__version__, "cpu": torch.backends.cpu.get_cpu_capability(), "vendor": _vendor()}


def _vendor():
    """Who made the processor: libraries of linear algebra sum in another order on another's."""
    file = Path("/proc/cpuinfo")
    found = re.search(r"vendor_id\s*:\s*(\w+)", file.read_text(encoding="utf-8")) if file.exists() else None
    return found[1] if found else platform.processor()


def described(values):
    """A tensor in plain Python: its first numbers, their exact sum and the largest. JSON keeps every bit of them."""
    numbers = values.detach().double().flatten().tolist()
    return {
        "dtype": str(values.dtype).removeprefix("torch."),
        "shape": list(values.shape),
        "first": numbers[:SHOWN],
        "sum": math.fsum(numbers),
        "largest": max(map(abs, numbers)),
    }


def differences(found, recorded, made_on, tolerance=0.0):
    """What differs, in words; nothing where all agrees.

    The tolerance is relative to the largest number. Where `made_on` is not this machine, it is rounding at least.
    """
    if {"vendor": "AuthenticAMD"} | made_on != machine():  # those that name no maker were recorded on AMD's
        tolerance = max(tolerance, ROUNDING)
    now = described(found)
    if wrong := [f"{key} {now[key]}, not {recorded[key]}" for key in ("dtype", "shape") if now[key] != recorded[key]]:
        return wrong
    room = tolerance * recorded["largest"]
    pairs = [(f"number {i}", *pair, room) for i, pair in enumerate(zip(now["first"], recorded["first"], strict=True))]
    pairs.append(("the sum", now["sum"], recorded["sum"], room * found.numel()))
    return [f"{name} is {new!r}, not {old!r}" for name, new, old, allowed in pairs if not abs(new - old) <= allowed]


def text(tree):
    """JSON with every innermost list on one line."""
    spread = json.dumps(tree, indent=1)
    return re.sub(r"\[[^][{}]*\]", lambda found: "[" + " ".join(found[0][1:-1].split()) + "]", spread) + "\n"
