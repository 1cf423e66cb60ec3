"""How unnoise says no, and how it warns."""

from __future__ import annotations

import os
import sys
import warnings
from pathlib import Path


class InputError(ValueError):
    """What was given cannot be used; one sentence says what to do.

    The command line prints it and exits with 2.
    """


class NonFiniteError(FloatingPointError):
    """A NaN or an infinity, at the step, time and leaf that the message names.

    The command line prints it and exits with 1.
    """


def warn(message: str, kind: type[Warning] = UserWarning) -> None:
    """A warning that shows the line of the user that led to it, however many calls lie between."""
    level, frame = 1, sys._getframe()
    between = tuple(
        f"{Path(sys.modules[name].__file__ or '').parent}{os.sep}"
        for name in ("unnoise", "torch")
        if name in sys.modules
    )
    while frame.f_back is not None and frame.f_code.co_filename.startswith(between):  # torch wraps calls
        level, frame = level + 1, frame.f_back
    warnings.warn(message, kind, stacklevel=level)
