"""The models of a workspace: fit one, predict with one. What a worker runs."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from typing import Any

import numpy as np
import pandas as pd
import zarr

from mineral_pipeline.errors import DataError
from mineral_pipeline.evaluation.metrics import measure
from mineral_pipeline.modelling.baselines import brightness
from mineral_pipeline.modelling.dataset import ChunkCache, Subset, SubsetName, batches, open_subset, permute_labels
from mineral_pipeline.modelling.model_selection import read_metrics
from mineral_pipeline.modelling.spec import FAILURE, METRICS, ModelSpec, is_done, read_spec, write_spec
from mineral_pipeline.workspace import Workspace, artefacts, zarr_store

Predictor = Callable[[np.ndarray], np.ndarray]

WITHOUT_NETWORK = ("constant", "brightness")

BATCH = 32
"""Chips predicted at once when the store does not say."""


def fit(workspace: Workspace, spec: ModelSpec) -> dict[str, Any]:
    """Train one model and write all of its files; ``metrics.json`` comes last. Done already: read that.

    A model on permuted labels is trained and stopped with labels that are permuted on both sides, so that nothing
    in it has seen a true one; its metrics are against the true labels, like those of every other model.

    Args:
        workspace: with the samples of the task.
        spec: which model.

    Returns:
        The content of ``metrics.json``.

    Raises:
        WorkspaceError: the task is not curated.
        DataError: a side is empty, or training diverged.
    """
    if is_done(workspace, spec):
        return read_metrics(workspace, spec.task, spec.name)
    workspace.remove(artefacts.model(spec.task, spec.name))
    write_spec(workspace, spec)
    with _failure_recorded(workspace, spec):
        started = time.monotonic()
        sides = open_subset(workspace, spec.task, "train"), open_subset(workspace, spec.task, "validation")
        predictor, details = _fitted(workspace, spec, *sides)
        prediction = predict_rows(predictor, sides[1].images, np.arange(len(sides[1])))
        metrics = _metrics(spec, sides[1].label, prediction, details, time.monotonic() - started)
        table = pd.DataFrame(
            {"chip": sides[1].chip, "location_id": sides[1].location_id, "label": sides[1].label, "prediction": prediction}
        )
        workspace.write_table(artefacts.model(spec.task, spec.name, "predictions.parquet"), table)
        workspace.write_json(artefacts.model(spec.task, spec.name, METRICS), metrics)
    return metrics


def predict(workspace: Workspace, task: str, name: str, chips: Sequence[int] | np.ndarray) -> np.ndarray:
    """Predictions of a model for chips of ``chips.zarr``.

    Args:
        workspace: with the chips and the model.
        task: of the model.
        name: of the model.
        chips: (n,) indices along the chip dimension.

    Returns:
        (n,) float64 in 0..1.

    Raises:
        WorkspaceError: there is no such model or no chips.
    """
    return predict_rows(_load(workspace, task, name), zarr_store.open_images(workspace), np.asarray(chips))


def predict_subset(workspace: Workspace, task: str, name: str, side: SubsetName) -> np.ndarray:
    """Predictions of a model for one side of its task's samples, (sample,) float64 in 0..1."""
    images = open_subset(workspace, task, side).images
    return predict_rows(_load(workspace, task, name), images, np.arange(images.shape[0]))


def predict_rows(predictor: Predictor, images: zarr.Array[Any], rows: np.ndarray) -> np.ndarray:
    """Predictions for some rows of an image array, (row,); pixels are read ahead."""
    pieces, pixels = batches(rows, max(images.chunks[0], BATCH)), ChunkCache(images)
    predictions = [np.empty(0)]
    try:
        for number, piece in enumerate(pieces):
            for later in pieces[number + 1 : number + 2]:
                pixels.prefetch(later)
            predictions.append(predictor(pixels.take(piece)))
    finally:
        pixels.close()
    return np.concatenate(predictions)


def _fitted(
    workspace: Workspace, spec: ModelSpec, train: Subset, validation: Subset
) -> tuple[Predictor, dict[str, Any]]:
    if spec.kind in WITHOUT_NETWORK:
        baseline = brightness.Baseline.fit(spec, train)
        workspace.write_json(artefacts.model(spec.task, spec.name, brightness.FILE), asdict(baseline))
        return baseline.predict, {"parameters": 2 if spec.kind == "brightness" else 1, "epochs": 0}
    from mineral_pipeline.modelling import training  # TensorFlow takes seconds to import: only workers pay

    if spec.permutation is not None:
        train, validation = permute_labels(train, spec.permutation), permute_labels(validation, spec.permutation)
    network = training.train(workspace, spec, train, validation)
    training.save(workspace, spec, network)
    workspace.write_table(artefacts.model(spec.task, spec.name, "history.parquet"), network.history)
    return network.predict, {"parameters": network.keras_model.count_params(), "epochs": len(network.history)}


def _load(workspace: Workspace, task: str, name: str) -> Predictor:
    if read_spec(workspace, task, name).kind in WITHOUT_NETWORK:
        return brightness.Baseline(**workspace.read_json(artefacts.model(task, name, brightness.FILE))).predict
    from mineral_pipeline.modelling import training

    return training.load(workspace, task, name)


def _metrics(
    spec: ModelSpec, label: np.ndarray, prediction: np.ndarray, details: dict[str, Any], seconds: float
) -> dict[str, Any]:
    if not np.isfinite(prediction).all():
        raise DataError(f"{spec.task}/{spec.name} predicts what is not a number: lower learning_rate")
    validation = measure(spec.task, label, prediction)
    about = {key: getattr(spec, key) for key in ("task", "name", "kind", "convolution", "dense", "seed")}
    kept = {key: value if np.isfinite(value) else None for key, value in validation.items()}  # JSON has no nan
    return {**about, **details, "seconds": round(seconds, 3), "validation": {"loss": kept[spec.loss], **kept}}


@contextmanager
def _failure_recorded(workspace: Workspace, spec: ModelSpec) -> Iterator[None]:
    """Leave ``failure.json`` when a fit fails: outcomes are data."""
    try:
        yield
    except Exception as error:
        reason = f"{type(error).__name__}: {str(error).strip().splitlines()[0] if str(error).strip() else ''}"
        workspace.write_json(
            artefacts.model(spec.task, spec.name, FAILURE), {"task": spec.task, "name": spec.name, "reason": reason}
        )
        raise
