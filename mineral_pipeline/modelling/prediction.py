"""Predicting with a trained model, whatever its kind."""

from __future__ import annotations

import io
import pickle
from collections.abc import Callable, Sequence

import numpy as np

from mineral_pipeline.errors import WorkspaceError
from mineral_pipeline.learning import SubsetName
from mineral_pipeline.modelling.baselines import BASELINES, FeaturePredictor
from mineral_pipeline.modelling.dataset import Samples, open_chips, open_subset
from mineral_pipeline.modelling.draft import Draft
from mineral_pipeline.modelling.model_files import read_file, read_spec
from mineral_pipeline.modelling.spec import ModelSpec
from mineral_pipeline.workspace import Workspace, artefacts


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


def save_baseline(draft: Draft, predictor: FeaturePredictor) -> None:
    """Write ``model.joblib``.

    Raises:
        WorkspaceError: the predictor's class cannot be imported by its name, as where the model is loaded again.
    """
    import joblib  # slow to import

    kind, buffer = draft.spec.kind, io.BytesIO()
    try:
        joblib.dump(predictor, buffer)
    except (pickle.PicklingError, AttributeError) as error:
        raise WorkspaceError(
            f"a fitted {kind} cannot be saved ({error}): define its class in a module that the workers can import"
        ) from error
    draft.workspace.write_bytes(draft.file(artefacts.MODEL_BASELINE), buffer.getvalue())


def load_baseline(workspace: Workspace, spec: ModelSpec) -> FeaturePredictor:
    """Read ``model.joblib``.

    Raises:
        WorkspaceError: it is absent or damaged.
    """
    import joblib

    name = artefacts.model(spec.task, spec.name, artefacts.MODEL_BASELINE)
    content = read_file(workspace, spec.task, spec.name, artefacts.MODEL_BASELINE)
    try:
        predictor: FeaturePredictor = joblib.load(io.BytesIO(content))
    except Exception as error:  # unpickling damaged bytes raises errors of any kind
        raise WorkspaceError(
            f"{workspace.uri(name)} cannot be loaded ({error}): remove the model's folder and run train again"
        ) from error
    return predictor
