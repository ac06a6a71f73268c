"""Networks that learn presence and richness, and their baselines: training, selection, prediction.

Neither ``modelling.search`` is imported here, because dask-ml takes seconds to import and only ``tune`` needs it, nor
anything that imports Keras, which `fit` and `predict` do on the worker.
"""

from mineral_pipeline.modelling.criterion import Criterion, Measure
from mineral_pipeline.modelling.dataset import Subset, images_at_once, open_subset
from mineral_pipeline.modelling.features import chip_features, subset_features
from mineral_pipeline.modelling.fitting import fit
from mineral_pipeline.modelling.model_files import (
    done_names,
    find_damaged_files,
    is_current,
    is_done,
    is_lost,
    read_metrics,
    read_predictions,
    read_spec,
)
from mineral_pipeline.modelling.model_list import baseline_specs, check_networks, grid_specs, model_names
from mineral_pipeline.modelling.model_selection import (
    SELECTABLE_KINDS,
    ensemble_members,
    ensemble_specs,
    has_collapsed,
    member_name,
    select_model,
)
from mineral_pipeline.modelling.prediction import predict, predict_subset
from mineral_pipeline.modelling.pretraining_spec import pretraining_specs
from mineral_pipeline.modelling.spec import ModelSpec

__all__ = [
    "SELECTABLE_KINDS",
    "Criterion",
    "Measure",
    "ModelSpec",
    "Subset",
    "baseline_specs",
    "check_networks",
    "chip_features",
    "done_names",
    "ensemble_members",
    "ensemble_specs",
    "find_damaged_files",
    "fit",
    "grid_specs",
    "has_collapsed",
    "images_at_once",
    "is_current",
    "is_done",
    "is_lost",
    "member_name",
    "model_names",
    "open_subset",
    "predict",
    "predict_subset",
    "pretraining_specs",
    "read_metrics",
    "read_predictions",
    "read_spec",
    "select_model",
    "subset_features",
]
