"""Targets: laws and unnormalised densities with known answers, for samplers and chains to be tried on."""

from unnoise.targets.base import NormalisedTarget as NormalisedTarget
from unnoise.targets.base import Target as Target
from unnoise.targets.curved import Funnel as Funnel
from unnoise.targets.curved import Rings as Rings
from unnoise.targets.gaussians import EllipticalGaussian as EllipticalGaussian
from unnoise.targets.gaussians import Modes as Modes
from unnoise.targets.gaussians import TwoModes as TwoModes
from unnoise.targets.gaussians import ring as ring
from unnoise.targets.logistic import LogisticRegression as LogisticRegression
from unnoise.targets.phi4 import Phi4 as Phi4
from unnoise.targets.spins import Ising as Ising
from unnoise.targets.spins import Potts as Potts
