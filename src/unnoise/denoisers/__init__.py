"""Denoisers: (x_t, t, cond) -> the statistic that undoes the noise."""

from unnoise.denoisers import likelihoods as likelihoods
from unnoise.denoisers.answering import Answering as Answering
from unnoise.denoisers.answering import question as question
from unnoise.denoisers.base import AnyQuestion as AnyQuestion
from unnoise.denoisers.base import Denoiser as Denoiser
from unnoise.denoisers.base import HasDensity as HasDensity
from unnoise.denoisers.base import Look as Look
from unnoise.denoisers.base import Roles as Roles
from unnoise.denoisers.classifier_free import ClassifierFree as ClassifierFree
from unnoise.denoisers.composed import Composed as Composed
from unnoise.denoisers.ensemble import Ensemble as Ensemble
from unnoise.denoisers.exact import ClosedForm as ClosedForm
from unnoise.denoisers.exact import Exact as Exact
from unnoise.denoisers.exact import ExactMixture as ExactMixture
from unnoise.denoisers.guided import Guided as Guided
from unnoise.denoisers.heat_mixture import HeatMixture as HeatMixture
from unnoise.denoisers.neural import Neural as Neural
from unnoise.denoisers.normal_mixture import NormalMixture as NormalMixture
from unnoise.denoisers.pooled import Pooled as Pooled
from unnoise.denoisers.product_mixture import ExactProductMixture as ExactProductMixture
from unnoise.denoisers.residual import Residual as Residual
from unnoise.denoisers.started import Started as Started
