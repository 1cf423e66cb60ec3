"""Targets: laws and unnormalised densities with known answers, for samplers and chains to be tried on."""

from unnoise.targets.base import Target as Target
from unnoise.targets.ellipse import EllipticalGaussian as EllipticalGaussian
from unnoise.targets.funnel import Funnel as Funnel
from unnoise.targets.logistic import LogisticRegression as LogisticRegression
from unnoise.targets.modes import Modes as Modes
from unnoise.targets.modes import TwoModes as TwoModes
from unnoise.targets.modes import ring as ring
from unnoise.targets.phi4 import Phi4 as Phi4
from unnoise.targets.rings import Rings as Rings
from unnoise.targets.spins import Ising as Ising
from unnoise.targets.spins import Potts as Potts
