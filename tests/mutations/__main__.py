"""Do the tests see small mistakes? Makes named mistakes in a copy of the source, one at a time, and runs tests on it.

python tests/mutations                  # all, in two copies at once
python tests/mutations NAME ...         # some: names, or parts of files such as samplers/
python tests/mutations --list
python tests/mutations --write          # also results/mutations.json
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from mutation import ROOT, Mutation, facts, read, run


def chosen(names: list[str]) -> list[Mutation]:
    """The mutations of these names or places; all without any."""
    every = read()
    some = [one for one in every if not names or any(name == one.name or name in one.file for name in names)]
    if unknown := [name for name in names if not any(name == one.name or name in one.file for one in every)]:
        sys.exit(f"there is no mutation {unknown[0]!r}; --list shows all")
    return some


def main() -> int:
    """Run what was asked for; 1 if a mutation lives that changes something, or the table is out of date."""
    parser = argparse.ArgumentParser(prog="python tests/mutations", description=__doc__.split("\n")[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help="a mutation, or a part of its file's path")
    parser.add_argument("--list", action="store_true", help="name all mutations and run none")
    parser.add_argument("--jobs", type=int, default=2, help="how many at once, each on a copy of the source")
    parser.add_argument("--write", action="store_true", help="write results/mutations.json")
    asked = parser.parse_args()
    some, start = chosen(asked.names), time.monotonic()
    if asked.list:
        print("\n".join(f"{one.file:34}  {one.name}" for one in some))
        return 0
    outcomes = run(some, asked.jobs)
    found = facts(outcomes)
    print("", *(f"{one.mutation.name}: {one.excuse}" for one in outcomes if not one.killed), sep="\n")
    print(f"{found['killed']} of {found['mutations']} killed")
    if asked.write:
        from unnoise._provenance import write_results

        command = "python tests/mutations --write"
        write_results("mutations", ROOT / "results", measured=found, seconds=time.monotonic() - start, command=command)
    return int(any(not one.killed and not one.mutation.equivalent for one in outcomes))


if __name__ == "__main__":
    sys.exit(main())
