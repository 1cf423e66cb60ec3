"""Rates of jumping between finitely many states, with their transition matrices."""

from unnoise.processes.rates.base import Rates as Rates
from unnoise.processes.rates.matrix import GaussianTarget as GaussianTarget
from unnoise.processes.rates.matrix import RateMatrix as RateMatrix
from unnoise.processes.rates.refresh import Absorbing as Absorbing
from unnoise.processes.rates.refresh import Refresh as Refresh
from unnoise.processes.rates.refresh import UniformRates as UniformRates
from unnoise.processes.rates.walks import BirthDeath as BirthDeath
from unnoise.processes.rates.walks import Cyclic as Cyclic
