"""How good predictions are: metrics, their intervals by the jackknife, and the comparison of models on the test subset.

Pure functions of arrays and tables: nothing is read or written here, and nothing is known of how a model was made.
"""

from mineral_pipeline.evaluation.calibration import perfect_calibration_error
from mineral_pipeline.evaluation.combination import Results, average, incomplete, join_folds
from mineral_pipeline.evaluation.comparison import HeldOut, ModelPredictions, Terms, compare_models, prediction_table
from mineral_pipeline.evaluation.groups import Groups, find_groups
from mineral_pipeline.evaluation.jackknife import Jackknife, interval, jackknife
from mineral_pipeline.evaluation.metrics import Metrics, measure, score
from mineral_pipeline.evaluation.rankings import LIMIT, MODEL, RIVAL, Places, Ranking, compare_rankings
from mineral_pipeline.evaluation.resampling import Resampling
from mineral_pipeline.evaluation.success import SuccessCurve, describe_success, success_curve

__all__ = [
    "LIMIT",
    "MODEL",
    "RIVAL",
    "Groups",
    "HeldOut",
    "Jackknife",
    "Metrics",
    "ModelPredictions",
    "Places",
    "Ranking",
    "Resampling",
    "Results",
    "SuccessCurve",
    "Terms",
    "average",
    "compare_models",
    "compare_rankings",
    "describe_success",
    "find_groups",
    "incomplete",
    "interval",
    "jackknife",
    "join_folds",
    "measure",
    "perfect_calibration_error",
    "prediction_table",
    "score",
    "success_curve",
]
