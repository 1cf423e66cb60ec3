"""unnoise doctor: what unnoise finds on this machine."""

from __future__ import annotations

import contextlib
import importlib.util
import platform
import re
import subprocess
import sys
import tempfile
import time
from importlib.metadata import PackageNotFoundError, metadata
from typing import Annotated, Any

import typer

from unnoise import _provenance
from unnoise._progress import progress
from unnoise.cli import common

FOR_DEVELOPERS = {"dev", "docs", "benchmarks"}  # extras that nobody needs to use unnoise
LONGEST = 600.0  # seconds that compiling may take
USUAL = 30.0
COMPILE = """
import os, sys, torch
os.environ["TORCHINDUCTOR_CACHE_DIR"] = sys.argv[1]
os.environ["TORCHINDUCTOR_COMPILE_THREADS"] = "1"
x = torch.linspace(0, 1, 1000)
made = torch.compile(lambda x: (x.sin() * 2).cumsum(0))(x)
assert torch.allclose(made, (x.sin() * 2).cumsum(0), atol=1e-4)
"""


@common.reports_errors
def doctor(
    compiling: Annotated[
        bool, typer.Option("--compile/--no-compile", help="Try torch.compile, which takes half a minute.")
    ] = True,
    json: common.Json = False,
) -> None:
    """Say what unnoise finds here: versions, processor, memory, devices, extras.

    The exit code is 0 if unnoise can be used, and 1 if torch cannot compute here.

    Examples:
      unnoise doctor                       # is all well? what can be installed?
      unnoise doctor --json > doctor.json  # to put beside a report of a fault
    """
    facts = {
        "versions": _provenance.versions(),
        "system": {"platform": platform.platform(), **_provenance.hardware(), "threads": _threads()},
        "devices": _devices(),
        "computes": computes(),
        "compiles": compiles() if compiling else None,
        "extras": extras(),
    }
    common.result(json, facts, _words(facts))
    if facts["computes"] is not True:
        raise typer.Exit(1)


def extras() -> dict[str, dict[str, bool]]:
    """The optional extras of this installation, and which of their packages are there."""
    try:
        about = metadata("unnoise")
    except PackageNotFoundError:  # a checkout that is not installed
        return {}
    found: dict[str, dict[str, bool]] = {}
    for line in about.get_all("Requires-Dist") or ():
        needed = re.fullmatch(r"([\w.-]+)[^;]*;.*extra == ['\"](\w+)['\"].*", line)
        if needed and needed[2] not in FOR_DEVELOPERS:
            found.setdefault(needed[2], {})[needed[1]] = _is_there(needed[1])
    return found


def compiles(code: str = COMPILE) -> str | bool:
    """True, or why torch.compile does not work; in a process of its own, as compilers crash in their own ways."""
    with contextlib.ExitStack() as stack:
        # A process that was killed may still write there.
        cache = stack.enter_context(tempfile.TemporaryDirectory(ignore_cleanup_errors=True))
        update = stack.enter_context(progress("trying torch.compile"))
        words = [sys.executable, "-c", code, cache]
        process = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        start = time.monotonic()
        while (seconds := time.monotonic() - start) < LONGEST:
            with contextlib.suppress(subprocess.TimeoutExpired):
                _, told = process.communicate(timeout=0.5)
                return process.returncode == 0 or _reason(told, process.returncode)
            update(seconds / (seconds + USUAL), "")
        process.kill()
        process.communicate()
        return f"it took more than {LONGEST:.0f} s"


def _reason(told: str, code: int) -> str:
    """The line of a traceback that names the error."""
    named = [line for line in told.splitlines() if re.match(r"[\w.]+(Error|Exception|Failed)\b", line)]
    return named[-1][:200] if named else f"it ended with exit code {code}"


def _is_there(package: str) -> bool:
    with contextlib.suppress(ImportError, ValueError):
        return importlib.util.find_spec(package.replace("-", "_")) is not None
    return False


def _threads() -> int:
    import torch

    return torch.get_num_threads()


def _devices() -> list[str]:
    """Of every accelerator its name and memory."""
    import torch

    found = []
    for i in range(torch.cuda.device_count()):
        about = torch.cuda.get_device_properties(i)
        found.append(f"cuda:{i} {about.name}, {about.total_memory / _provenance.GIBIBYTE:.0f} GiB")
    if not found and torch.accelerator.is_available():
        found.append(str(torch.accelerator.current_accelerator()))
    return found


def computes() -> bool | str:
    """Whether a derivative of a small network comes out, on the device that is taken by default."""
    import torch

    try:
        device = torch.accelerator.current_accelerator() if torch.accelerator.is_available() else torch.device("cpu")
        x = torch.linspace(-1, 1, 64, device=device, requires_grad=True)
        (slope,) = torch.autograd.grad(x @ x, x)
        return bool(torch.allclose(slope, 2 * x))
    except RuntimeError as error:
        return " ".join(str(error).split())[:200]


def _words(facts: dict[str, Any]) -> str:
    versions, system = facts["versions"], facts["system"]
    memory = "unknown" if system["memory_GiB"] is None else f"{system['memory_GiB']} GiB"
    lines = [
        "versions   " + ", ".join(f"{name} {number}" for name, number in versions.items()),
        f"system     {system['platform']}",
        f"processor  {system['cpu']}, {system['cores']} cores, {system['threads']} threads",
        f"memory     {memory}",
        f"devices    {', '.join(facts['devices']) or 'no accelerator: everything runs on the processor'}",
        f"torch      {'computes' if facts['computes'] is True else 'FAILS: ' + str(facts['computes'])}",
        f"compile    {_of_compiling(facts['compiles'])}",
    ]
    for extra, packages in facts["extras"].items():
        missing = [name for name, there in packages.items() if not there]
        told = f"no {', '.join(missing)}: pip install 'unnoise[{extra}]'" if missing else ", ".join(packages)
        lines.append(f"{extra:<10} {told}")
    return "\n".join(lines)


def _of_compiling(found: bool | str | None) -> str:
    if found is None:
        return "not tried"
    return "torch.compile works" if found is True else f"torch.compile does not work, and need not ({found})"
