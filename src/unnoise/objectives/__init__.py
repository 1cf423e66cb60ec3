"""Objectives: how far a denoiser is from the exact one, estimated on data."""

from unnoise.objectives import snr_form as snr_form
from unnoise.objectives import times as times
from unnoise.objectives import weightings as weightings
from unnoise.objectives.any_order import AnyOrder as AnyOrder
from unnoise.objectives.base import Loss as Loss
from unnoise.objectives.base import Objective as Objective
from unnoise.objectives.denoising import Denoising as Denoising
from unnoise.objectives.dequantisation import Dequantisation as Dequantisation
from unnoise.objectives.dequantisation import Dequantised as Dequantised
from unnoise.objectives.dequantisation import LogitNormalCells as LogitNormalCells
from unnoise.objectives.dequantisation import UniformCells as UniformCells
from unnoise.objectives.dequantisation import WithCells as WithCells
from unnoise.objectives.implicit import Implicit as Implicit
from unnoise.objectives.maximum_likelihood import MaximumLikelihood as MaximumLikelihood
from unnoise.objectives.score_matching import ScoreMatching as ScoreMatching
from unnoise.objectives.steps import StepKL as StepKL
from unnoise.objectives.steps import ddpm as ddpm
from unnoise.objectives.vdm import VDM as VDM
