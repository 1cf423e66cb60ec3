"""Measure a model: likelihoods, baselines, two-sample tests, neighbours."""

from unnoise.evaluation.baselines import Baseline, fit_baselines, independent_log_prob
from unnoise.evaluation.bits import bits_per_dimension
from unnoise.evaluation.bound import Bound, ImplicitBound
from unnoise.evaluation.decoders import BinDecoder, Decoder, SoftmaxDecoder
from unnoise.evaluation.dequantised import DequantisedLikelihood, NoiseCells
from unnoise.evaluation.distances import sliced_wasserstein, wasserstein
from unnoise.evaluation.likelihood import Estimate, Likelihood
from unnoise.evaluation.neighbours import Memorisation, Neighbours, memorisation, nearest_training
from unnoise.evaluation.probability_flow import ProbabilityFlow
from unnoise.evaluation.random_orders import RandomOrders
from unnoise.evaluation.step_bound import ImportanceWeighted, StepBound, entropy_bounds
from unnoise.evaluation.two_sample import ClassifierTest, EnergyDistance, classifier_test, energy_distance
from unnoise.evaluation.von_mises import SphereKernelDensity

__all__ = [
    "Baseline",
    "BinDecoder",
    "Bound",
    "ClassifierTest",
    "Decoder",
    "DequantisedLikelihood",
    "EnergyDistance",
    "Estimate",
    "ImplicitBound",
    "ImportanceWeighted",
    "Likelihood",
    "Memorisation",
    "Neighbours",
    "NoiseCells",
    "ProbabilityFlow",
    "RandomOrders",
    "SoftmaxDecoder",
    "SphereKernelDensity",
    "StepBound",
    "bits_per_dimension",
    "classifier_test",
    "energy_distance",
    "entropy_bounds",
    "fit_baselines",
    "independent_log_prob",
    "memorisation",
    "nearest_training",
    "sliced_wasserstein",
    "wasserstein",
]
