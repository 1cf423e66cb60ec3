"""Noising processes: generator, kernel, prior, what to learn, and what the reverse is."""

from unnoise.processes.base import Bridged as Bridged
from unnoise.processes.base import HasKernel as HasKernel
from unnoise.processes.base import Process as Process
from unnoise.processes.binomial import Binomial as Binomial
from unnoise.processes.binomial import BinomialChain as BinomialChain
from unnoise.processes.brownian import Brownian as Brownian
from unnoise.processes.brownian import until_mixed as until_mixed
from unnoise.processes.counts import CountProcess as CountProcess
from unnoise.processes.counts import ImmigrationDeath as ImmigrationDeath
from unnoise.processes.counts import PureDeath as PureDeath
from unnoise.processes.ctmc import CTMC as CTMC
from unnoise.processes.gaussian import EDM as EDM
from unnoise.processes.gaussian import AffineGaussian as AffineGaussian
from unnoise.processes.gaussian import RectifiedFlow as RectifiedFlow
from unnoise.processes.gaussian import SubVariancePreserving as SubVariancePreserving
from unnoise.processes.gaussian import VarianceExploding as VarianceExploding
from unnoise.processes.gaussian import VariancePreserving as VariancePreserving
from unnoise.processes.heads import Head as Head
from unnoise.processes.product import BridgedProduct as BridgedProduct
from unnoise.processes.product import Joint as Joint
from unnoise.processes.product import Product as Product
from unnoise.processes.product import ProductWithKernel as ProductWithKernel
from unnoise.processes.tangent_head import Tangent as Tangent
from unnoise.processes.user import DiffusionProcess as DiffusionProcess
from unnoise.processes.user import JumpProcess as JumpProcess
from unnoise.processes.wright_fisher import WrightFisher as WrightFisher
