"""Probability laws: draw from them, ask for their log density."""

from unnoise.laws.base import HasEntropy as HasEntropy
from unnoise.laws.base import Law as Law
from unnoise.laws.base import Smooth as Smooth
from unnoise.laws.categorical import Categorical as Categorical
from unnoise.laws.dirichlet import Dirichlet as Dirichlet
from unnoise.laws.mixture import GaussianMixture as GaussianMixture
from unnoise.laws.normal import Normal as Normal
from unnoise.laws.product import Independent as Independent
from unnoise.laws.thinned import Found as Found
from unnoise.laws.thinned import Thinned as Thinned
from unnoise.laws.wrapped_normal import WrappedNormal as WrappedNormal
from unnoise.laws.wright_fisher import WrightFisher as WrightFisher
