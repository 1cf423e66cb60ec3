"""Commands share the cores of a machine with other programs."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

ASKED = """
import sys
from unnoise import cli
assert "torch" not in sys.modules, "too late: what torch waits by is read when it is loaded"
cli.app = lambda **_: None
cli.main()
import os
print(os.environ["OMP_WAIT_POLICY"])
"""


@pytest.mark.parametrize("chosen", [None, "ACTIVE"])
def test_threads_that_wait_sleep_unless_the_environment_says_otherwise(chosen: str | None) -> None:
    """A fit of 3 s took 330 s beside one other busy program, where two threads waited for each other by spinning."""
    environment = {name: value for name, value in os.environ.items() if name != "OMP_WAIT_POLICY"}
    if chosen:
        environment["OMP_WAIT_POLICY"] = chosen
    done = subprocess.run([sys.executable, "-c", ASKED], capture_output=True, text=True, check=True, env=environment)
    assert done.stdout.strip() == (chosen or "PASSIVE")
