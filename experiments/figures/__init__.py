"""Figures that only the experiments and benchmarks draw: every function returns a `matplotlib.figure.Figure`."""

from experiments.figures.beside import beside
from experiments.figures.clouds import clouds
from experiments.figures.dots import Panel, dots
from experiments.figures.forth_and_back import Cloud, Field, forth_and_back
from experiments.figures.intervals import intervals
from experiments.figures.laws import laws_beside
from experiments.figures.maps import density_map
from experiments.figures.modes import two_modes, weights_and_widths
from experiments.figures.poses import picture_table, pose_maps
from experiments.figures.schedules import ScheduleCurve, schedules
from experiments.figures.sequences import letter_rows, logos
from experiments.figures.solvers import ErrorCurve, error_curves
from experiments.figures.texts import texts

__all__ = [
    "Cloud",
    "ErrorCurve",
    "Field",
    "Panel",
    "ScheduleCurve",
    "beside",
    "clouds",
    "density_map",
    "dots",
    "error_curves",
    "forth_and_back",
    "intervals",
    "laws_beside",
    "letter_rows",
    "logos",
    "picture_table",
    "pose_maps",
    "schedules",
    "texts",
    "two_modes",
    "weights_and_widths",
]
