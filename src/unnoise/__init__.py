"""unnoise: learn to reverse a noising Markov process, on whatever space the data lives in.

`DenoisingMarkovModel().fit(data)` is the front door; the parts it is made of are in the folders `spaces`, `processes`,
`denoisers`, `objectives`, `samplers` and `evaluation`. What is heavy is imported when it is first used.
"""

from __future__ import annotations

import importlib

from unnoise._version import __version__ as __version__

TYPE_CHECKING = False  # `typing` would take half of what Python does before Ctrl-C can be one line
if TYPE_CHECKING:
    from typing import Any

    from unnoise.model import DenoisingMarkovModel as DenoisingMarkovModel
    from unnoise.model import load_model as load
    from unnoise.report.assessment import evaluate as evaluate
    from unnoise.walking import walk as walk

_FOLDERS = [
    *("chains", "data", "denoisers", "evaluation", "heads", "inference", "laws", "networks", "objectives", "processes"),
    *("report", "samplers", "schedules", "spaces", "targets", "testing", "training", "walking"),
]
_NAMES = {
    "DenoisingMarkovModel": ("unnoise.model", "DenoisingMarkovModel"),
    "load": ("unnoise.model", "load_model"),
    "evaluate": ("unnoise.report.assessment", "evaluate"),
    "walk": ("unnoise.walking", "walk"),
    "InputError": ("unnoise._errors", "InputError"),
    "NonFiniteError": ("unnoise._errors", "NonFiniteError"),
}

__all__ = ["DenoisingMarkovModel", "InputError", "NonFiniteError", "evaluate", "load", "walk"]


def __getattr__(name: str) -> Any:
    if name in _FOLDERS:
        return importlib.import_module(f"unnoise.{name}")
    if name in _NAMES:
        module, attribute = _NAMES[name]
        return getattr(importlib.import_module(module), attribute)
    raise AttributeError(f"module 'unnoise' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *_FOLDERS, *_NAMES])
