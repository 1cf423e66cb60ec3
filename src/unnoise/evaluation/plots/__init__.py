"""Figures for reports and results: every function returns a `matplotlib.figure.Figure` and shows nothing."""

from unnoise.evaluation.plots._style import png
from unnoise.evaluation.plots.chains import autocorrelation, mixing, trace
from unnoise.evaluation.plots.clouds import clouds
from unnoise.evaluation.plots.columns import marginals, pairs, points_filmstrip
from unnoise.evaluation.plots.curves import likelihood_bars, loss_curve
from unnoise.evaluation.plots.forth_and_back import Cloud, Field, forth_and_back
from unnoise.evaluation.plots.images import class_grid, filmstrip, image_grid, neighbour_grid
from unnoise.evaluation.plots.intervals import intervals
from unnoise.evaluation.plots.levels import frequencies, token_frequencies
from unnoise.evaluation.plots.modes import two_modes, weights_and_widths
from unnoise.evaluation.plots.places import angle_pairs, density_map, world_map
from unnoise.evaluation.plots.rotations import rotation_map
from unnoise.evaluation.plots.schedules import schedules
from unnoise.evaluation.plots.sequences import letter_rows, logos
from unnoise.evaluation.plots.solvers import ErrorCurve, error_curves

__all__ = [
    "Cloud",
    "ErrorCurve",
    "Field",
    "angle_pairs",
    "autocorrelation",
    "class_grid",
    "clouds",
    "density_map",
    "error_curves",
    "filmstrip",
    "forth_and_back",
    "frequencies",
    "image_grid",
    "intervals",
    "letter_rows",
    "likelihood_bars",
    "logos",
    "loss_curve",
    "marginals",
    "mixing",
    "neighbour_grid",
    "pairs",
    "png",
    "points_filmstrip",
    "rotation_map",
    "schedules",
    "token_frequencies",
    "trace",
    "two_modes",
    "weights_and_widths",
    "world_map",
]
