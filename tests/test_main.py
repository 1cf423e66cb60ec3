"""How the command line begins: Ctrl-C while modules are imported is no traceback."""

from __future__ import annotations

import subprocess
import sys

import pytest

PRESSED = """
import signal, sys, weakref
from unnoise.__main__ import main

signal.signal(signal.SIGINT, signal.default_int_handler)  # where tests run in the background it is ignored

class Thing:
    pass

def press(*_):
    signal.raise_signal(signal.SIGINT)

class Pressing:
    def find_spec(self, name, path, target=None):
        if name == "unnoise.cli":
            {press}

sys.meta_path.insert(0, Pressing())
main()
"""
# At the end of an import Python calls back by a weak reference, where an exception is printed and lost.
WHERE = {
    "in an import": "press()",
    "in what it calls back": "thing = Thing(); kept = weakref.ref(thing, press); del thing",
}


@pytest.mark.parametrize("press", WHERE.values(), ids=WHERE)
def test_ctrl_c_while_modules_are_imported_is_one_line(press: str) -> None:
    done = subprocess.run([sys.executable, "-c", PRESSED.format(press=press)], capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "unnoise: interrupted\n")


def test_nothing_but_the_package_is_imported_before_ctrl_c_is_met() -> None:
    """What takes long before `main` begins is time in which Ctrl-C is a traceback."""
    code = "import sys; before = set(sys.modules); import unnoise.__main__; print(*sorted(set(sys.modules) - before))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    new = {name for name in done.stdout.split() if not name.startswith("importlib")}
    assert new <= {"__future__", "unnoise", "unnoise.__main__", "unnoise._version", "warnings"}
