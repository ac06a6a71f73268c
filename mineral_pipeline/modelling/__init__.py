"""Networks that learn presence and richness, their baselines, their search and their test.

``modelling.search`` is not imported here: dask-ml takes seconds to import, and only ``tune`` needs it. Nor is
anything that imports Keras, which `fit` and `predict` do on the worker.
"""

from mineral_pipeline.evaluation.evaluation import evaluate
from mineral_pipeline.modelling.fitting import fit, predict, predict_subset
from mineral_pipeline.modelling.model_selection import ensemble_specs, is_current, read_metrics, select_model
from mineral_pipeline.modelling.spec import (
    TUNED,
    ModelSpec,
    baseline_specs,
    done_names,
    grid_specs,
    is_done,
    read_spec,
)

__all__ = [
    "TUNED",
    "ModelSpec",
    "baseline_specs",
    "done_names",
    "ensemble_specs",
    "evaluate",
    "fit",
    "grid_specs",
    "is_current",
    "is_done",
    "predict",
    "predict_subset",
    "read_metrics",
    "read_spec",
    "select_model",
]
