"""Mixtures of product laws fitted by EM, their groups of cells, sizes and priors chosen by held-out rows."""

from unnoise.laws.latent_classes.em import Prior as Prior
from unnoise.laws.latent_classes.em import em_step as em_step
from unnoise.laws.latent_classes.fitting import fit_latent_classes as fit_latent_classes
from unnoise.laws.latent_classes.groups import COMPONENTS as COMPONENTS
from unnoise.laws.latent_classes.groups import CROSSED as CROSSED
from unnoise.laws.latent_classes.rows import WeightedRows as WeightedRows
