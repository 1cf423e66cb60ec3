"""How good is it: baselines, two-sample tests, neighbours, figures and the report."""

from unnoise.evaluation import plots
from unnoise.evaluation.baselines import Baseline, fit_baselines
from unnoise.evaluation.distances import sliced_wasserstein, wasserstein
from unnoise.evaluation.implicit_bound import ImplicitBound
from unnoise.evaluation.importance import ImportanceWeighted
from unnoise.evaluation.neighbours import Copying, Neighbours, copying, nearest_training
from unnoise.evaluation.report import Report
from unnoise.evaluation.step_bound import StepBound, entropy_bounds
from unnoise.evaluation.two_sample import ClassifierTest, EnergyDistance, classifier_test, energy_distance
from unnoise.evaluation.von_mises import SphereKernelDensity

__all__ = [
    "Baseline",
    "ClassifierTest",
    "Copying",
    "EnergyDistance",
    "ImplicitBound",
    "ImportanceWeighted",
    "Neighbours",
    "Report",
    "SphereKernelDensity",
    "StepBound",
    "classifier_test",
    "copying",
    "energy_distance",
    "entropy_bounds",
    "fit_baselines",
    "nearest_training",
    "plots",
    "sliced_wasserstein",
    "wasserstein",
]
