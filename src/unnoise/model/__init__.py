"""The front door: fit a file, an array or a frame; get samples and likelihoods back in its own terms."""

from unnoise.model.defaults import default_likelihood as default_likelihood
from unnoise.model.defaults import default_network as default_network
from unnoise.model.defaults import default_sampler as default_sampler
from unnoise.model.estimator import DenoisingMarkovModel as DenoisingMarkovModel
from unnoise.model.estimator import load_model as load_model
from unnoise.model.estimator import load_unfitted as load_unfitted
from unnoise.model.rivals import rival as rival
