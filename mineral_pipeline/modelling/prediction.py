"""Predicting with a trained model, whatever its kind."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from mineral_pipeline.learning import SubsetName
from mineral_pipeline.modelling.baselines import BASELINES
from mineral_pipeline.modelling.dataset import Samples, open_chips, open_subset
from mineral_pipeline.modelling.model_files import read_spec
from mineral_pipeline.modelling.predictor_file import load_baseline
from mineral_pipeline.modelling.spec import ModelSpec
from mineral_pipeline.workspace import Workspace


def predict(workspace: Workspace, task: str, name: str, chip_index: Sequence[int] | np.ndarray) -> np.ndarray:
    """Predictions of a model for chips of ``chips.zarr``.

    Args:
        workspace: the workspace.
        task: task of the model.
        name: name of the model.
        chip_index: (n,) indices along the chip dimension.

    Returns:
        (n,) float64 in 0..1.

    Raises:
        WorkspaceError: there is no such model, or there are no chips.
    """
    return predict_samples(workspace, read_spec(workspace, task, name), open_chips(workspace, chip_index))


def predict_subset(workspace: Workspace, task: str, name: str, subset: SubsetName) -> np.ndarray:
    """Predictions of a model for one subset of its task's samples, (sample,) float64 in 0..1."""
    return predict_samples(workspace, read_spec(workspace, task, name), open_subset(workspace, task, subset).samples)


def predict_samples(workspace: Workspace, spec: ModelSpec, samples: Samples) -> np.ndarray:
    """Predictions of a trained model, (sample,) float64 in 0..1."""
    if spec.network is None:
        predictor = load_baseline(workspace, spec)
        return np.asarray(predictor.predict(BASELINES[spec.kind].features(samples)), "float64")
    from mineral_pipeline.modelling import training  # TensorFlow takes seconds to import: only workers do

    return predict_batches(training.load(workspace, spec.task, spec.name), samples)


def predict_batches(predict_images: Callable[[np.ndarray], np.ndarray], samples: Samples) -> np.ndarray:
    """(sample,) predictions of a function from (n, band, y, x) to (n,)."""
    return np.concatenate([np.empty(0), *(predict_images(images) for images in samples.read_images())])
