"""Models without a network, which every network must beat: functions of a table of features, pixels among them.

A new baseline is one new file here that calls `register` with a `Baseline`.
"""

from mineral_pipeline.modelling.baselines.baseline import BASELINES, Baseline, Examples, FeaturePredictor, register

BASELINES.import_modules(__name__)

__all__ = ["BASELINES", "Baseline", "Examples", "FeaturePredictor", "register"]
