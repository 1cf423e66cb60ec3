"""The benchmark's own children: each end is told apart, and none takes the parent with it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from _faults_verdicts import ANY, DONE, REFUSED, against, judged

ENDS = {
    "held": ("return ''", ""),
    "a fault": ("return 'wrong'", "wrong"),
    "an error": ("raise ValueError('no')", "exit 70: ValueError: no"),
    "killed": ("os.kill(os.getpid(), signal.SIGKILL)", "died of SIGKILL"),
    "hangs": ("time.sleep(60)", "hang: longer than 1 s"),
    "grows": ("held = b'x' * (5 * 2**28); time.sleep(60)", "memory: "),
    "exits": ("sys.exit(0)", "no verdict"),
}


def test_ends_of_children(tmp_path: Path) -> None:
    functions = "\n".join(f"def case{i}(work):\n    {work}" for i, (work, _) in enumerate(ENDS.values()))
    program = (
        "import os, signal, sys, time; from pathlib import Path\n"
        f"sys.path.insert(0, {str(Path(__file__).resolve().parents[2] / 'benchmarks')!r})\n"
        f"from _faults_children import Case, outcomes\n{functions}\n"
        f"cases = [Case('k', str(i), globals()[f'case{{i}}'], seconds=1 if name == 'hangs' else 30) "
        f"for i, name in enumerate({list(ENDS)})]\n"
        f"for case, fault in outcomes(cases, Path({str(tmp_path)!r})): print(case.name, fault)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    found = dict(line.partition(" ")[::2] for line in done.stdout.splitlines())
    assert len(found) == len(ENDS)
    for number, (_, expected) in enumerate(ENDS.values()):
        assert found[str(number)].startswith(expected)
        assert expected or not found[str(number)]
    assert not list(tmp_path.iterdir())


SENTENCE = "unnoise: got x; expected y"


@pytest.mark.parametrize(
    ("end", "said", "expected", "holds"),
    [
        ("", "wrote 3 rows", DONE, True),
        ("", "wrote 3 rows", REFUSED, False),
        ("exit 2", SENTENCE, REFUSED, True),
        ("exit 2", f"unnoise: warning: z\n{SENTENCE}", REFUSED, True),
        ("exit 2", SENTENCE, DONE, False),
        ("exit 1", SENTENCE, REFUSED, False),
        ("exit 1", SENTENCE, ANY, True),
        ("exit 2", "Usage: unnoise fit\nError: no such option", REFUSED, True),
        ("exit 2", "", ANY, False),
        ("exit 1", f"Traceback (most recent call last):\nValueError\n{SENTENCE}", ANY, False),
        ("died of SIGSEGV", "", ANY, False),
        ("exit 2", f"unnoise: {'x' * 5000}", ANY, False),
    ],
)
def test_ends_of_commands(end: str, said: str, expected: str, holds: bool) -> None:
    assert (against(judged(end, said), said, expected) == "") == holds
