"""Probability laws: draw from them, ask for their log density."""

from unnoise.laws.base import HasEntropy as HasEntropy
from unnoise.laws.base import HasRatios as HasRatios
from unnoise.laws.base import Law as Law
from unnoise.laws.base import LogDensity as LogDensity
from unnoise.laws.base import Scored as Scored
from unnoise.laws.categorical import Categorical as Categorical
from unnoise.laws.components import CategoricalComponents as CategoricalComponents
from unnoise.laws.components import Components as Components
from unnoise.laws.components import NormalComponents as NormalComponents
from unnoise.laws.components import OrderedComponents as OrderedComponents
from unnoise.laws.components import PoissonComponents as PoissonComponents
from unnoise.laws.components import WrappedNormalComponents as WrappedNormalComponents
from unnoise.laws.dirichlet import Dirichlet as Dirichlet
from unnoise.laws.latent_classes import fit_latent_classes as fit_latent_classes
from unnoise.laws.mixture import GaussianMixture as GaussianMixture
from unnoise.laws.normal import Normal as Normal
from unnoise.laws.normal_mixtures import NormalMixtures as NormalMixtures
from unnoise.laws.product import Independent as Independent
from unnoise.laws.product_mixture import ProductMixture as ProductMixture
from unnoise.laws.thinning import BinomialBirths as BinomialBirths
from unnoise.laws.thinning import BinomialThinning as BinomialThinning
from unnoise.laws.wrapped_normal import WrappedNormal as WrappedNormal
from unnoise.laws.wright_fisher import WrightFisherKernel as WrightFisherKernel
