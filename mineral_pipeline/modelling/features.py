"""What a trained model sees of chips before it predicts: the last features of a network, those of a baseline."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mineral_pipeline.learning import SubsetName
from mineral_pipeline.modelling.baselines import BASELINES
from mineral_pipeline.modelling.dataset import Samples, open_chips, open_subset
from mineral_pipeline.modelling.model_files import read_spec
from mineral_pipeline.modelling.spec import ModelSpec
from mineral_pipeline.workspace import Workspace


def chip_features(
    workspace: Workspace, sample_set: str, name: str, chip_index: Sequence[int] | np.ndarray
) -> np.ndarray:
    """Features (chip, feature) of chips of ``chips.zarr``; errors are those of `predict`."""
    return _features(workspace, read_spec(workspace, sample_set, name), open_chips(workspace, chip_index))


def subset_features(workspace: Workspace, sample_set: str, name: str, subset: SubsetName) -> np.ndarray:
    """Features (sample, feature) of one subset of the model's own sample set."""
    spec = read_spec(workspace, sample_set, name)
    return _features(workspace, spec, open_subset(workspace, sample_set, subset).samples)


def _features(workspace: Workspace, spec: ModelSpec, samples: Samples) -> np.ndarray:
    if spec.network is None:
        return BASELINES[spec.kind].features(samples).select_dtypes("number").to_numpy("float64")
    from mineral_pipeline.modelling.network_file import load_features  # TensorFlow takes seconds to import: for workers

    features = load_features(workspace, spec.sample_set, spec.name)
    found = [features(images) for images in samples.read_images()]
    return np.concatenate(found) if found else np.empty((0, 0))
