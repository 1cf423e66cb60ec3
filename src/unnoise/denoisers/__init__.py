"""Denoisers: (x_t, t, cond) -> the statistic that undoes the noise."""

from unnoise.denoisers.base import Denoiser as Denoiser
from unnoise.denoisers.exact import Exact as Exact
from unnoise.denoisers.exact import ExactMixture as ExactMixture
from unnoise.denoisers.heads import X0 as X0
from unnoise.denoisers.heads import Eps as Eps
from unnoise.denoisers.heads import Head as Head
from unnoise.denoisers.heads import Preconditioned as Preconditioned
from unnoise.denoisers.heads import Score as Score
from unnoise.denoisers.heads import V as V
from unnoise.denoisers.neural import Neural as Neural
