"""From a prior and a simulator to a calibrated posterior."""

from unnoise.inference.by_likelihood import PosteriorByLikelihood as PosteriorByLikelihood
from unnoise.inference.familiarity import Familiarity as Familiarity
from unnoise.inference.fitting import posterior as posterior
from unnoise.inference.fitting_likelihood import likelihood as likelihood
from unnoise.inference.likelihoods import LearntLikelihood as LearntLikelihood
from unnoise.inference.parameters import Parameters as Parameters
from unnoise.inference.parameters import Part as Part
from unnoise.inference.posteriors import AmortisedPosterior as AmortisedPosterior
from unnoise.inference.priors import ParameterPrior as ParameterPrior
from unnoise.inference.priors import as_prior as as_prior
from unnoise.inference.reweighted import Reweighted as Reweighted
from unnoise.inference.simulating import simulate as simulate
from unnoise.inference.simulations import Simulations as Simulations
