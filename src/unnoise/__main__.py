"""The command line; `python -m unnoise`, as accelerate launches it, is the same."""

from __future__ import annotations

import os
import sys


def main() -> None:
    """Run it; Ctrl-C while modules are imported is no traceback."""
    try:
        import signal

        usual = signal.getsignal(signal.SIGINT) is signal.default_int_handler  # nohup ignores it
        if usual:
            signal.signal(signal.SIGINT, _leave)
        from unnoise.cli import main as run

        if usual:
            signal.signal(signal.SIGINT, signal.default_int_handler)
    except KeyboardInterrupt:
        _leave()
    run()


def _leave(*_: object) -> None:
    """End at once: an exception would get lost in what Python calls back at the end of an import, or be wrapped."""
    try:
        os.write(2, b"unnoise: interrupted\n")
    finally:  # also where the error stream is closed
        os._exit(130)


if __name__ == "__main__":
    if not sys.flags.safe_path:  # Python looks in this folder first, where a user's random.py would hide its own
        sys.path.append(sys.path.pop(0))
    main()
