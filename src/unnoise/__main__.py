"""The command line; `python -m unnoise`, as accelerate launches it, is the same."""

from __future__ import annotations

import sys


def main() -> None:
    """Run it; Ctrl-C while modules are imported is no traceback."""
    try:
        from unnoise.cli import main as run
    except KeyboardInterrupt:
        print("unnoise: interrupted", file=sys.stderr)
        sys.exit(130)
    run()


if __name__ == "__main__":
    if not sys.flags.safe_path:  # Python looks in this folder first, where a user's random.py would hide its own
        sys.path.append(sys.path.pop(0))
    main()
