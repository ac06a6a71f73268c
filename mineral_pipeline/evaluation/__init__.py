"""How good predictions are: metrics, their intervals by resampling, and the comparison of models on the test subset.

Pure functions of arrays and tables: nothing is read or written here, and nothing is known of how a model was made.
"""

from mineral_pipeline.evaluation.comparison import ModelPredictions, compare_models, prediction_table
from mineral_pipeline.evaluation.metrics import Metrics, measure, score
from mineral_pipeline.evaluation.resampling import Resampling, bootstrap

__all__ = [
    "Metrics",
    "ModelPredictions",
    "Resampling",
    "bootstrap",
    "compare_models",
    "measure",
    "prediction_table",
    "score",
]
