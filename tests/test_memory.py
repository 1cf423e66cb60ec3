"""Freed memory that is asked for again and again stays with the process."""

from __future__ import annotations

import subprocess
import sys

import pytest
import torch

from unnoise._memory import MOST, keep_freed

FAULTS = """
import resource, sys, torch
from unnoise._memory import keep_freed
x = torch.zeros(10_000, 32)
if sys.argv[1] == "keep":
    keep_freed(x)

def work():
    parts = [x + i for i in range(6)]

work()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(20):
    work()
print((resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before) / 20)
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="page faults are counted on Linux")
def test_a_loop_pays_no_longer_for_fresh_pages() -> None:
    faults = {
        word: float(subprocess.run([sys.executable, "-c", FAULTS, word], capture_output=True, text=True).stdout)
        for word in ("keep", "leave")
    }
    if faults["leave"] < 300:
        pytest.skip("this C library keeps freed memory by itself")
    assert faults["keep"] < 0.5 * faults["leave"]


def test_it_reserves_no_more_than_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    small, large = torch.ones(2, 3, dtype=torch.float64), torch.zeros(1).expand(2**40)
    elsewhere, asked = torch.zeros(3, device="meta"), []
    monkeypatch.setattr(torch, "empty", lambda size, dtype: asked.append(size))
    for like in (small, large, elsewhere):
        keep_freed(like)
    assert asked == [16 * 6 * 8, MOST]
