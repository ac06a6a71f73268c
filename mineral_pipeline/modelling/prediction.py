"""Predicting with a trained model, whatever its kind."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from mineral_pipeline.errors import WorkspaceError, one_line
from mineral_pipeline.learning import SubsetName
from mineral_pipeline.modelling.baselines import BASELINES
from mineral_pipeline.modelling.dataset import Samples, open_chips, open_subset
from mineral_pipeline.modelling.model_files import read_spec
from mineral_pipeline.modelling.predictor_file import load_baseline
from mineral_pipeline.modelling.spec import ModelSpec
from mineral_pipeline.workspace import Workspace, artefacts
from mineral_pipeline.workspace.workspace import REPAIR


def predict(workspace: Workspace, sample_set: str, name: str, chip_index: Sequence[int] | np.ndarray) -> np.ndarray:
    """Predictions of a model for chips of ``chips.zarr``.

    Args:
        workspace: the workspace.
        sample_set: samples from which the model has learnt.
        name: name of the model.
        chip_index: (n,) indices along the chip dimension.

    Returns:
        (n,) float64 in 0..1.

    Raises:
        WorkspaceError: there is no such model, or there are no chips.
    """
    return predict_samples(workspace, read_spec(workspace, sample_set, name), open_chips(workspace, chip_index))


def predict_subset(workspace: Workspace, sample_set: str, name: str, subset: SubsetName) -> np.ndarray:
    """Predictions of a model for one subset of its own sample set, (sample,) float64 in 0..1."""
    spec = read_spec(workspace, sample_set, name)
    return predict_samples(workspace, spec, open_subset(workspace, sample_set, subset).samples)


def predict_samples(workspace: Workspace, spec: ModelSpec, samples: Samples) -> np.ndarray:
    """Predictions of a trained model, (sample,) float64 in 0..1."""
    if spec.network is None:
        predictor = load_baseline(workspace, spec)
        return _checked(workspace, spec, predictor.predict)(BASELINES[spec.kind].features(samples))
    from mineral_pipeline.modelling.network_file import load_network  # TensorFlow takes seconds to import: for workers

    return predict_batches(_checked(workspace, spec, load_network(workspace, spec.sample_set, spec.name)), samples)


def _checked(workspace: Workspace, spec: ModelSpec, predict: Callable[[Any], Any]) -> Callable[[Any], np.ndarray]:
    """The function of a model that was loaded, from n images or rows of features to (n,): the file may be a stranger's.

    The function raises a `WorkspaceError` that names the model when it cannot predict.
    """

    def checked(given: Any) -> np.ndarray:
        try:
            found = np.asarray(predict(given), "float64")
            if found.shape != (len(given),):
                raise ValueError(f"{found.shape} predictions for {len(given):,} samples")
        except Exception as error:  # of whatever kind
            name = workspace.uri(artefacts.model(spec.sample_set, spec.name))
            raise WorkspaceError(
                f"{name}: the model cannot predict ({one_line(error)}): give the workers more memory if that is the"
                f" reason, else {REPAIR}"
            ) from error
        return found

    return checked


def predict_batches(predict_images: Callable[[np.ndarray], np.ndarray], samples: Samples) -> np.ndarray:
    """(sample,) predictions of a function from (n, band, y, x) to (n,)."""
    return np.concatenate([np.empty(0), *(predict_images(images) for images in samples.read_images())])
