"""Noising processes: generator, kernel, prior, what to learn, and what the reverse is."""

from unnoise.processes.base import Bridged as Bridged
from unnoise.processes.base import HasKernel as HasKernel
from unnoise.processes.base import Process as Process
from unnoise.processes.gaussian import EDM as EDM
from unnoise.processes.gaussian import AffineGaussian as AffineGaussian
from unnoise.processes.gaussian import RectifiedFlow as RectifiedFlow
from unnoise.processes.gaussian import SubVariancePreserving as SubVariancePreserving
from unnoise.processes.gaussian import VarianceExploding as VarianceExploding
from unnoise.processes.gaussian import VariancePreserving as VariancePreserving
