"""Command lines that run in a child, and what their ends are worth."""

from __future__ import annotations

import re
from functools import partial
from pathlib import Path

from _faults_children import fork
from _faults_models import content
from _faults_signals import command

REFUSED, ANY, DONE = "refused", "any", "done"  # what is expected


def run(work: Path, words: list[str], changes: set[str], seconds: float = 20.0) -> tuple[str, str]:
    """Run a command; what did not hold, or ("", "done" or "refused" and what was said).

    Args:
        work: the working directory.
        words: of the command, after unnoise.
        changes: names in `work` that it may change.
        seconds: after which it hangs.
    """
    before, said = content(work), work.parent / "said"
    said.unlink(missing_ok=True)
    end = fork(partial(command, *words), said, seconds).wait()
    text = said.read_text(encoding="utf-8", errors="replace")
    after = content(work)
    foreign = {name for name in before.keys() | after.keys() if before.get(name) != after.get(name)}
    foreign = {name for name in foreign if name.partition("/")[0] not in changes | {"__pycache__"}}
    if foreign:
        return f"changed {', '.join(sorted(foreign))[:200]}", text
    return judged(end, text), text


def judged(end: str, text: str) -> str:
    """DONE, REFUSED (exit 2), "failed" (exit 1, or 130 after an interrupt), or what is wrong with this end."""
    lines = [line for line in text.splitlines() if line.strip()]
    if "Traceback (most recent" in text:
        return f"traceback: {lines[-1][:300]}"
    if not end:
        return DONE
    sentences = [line for line in lines if line.startswith("unnoise: ") and not line.startswith("unnoise: warning")]
    if end in ("exit 1", "exit 2", "exit 130") and len(sentences) == 1:
        if len(sentences[0]) > 2000:
            return f"a sentence of {len(sentences[0])} characters: {sentences[0][:100]}"
        return REFUSED if end == "exit 2" else "failed"
    if end == "exit 2" and re.search(r"Usage: .*Error", text, re.DOTALL):
        return REFUSED
    return f"{end}: {' '.join(lines[-3:])[-300:]}"


def against(found: str, text: str, expected: str) -> str:
    """What a verdict is, held against what was expected; "" if it holds."""
    if found not in (DONE, REFUSED, "failed"):
        return found
    if expected == REFUSED and found != REFUSED:
        tail = " ".join(text.split())[-200:]
        return f"silent: {tail}" if found == DONE else f"exit 1, not 2: {tail}"
    if expected == DONE and found != DONE:
        return f"refused what is right: {' '.join(text.split())[-300:]}"
    return ""
