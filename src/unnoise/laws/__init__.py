"""Probability laws: draw from them, ask for their log density."""

from unnoise.laws.base import HasEntropy as HasEntropy
from unnoise.laws.base import Law as Law
from unnoise.laws.base import LogDensity as LogDensity
from unnoise.laws.base import Scored as Scored
from unnoise.laws.categorical import Categorical as Categorical
from unnoise.laws.dirichlet import Dirichlet as Dirichlet
from unnoise.laws.mixture import GaussianMixture as GaussianMixture
from unnoise.laws.normal import Normal as Normal
from unnoise.laws.product import Independent as Independent
from unnoise.laws.thinning import BinomialBirths as BinomialBirths
from unnoise.laws.thinning import BinomialThinning as BinomialThinning
from unnoise.laws.wrapped_normal import WrappedNormal as WrappedNormal
from unnoise.laws.wright_fisher import WrightFisherKernel as WrightFisherKernel
