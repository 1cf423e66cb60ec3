"""The table of mutations is up to date, and the script tells those that tests see from those that they do not."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from mutation import BROKEN, STALE, SURVIVED, TABLES, Mutation, Outcome, facts, outcome, read, run

BITS = "tests/evaluation/test_bits.py::test_uniform_noise_costs_eight_bits_by_every_road"
SEEN = Mutation("log-of-e", "evaluation/bits.py", "math.log2(step)", "math.log(step)", (BITS,))
EQUAL = Mutation("twice-minus", "evaluation/bits.py", "return -nats /", "return - - -nats /", (BITS,), "it is equal")


def test_every_mutation_changes_one_place_and_names_tests_that_exist() -> None:
    assert not [fault for mutation in read() for fault in mutation.faults()]


def test_tables_are_by_folder_and_no_name_is_given_twice() -> None:
    every = read()
    assert len(every) >= 150
    assert len({mutation.name for mutation in every}) == len(every)
    folders = {path.stem for path in TABLES.glob("*.toml")}
    assert folders == {mutation.file.split("/")[0] if "/" in mutation.file else "storage" for mutation in every}


@pytest.mark.parametrize(
    ("wrong", "fault"),
    [
        ({"old": "math.log"}, "its text stands 3 times in src/unnoise/evaluation/bits.py; expected once"),
        ({"file": "evaluation/gone.py"}, "its text stands 0 times"),
        ({"new": "math.log2(step)"}, "it changes nothing"),
        ({"tests": ()}, "it names no test"),
        ({"tests": ("tests/evaluation/test_bits.py::test_gone",)}, "there is no test"),
        ({"tests": ("tests/evaluation/test_gone.py",)}, "there is no test"),
    ],
)
def test_an_entry_that_is_out_of_date_is_told(wrong: dict[str, str], fault: str, tmp_path: Path) -> None:
    """And nothing is run: in this folder stands no source to mutate."""
    stale = replace(SEEN, **wrong)
    assert [fault in words for words in stale.faults()] == [True]
    assert outcome(stale, tmp_path).killed_by == STALE


def test_what_tests_see_is_killed_and_what_changes_nothing_survives() -> None:
    killed, equal = run([SEEN, EQUAL], jobs=2)
    assert (killed.killed_by, killed.killed) == (BITS, True)
    assert (equal.killed_by, equal.killed) == (SURVIVED, False)
    assert facts([killed, equal]) == {
        "mutations": 2,
        "killed": 1,
        "killed_by": {"log-of-e": BITS},
        "not_killed": {"twice-minus": "survived: it is equal"},
    }


def test_what_cannot_be_imported_is_no_kill() -> None:
    broken = Outcome(SEEN, BROKEN, 1.0)
    assert not broken.killed
    assert broken.excuse == "broken: the source cannot be imported"
