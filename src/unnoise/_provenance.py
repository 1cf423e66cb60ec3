"""The origin of a result: command, seed, commit, versions and hardware.

It names no person, machine or folder.
"""

from __future__ import annotations

import json
import math
import os
import platform
import re
import subprocess
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from unnoise._atomic import atomic_path
from unnoise._errors import InputError
from unnoise._version import __version__

PACKAGES = ("torch", "numpy", "scipy", "scikit-learn", "accelerate", "polars", "narwhals", "matplotlib")
GIBIBYTE = 2**30


def provenance(command: str | None, seed: int | None, *, device: str | None = None) -> dict[str, Any]:
    """Everything needed to repeat a result.

    Args:
        command: the shell command; None for a call from Python.
        seed: of all randomness.
        device: such as "cuda:0"; by default torch's choice.

    >>> sorted(provenance("unnoise demo", seed=0))
    ['command', 'commit', 'date', 'hardware', 'seed', 'versions']
    """
    return {
        "command": command,
        "seed": seed,
        "commit": commit(),
        "versions": versions(),
        "hardware": hardware(device),
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def write_results(
    name: str,
    folder: Path | str,
    *,
    measured: Mapping[str, Any],
    seconds: float,
    published: Mapping[str, Any] | None = None,
    command: str | None = None,
    seed: int | None = None,
    device: str | None = None,
) -> Path:
    """Write `folder/name.json`, whole or not at all, and return its path.

    Args:
        name: of experiment and file.
        folder: made if absent.
        measured: metric -> value, with standard errors as `..._se`.
        seconds: wall time.
        published: metric -> value and source.
        command: as in `provenance`.
        seed: as in `provenance`.
        device: as in `provenance`.
    """
    if not re.fullmatch(r"[\w.+-]+", name) or name.startswith("."):
        raise InputError(f"{name!r} cannot name a results file; use letters, digits, '-' and '_'.")
    content = {
        "name": name,
        **provenance(command, seed, device=device),
        "seconds": round(seconds, 3),
        "measured": plain(measured),
        "published": plain(published or {}),
    }
    path = Path(folder) / f"{name}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_path(path) as beside:
        beside.write_text(json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False) + "\n", encoding="utf-8")
    return path


def commit() -> str | None:
    """The checkout's commit, with "-dirty" after changes; None without a checkout.

    What stands in results/ changes no number, and a run that writes pictures there first would spoil its own mark.
    """
    root = Path(__file__).resolve().parents[2]
    if not (root / ".git").exists():  # git would find another project above
        return None
    head = _git(root, "rev-parse", "HEAD")
    changes = _git(root, "status", "--porcelain", "--untracked-files=no", "--", ".", ":(exclude)results")
    if not head or changes is None:
        return None
    return f"{head}-dirty" if changes else head


def _git(root: Path, *words: str) -> str | None:
    """What git prints; None where it fails."""
    try:
        done = subprocess.run(["git", "-C", str(root), *words], capture_output=True, text=True, timeout=20, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()


def versions() -> dict[str, str]:
    """The versions of all that affects numbers."""
    found = {"unnoise": __version__, "python": platform.python_version()}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def hardware(device: str | None = None) -> dict[str, Any]:
    """Processor, usable cores, memory in GiB and device."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return {"cpu": _cpu_model(), "cores": cores, "memory_GiB": memory_gib(), "device": _device_name(device)}


def _cpu_model() -> str:
    try:
        named = re.search(r"^model name\s*:\s*(.+)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    except OSError:  # not Linux
        named = None
    return named.group(1).strip() if named else platform.processor() or platform.machine()


def memory_gib() -> float | None:
    """Of the machine; None where it does not say."""
    try:
        return round(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / GIBIBYTE, 1)
    except (AttributeError, ValueError, OSError):  # not a Unix
        return None


def _device_name(device: str | None) -> str:
    import torch

    chosen = torch.device(device or ("cuda" if torch.cuda.is_available() else "cpu"))
    if chosen.type == "cuda" and torch.cuda.is_available():
        return torch.cuda.get_device_name(chosen)
    return chosen.type


def plain(value: Any) -> Any:
    """Numbers as plain JSON; infinities and NaN become null."""
    if isinstance(value, Mapping):
        return {str(name): plain(part) for name, part in value.items()}
    if hasattr(value, "tolist"):
        value = value.tolist()
    if isinstance(value, list | tuple):
        return [plain(part) for part in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value
