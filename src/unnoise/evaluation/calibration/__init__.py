"""Are draws given some columns as spread as the truth? Ranks, coverage, points of reference, a local classifier."""

from unnoise.evaluation.calibration._uniform import CalibrationCurve as CalibrationCurve
from unnoise.evaluation.calibration.answers import Calibration as Calibration
from unnoise.evaluation.calibration.answers import CalibrationAnswer as CalibrationAnswer
from unnoise.evaluation.calibration.answers import calibration as calibration
from unnoise.evaluation.calibration.coverage import DensityCoverage as DensityCoverage
from unnoise.evaluation.calibration.coverage import density_coverage as density_coverage
from unnoise.evaluation.calibration.local import LocalTest as LocalTest
from unnoise.evaluation.calibration.local import local_test as local_test
from unnoise.evaluation.calibration.posteriors import Posteriors as Posteriors
from unnoise.evaluation.calibration.ranks import ColumnCalibration as ColumnCalibration
from unnoise.evaluation.calibration.ranks import IntervalCoverage as IntervalCoverage
from unnoise.evaluation.calibration.ranks import RankCalibration as RankCalibration
from unnoise.evaluation.calibration.ranks import interval_coverage as interval_coverage
from unnoise.evaluation.calibration.ranks import rank_calibration as rank_calibration
from unnoise.evaluation.calibration.tarp import PointCoverage as PointCoverage
from unnoise.evaluation.calibration.tarp import point_coverage as point_coverage
