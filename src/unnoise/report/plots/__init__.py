"""Figures for reports and results: every function returns a `matplotlib.figure.Figure`."""

from unnoise.report.plots._style import png
from unnoise.report.plots.chains import mixing
from unnoise.report.plots.columns import marginals, pairs, points_filmstrip
from unnoise.report.plots.curves import likelihood_bars, loss_curve
from unnoise.report.plots.images import class_grid, filmstrip, image_grid, neighbour_grid
from unnoise.report.plots.levels import frequencies, token_frequencies
from unnoise.report.plots.places import angle_pairs, rotation_map, world_map

__all__ = [
    "angle_pairs",
    "class_grid",
    "filmstrip",
    "frequencies",
    "image_grid",
    "likelihood_bars",
    "loss_curve",
    "marginals",
    "mixing",
    "neighbour_grid",
    "pairs",
    "png",
    "points_filmstrip",
    "rotation_map",
    "token_frequencies",
    "world_map",
]
