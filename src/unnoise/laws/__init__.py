"""Probability laws: draw from them, ask for their log density."""

from unnoise.laws.base import Law as Law
from unnoise.laws.mixture import GaussianMixture as GaussianMixture
from unnoise.laws.normal import Normal as Normal
