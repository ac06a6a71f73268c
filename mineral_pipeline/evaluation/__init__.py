"""How good predictions are: metrics, their intervals by the jackknife, and the comparison of models on the test subset.

Pure functions of arrays and tables: nothing is read or written here, and nothing is known of how a model was made.
"""

from mineral_pipeline.evaluation.applicability import Applicability, fit_applicability, upper_whisker
from mineral_pipeline.evaluation.bar import sees_pixels
from mineral_pipeline.evaluation.calibration import perfect_calibration_error
from mineral_pipeline.evaluation.combination import Results, average, incomplete, join_folds
from mineral_pipeline.evaluation.comparison import (
    Calibrated,
    HeldOut,
    ModelPredictions,
    Terms,
    compare_models,
    prediction_table,
)
from mineral_pipeline.evaluation.conformal import ConformalIntervals, fit_conformal
from mineral_pipeline.evaluation.conversion import Conversion, Shares
from mineral_pipeline.evaluation.expected_number import NumberGivenOne, fit_number_given_one
from mineral_pipeline.evaluation.groups import Groups, find_groups
from mineral_pipeline.evaluation.jackknife import Jackknife, interval, jackknife
from mineral_pipeline.evaluation.metrics import Metrics, measure, score
from mineral_pipeline.evaluation.probability import Calibration, fit_calibration, to_shares
from mineral_pipeline.evaluation.rankings import LIMIT, MODEL, RIVAL, Places, Ranking, compare_rankings
from mineral_pipeline.evaluation.reliability import reliability
from mineral_pipeline.evaluation.resampling import Resampling
from mineral_pipeline.evaluation.success import SuccessCurve, describe_success, success_curve

__all__ = [
    "LIMIT",
    "MODEL",
    "RIVAL",
    "Applicability",
    "Calibrated",
    "Calibration",
    "ConformalIntervals",
    "Conversion",
    "Groups",
    "HeldOut",
    "Jackknife",
    "Metrics",
    "ModelPredictions",
    "NumberGivenOne",
    "Places",
    "Ranking",
    "Resampling",
    "Results",
    "Shares",
    "SuccessCurve",
    "Terms",
    "average",
    "compare_models",
    "compare_rankings",
    "describe_success",
    "find_groups",
    "fit_applicability",
    "fit_calibration",
    "fit_conformal",
    "fit_number_given_one",
    "incomplete",
    "interval",
    "jackknife",
    "join_folds",
    "measure",
    "perfect_calibration_error",
    "prediction_table",
    "reliability",
    "score",
    "sees_pixels",
    "success_curve",
    "to_shares",
    "upper_whisker",
]
