"""Samplers: run a learnt process backwards, from noise to data."""

from unnoise.laws.categorical import effective_size as effective_size
from unnoise.samplers import forms as forms
from unnoise.samplers import grids as grids
from unnoise.samplers.adaptive import Adaptive as Adaptive
from unnoise.samplers.adaptive import Solution as Solution
from unnoise.samplers.ancestral import DDIM as DDIM
from unnoise.samplers.ancestral import Ancestral as Ancestral
from unnoise.samplers.ancestral import ChainSteps as ChainSteps
from unnoise.samplers.ancestral import Perturbed as Perturbed
from unnoise.samplers.base import Sampler as Sampler
from unnoise.samplers.checks import InaccurateSamplesWarning as InaccurateSamplesWarning
from unnoise.samplers.corrector import PredictorCorrector as PredictorCorrector
from unnoise.samplers.euler import Euler as Euler
from unnoise.samplers.exact_jumps import FirstHitting as FirstHitting
from unnoise.samplers.exact_jumps import Uniformisation as Uniformisation
from unnoise.samplers.heun import Heun as Heun
from unnoise.samplers.multistep import Multistep as Multistep
from unnoise.samplers.multistep import dpm_solver_pp as dpm_solver_pp
from unnoise.samplers.multistep import linear_multistep as linear_multistep
from unnoise.samplers.particles import Particles as Particles
from unnoise.samplers.tau_leaping import TauLeaping as TauLeaping
from unnoise.samplers.tuning import tune as tune
from unnoise.samplers.twisted import TwistedSMC as TwistedSMC
