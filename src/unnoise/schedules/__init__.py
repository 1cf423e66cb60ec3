"""Scalar functions of time: a value, its rate and its inverse."""

from unnoise.schedules.base import ByLogSNR as ByLogSNR
from unnoise.schedules.base import Schedule as Schedule
from unnoise.schedules.learned import Learned as Learned
from unnoise.schedules.levels import LinearLogSNR as LinearLogSNR
from unnoise.schedules.levels import LogitLogSNR as LogitLogSNR
from unnoise.schedules.levels import LogSNR as LogSNR
from unnoise.schedules.levels import PowerLogSNR as PowerLogSNR
from unnoise.schedules.levels import SquaredNoise as SquaredNoise
from unnoise.schedules.rates import Cosine as Cosine
from unnoise.schedules.rates import Erasing as Erasing
from unnoise.schedules.rates import Exponential as Exponential
from unnoise.schedules.rates import Geometric as Geometric
from unnoise.schedules.rates import Linear as Linear
