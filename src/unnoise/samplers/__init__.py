"""Samplers: run a learnt process backwards, from noise to data."""

from unnoise.samplers import grids as grids
from unnoise.samplers.ancestral import DDIM as DDIM
from unnoise.samplers.ancestral import Ancestral as Ancestral
from unnoise.samplers.base import Sampler as Sampler
from unnoise.samplers.euler import Euler as Euler
from unnoise.samplers.heun import Heun as Heun
