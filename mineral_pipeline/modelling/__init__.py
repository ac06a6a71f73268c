"""Networks that learn presence and richness, their baselines, their search and their test.

``modelling.search`` is not imported here: dask-ml takes seconds to import, and only ``tune`` needs it. Nor is
anything that imports Keras, which `fit` and `predict` do on the worker.
"""

from mineral_pipeline.modelling.choice import best, is_current, member_specs, read_metrics
from mineral_pipeline.modelling.evaluation import evaluate
from mineral_pipeline.modelling.models import fit, predict, predict_side
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
    "best",
    "done_names",
    "evaluate",
    "fit",
    "grid_specs",
    "is_current",
    "is_done",
    "member_specs",
    "predict",
    "predict_side",
    "read_metrics",
    "read_spec",
]
