"""The command line; `python -m unnoise`, as accelerate launches it, is the same."""

from __future__ import annotations

import sys


def main() -> None:
    """Run it; Ctrl-C is no error while modules are imported, nor before a verb runs."""
    try:
        from unnoise import cli

        cli.main()
    except KeyboardInterrupt:
        print("unnoise: interrupted", file=sys.stderr)
        sys.exit(130)


if __name__ == "__main__":
    if not sys.flags.safe_path:  # Python looks in this folder first, where a user's random.py would hide its own
        sys.path.append(sys.path.pop(0))
    main()
