"""Figures for reports and results: every function returns a `matplotlib.figure.Figure`."""

from unnoise.report.plots._style import png as png
from unnoise.report.plots.calibration import calibration_curves as calibration_curves
from unnoise.report.plots.chains import mixing as mixing
from unnoise.report.plots.columns import marginals as marginals
from unnoise.report.plots.columns import pairs as pairs
from unnoise.report.plots.columns import points_filmstrip as points_filmstrip
from unnoise.report.plots.curves import likelihood_bars as likelihood_bars
from unnoise.report.plots.images import class_grid as class_grid
from unnoise.report.plots.images import filmstrip as filmstrip
from unnoise.report.plots.images import image_grid as image_grid
from unnoise.report.plots.images import neighbour_grid as neighbour_grid
from unnoise.report.plots.levels import token_frequencies as token_frequencies
from unnoise.report.plots.places import angle_pairs as angle_pairs
from unnoise.report.plots.places import rotation_map as rotation_map
from unnoise.report.plots.places import world_map as world_map
from unnoise.report.plots.walks import annealing_path as annealing_path
from unnoise.report.plots.walks import integrals as integrals
from unnoise.report.plots.walks import ranks as ranks
from unnoise.report.plots.walks import scatter_matrix as scatter_matrix
from unnoise.report.plots.worst import pair as pair
