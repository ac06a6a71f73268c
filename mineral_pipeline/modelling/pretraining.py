"""Fitting a pretraining and writing its files. What a worker runs."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import shapely
from scipy.spatial import cKDTree

from mineral_pipeline.errors import DataError
from mineral_pipeline.geometry import unit_vectors
from mineral_pipeline.modelling.checkpoint import Checkpoint, TrainingState, read_checkpoint, write_checkpoint
from mineral_pipeline.modelling.dataset import Samples, open_chips
from mineral_pipeline.modelling.draft import Draft
from mineral_pipeline.modelling.model_files import write_metrics
from mineral_pipeline.modelling.spec import ModelSpec
from mineral_pipeline.workspace import Workspace, artefacts, ledger


def fit_pretraining(draft: Draft) -> dict[str, Any]:
    """Pretrain the convolutions of a network and write all files of the model but the checkpoint; it is published.

    One that was interrupted goes on after its last whole epoch.

    Returns:
        The content of ``metrics.json``.

    Raises:
        SettingsError: the network has no convolutional part.
        DataError: there is no chip to learn from, or training diverged.
    """
    from mineral_pipeline.modelling import masked_autoencoder, network_file  # TensorFlow takes seconds to import

    spec, started = draft.spec, time.monotonic()
    samples = open_unlabelled(draft.workspace, spec)
    identity = masked_autoencoder.identify(spec, samples)
    found = read_checkpoint(draft, identity)
    resumed, before = (found.resumed + 1, found.seconds) if found else (0, 0.0)

    def keep(state: TrainingState) -> None:
        seconds = before + time.monotonic() - started
        write_checkpoint(draft, identity, Checkpoint((), seconds, resumed, state))

    network = masked_autoencoder.pretrain(draft, samples, state=found.state if found else None, keep=keep)
    network_file.save_network(draft, network)
    draft.workspace.write_table(draft.file(artefacts.MODEL_HISTORY), network.history)
    metrics = {
        "task": spec.task, "fold": spec.fold, "name": spec.name, "kind": spec.kind, "role": spec.role,
        "label": spec.name, "pixels": True, "network": spec.network, "seed": spec.seed, "chips": len(samples),
        "parameters": network.keras_model.count_params(), "epochs": len(network.history), "collapsed": None,
        "seconds": round(before + time.monotonic() - started, 3), "resumed": resumed,
        "loss": float(network.history["loss"].iloc[-1]), "validation": {},
    }  # fmt: skip
    metrics = write_metrics(draft.workspace, draft.folder, metrics)
    draft.publish()
    return metrics


def open_unlabelled(workspace: Workspace, spec: ModelSpec) -> Samples:
    """All whole chips, with and without known deposits, but for those that may show test ground, unless it is learnt.

    A chip may show ground of another when the circles around their footprints meet.

    Raises:
        DataError: there is none.
    """
    chips = ledger.read_content(workspace)
    index = chips["chip_index"].to_numpy()
    if spec.pretraining is None or not spec.pretraining.test_ground:
        table = workspace.read_table(artefacts.samples_table(spec.sample_set), ["chip_index", "subset"])
        is_test = np.isin(index, table.loc[table["subset"] == "test", "chip_index"])
        index = index[~_touches(*_circles(chips["geometry"]), is_test)]
    if not len(index):
        raise DataError(f"{spec.path}: no chip is far from the test ground: set train.pretraining.test_ground")
    return open_chips(workspace, np.sort(index))


def _circles(footprints: Any) -> tuple[np.ndarray, np.ndarray]:
    """Centres (chip, 3) on the unit sphere, and the chords (chip,) from there to the farthest vertex."""
    corners, owner = shapely.get_coordinates(shapely.from_wkb(np.asarray(footprints)), return_index=True)
    keep = np.append(np.diff(owner) == 0, False)  # a ring ends where it begins
    vectors, owner = unit_vectors(corners[keep]), owner[keep]
    total = np.zeros((len(footprints), 3))
    np.add.at(total, owner, vectors)
    centres = total / np.linalg.norm(total, axis=1, keepdims=True)
    radii = np.zeros(len(footprints))
    np.maximum.at(radii, owner, np.linalg.norm(vectors - centres[owner], axis=1))
    return centres, radii


def _touches(centres: np.ndarray, radii: np.ndarray, is_test: np.ndarray) -> np.ndarray:
    """(chip,) whether a circle meets one of the test's, of which all count as the largest."""
    if not is_test.any():
        return is_test
    distance, _ = cKDTree(centres[is_test]).query(centres)
    # chords grow less than angles do, so that the sum of two is at least the chord of both
    return np.asarray(distance <= radii + radii[is_test].max())
