"""The published experiments, one file each: `make reproduce NAME=...` runs one and writes its numbers and pictures."""

from __future__ import annotations

import difflib
from importlib import import_module

from experiments.base import Experiment as Experiment
from experiments.base import Outcome as Outcome
from experiments.base import Published as Published
from experiments.base import Setting as Setting
from unnoise._errors import InputError

NAMES = (
    "heartbeat",
    "so3-mixture",
    "earth",
    "simplex",
    "torsions",
    "rna-torsions",
    "two-modes",
    "ncsn-toy",
    "antibody",
    "shakespeare",
    "pose",
    "posterior-logistic",
    "given-density",
    "walk-jump-digits",
    "products",
    "swiss-roll",
    "snr-invariance",
    "ddpm",
    "digits-bits",
    "dead-leaves",
    "solver-orders",
    "imputation-adult",
    "imputation-rna",
    "imputation-digits",
    "mnist-inpainting",
    "sbibm",
    "sbibm-likelihood",
    "sbibm-rounds",
    "sbibm-sets",
    "sbibm-sbi",
    "g-and-k",
    "gb1",
)


def named(name: str) -> Experiment:
    """The experiment of this name."""
    if name not in NAMES:
        near = difflib.get_close_matches(name, NAMES, n=1)
        guess = f"; did you mean {near[0]}?" if near else "."
        raise InputError(f"there is no experiment {name!r}{guess} The experiments are {', '.join(NAMES)}.")
    module = import_module(f"experiments.{name.replace('-', '_')}")
    experiment: Experiment = module.EXPERIMENT
    return experiment
