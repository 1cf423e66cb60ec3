"""Measure a model: likelihoods, baselines, two-sample tests, margins, copies."""

from unnoise.evaluation.baselines import Baseline, fit_baselines, independent_log_prob
from unnoise.evaluation.bits import bits_per_dimension
from unnoise.evaluation.bound import Bound, ImplicitBound
from unnoise.evaluation.calibration import (
    Calibration,
    CalibrationAnswer,
    CalibrationCurve,
    ColumnCalibration,
    DensityCoverage,
    IntervalCoverage,
    LocalTest,
    PointCoverage,
    Posteriors,
    RankCalibration,
    calibration,
    density_coverage,
    interval_coverage,
    local_test,
    point_coverage,
    rank_calibration,
)
from unnoise.evaluation.closed_form import MixtureDensity
from unnoise.evaluation.copula import GaussianCopula, IndependentColumns
from unnoise.evaluation.copying import Copying, copying
from unnoise.evaluation.decoders import BinDecoder, Decoder, SoftmaxDecoder
from unnoise.evaluation.dequantised import DequantisedLikelihood, NoiseCells
from unnoise.evaluation.distances import sliced_wasserstein, wasserstein
from unnoise.evaluation.likelihood import Estimate, Likelihood
from unnoise.evaluation.margins import MarginDistance, PairDistance, margin_distances, pair_distances
from unnoise.evaluation.neighbours import Memorisation, Neighbours, memorisation, nearest_training
from unnoise.evaluation.probability_flow import ProbabilityFlow
from unnoise.evaluation.random_orders import RandomOrders
from unnoise.evaluation.regions import RegionCondition, TableRegion, differing_regions
from unnoise.evaluation.step_bound import ImportanceWeighted, StepBound, entropy_bounds
from unnoise.evaluation.trees import TreesTest, trees_test
from unnoise.evaluation.two_sample import ClassifierTest, EnergyDistance, classifier_test, energy_distance
from unnoise.evaluation.von_mises import SphereKernelDensity

__all__ = [
    "Baseline",
    "BinDecoder",
    "Bound",
    "Calibration",
    "CalibrationAnswer",
    "CalibrationCurve",
    "ClassifierTest",
    "ColumnCalibration",
    "Copying",
    "Decoder",
    "DensityCoverage",
    "DequantisedLikelihood",
    "EnergyDistance",
    "Estimate",
    "GaussianCopula",
    "ImplicitBound",
    "ImportanceWeighted",
    "IndependentColumns",
    "IntervalCoverage",
    "Likelihood",
    "LocalTest",
    "MarginDistance",
    "Memorisation",
    "MixtureDensity",
    "Neighbours",
    "NoiseCells",
    "PairDistance",
    "PointCoverage",
    "Posteriors",
    "ProbabilityFlow",
    "RandomOrders",
    "RankCalibration",
    "RegionCondition",
    "SoftmaxDecoder",
    "SphereKernelDensity",
    "StepBound",
    "TableRegion",
    "TreesTest",
    "bits_per_dimension",
    "calibration",
    "classifier_test",
    "copying",
    "density_coverage",
    "differing_regions",
    "energy_distance",
    "entropy_bounds",
    "fit_baselines",
    "independent_log_prob",
    "interval_coverage",
    "local_test",
    "margin_distances",
    "memorisation",
    "nearest_training",
    "pair_distances",
    "point_coverage",
    "rank_calibration",
    "sliced_wasserstein",
    "trees_test",
    "wasserstein",
]
