"""Fitting one model and writing all of its files. What a worker runs."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

import numpy as np

from mineral_pipeline.errors import DataError, WorkspaceError, one_line
from mineral_pipeline.learning import RANDOM_LABELS, kind_of
from mineral_pipeline.modelling.baselines import BASELINES, Examples
from mineral_pipeline.modelling.checkpoint import Checkpoint, TrainingState, read_checkpoint, write_checkpoint
from mineral_pipeline.modelling.collapse import attempts, is_collapsed
from mineral_pipeline.modelling.criterion import Measure, measure_subset
from mineral_pipeline.modelling.dataset import Subset, open_subset, permute_labels
from mineral_pipeline.modelling.detrending import detrend_labels
from mineral_pipeline.modelling.draft import Draft, begin
from mineral_pipeline.modelling.model_files import is_done, read_metrics, write_metrics
from mineral_pipeline.modelling.networks import NETWORKS
from mineral_pipeline.modelling.prediction import predict_batches
from mineral_pipeline.modelling.predictor_file import save_baseline
from mineral_pipeline.modelling.pretraining import fit_pretraining
from mineral_pipeline.modelling.spec import PRETRAINING, ModelSpec
from mineral_pipeline.workspace import Workspace, artefacts


@dataclass(frozen=True)
class Fit:
    """A fitted model."""

    prediction: np.ndarray
    """(sample,) for the validation subset, in 0..1."""
    parameters: int | None
    """Number of fitted parameters; None where it is not known."""
    epochs: int
    """Epochs of training; 0 without a network."""
    best_epoch: int | None = None
    """Epoch whose weights were kept, from 0; None without a network."""
    attempts: Sequence[Mapping[str, Any]] = ()
    """Every training of a network: seed, learning_rate, loss on the validation subset, collapsed; the last is kept."""
    resumed: int = 0
    """How often it went on from a checkpoint after an interruption."""
    seconds_before: float = 0.0
    """Time that it had taken until the last checkpoint from which it went on."""


def fit(workspace: Workspace, spec: ModelSpec, measure: Measure) -> dict[str, Any]:
    """Train one model, or pretrain, and write all of its files, which take its name when they are whole.

    A model that is done is not trained again. A network that was interrupted goes on after its last whole epoch, and
    becomes what it would have become (bit for bit on one CPU).

    A model on permuted labels is trained and stopped with labels that are permuted in both subsets, so that it has seen
    no true label; its metrics are against the true labels, like those of every other model, and so are those of one
    that learns labels without their trend. The validation subset is weighted as in the loss. A network that has
    collapsed is trained once more (`collapse.attempts`); where it collapses again it is kept and said to be
    ``collapsed``, and nothing selects it.

    Args:
        workspace: workspace with the samples.
        spec: all that decides the model.
        measure: gives the metrics of the validation subset.

    Returns:
        The content of ``metrics.json``.

    Raises:
        WorkspaceError: the samples are not curated, or another fit of the model has begun.
        LeaseLostError: the run of this fit is over; nothing is left behind but a checkpoint.
        DataError: a subset is empty, or training diverged.
    """
    if is_done(workspace, spec):
        return read_metrics(workspace, spec.sample_set, spec.name)
    draft = begin(workspace, spec)
    with _recording_failure(draft):
        if spec.kind == PRETRAINING:
            return fit_pretraining(draft)
        started = time.monotonic()
        train, validation = (open_subset(workspace, spec.sample_set, subset) for subset in ("train", "validation"))
        fitted = (_fit_baseline if spec.network is None else _fit_network)(draft, train, validation)
        if not np.isfinite(fitted.prediction).all():
            raise DataError(f"{spec.path} predicts what is not a number: lower learning_rate")
        metrics = {
            **_facts(spec),
            "parameters": fitted.parameters,
            "epochs": fitted.epochs,
            "best_epoch": fitted.best_epoch,
            "collapsed": fitted.attempts[-1]["collapsed"] if fitted.attempts else None,
            "attempts": list(fitted.attempts),
            "seconds": round(fitted.seconds_before + time.monotonic() - started, 3),
            "resumed": fitted.resumed,
            "validation": _validation(spec, measure_subset(measure, spec.task, validation, fitted.prediction)),
        }
        table = validation.table[["chip_id", "location_id"]].assign(
            label=validation.label, prediction=fitted.prediction
        )
        workspace.write_table(draft.file(artefacts.MODEL_PREDICTIONS), table)
        metrics = write_metrics(workspace, draft.folder, metrics)
        draft.publish()
    return metrics


def _fit_baseline(draft: Draft, train: Subset, validation: Subset) -> Fit:
    spec = draft.spec
    baseline = BASELINES[spec.kind]
    examples = [
        Examples(baseline.features(one.samples), spec.task, spec.loss, one.label, one.weight)
        for one in (train, validation)
    ]
    predictor = baseline.fit(*examples)
    save_baseline(draft, predictor)
    prediction = np.asarray(predictor.predict(examples[1].features), "float64")
    return Fit(prediction, baseline.parameters, 0)


def _fit_network(draft: Draft, train: Subset, validation: Subset) -> Fit:
    from mineral_pipeline.modelling import network_file, training  # TensorFlow takes seconds to import: for workers

    spec, started, identity = draft.spec, time.monotonic(), training.identify(draft.spec, train)
    seen = [_to_learn(spec, subset) for subset in (train, validation)]
    found = read_checkpoint(draft, identity)
    tried = list(found.tried) if found else []
    resumed, seconds_before = (found.resumed + 1, found.seconds) if found else (0, 0.0)

    def keep(state: TrainingState) -> None:
        seconds = seconds_before + time.monotonic() - started
        write_checkpoint(draft, identity, Checkpoint(tried, seconds, resumed, state))

    state = found.state if found else None
    for attempt in attempts(spec)[len(tried) :]:
        network = training.train(draft, attempt, *seen, state=state, keep=keep)
        state = None
        prediction = predict_batches(network.predict, validation.samples)
        tried.append(
            {
                "seed": attempt.seed,
                "learning_rate": attempt.hyperparameters.learning_rate,
                "loss": network.history[f"val_{spec.loss}"][network.best_epoch],
                "collapsed": is_collapsed(prediction, seen[1].label, seen[1].weight),
            }
        )
        if not tried[-1]["collapsed"]:
            break
    network_file.save_network(draft, network)
    draft.workspace.write_table(draft.file(artefacts.MODEL_HISTORY), network.history)
    fitted = network.keras_model.count_params(), len(network.history), network.best_epoch
    return Fit(prediction, *fitted, tried, resumed, seconds_before)


def _to_learn(spec: ModelSpec, subset: Subset) -> Subset:
    """The subset with the labels that a network learns from."""
    if spec.permutation is not None:
        subset = permute_labels(subset, spec.permutation)
    if spec.hyperparameters.detrending_km and kind_of(spec.task) == "richness":
        subset = detrend_labels(subset, spec.hyperparameters.detrending_km)
    return subset


def _facts(spec: ModelSpec) -> dict[str, Any]:
    """Facts by which the report shows the model among others; it needs no list of all kinds."""
    network = None if spec.network is None else NETWORKS[spec.network]
    baseline = BASELINES.get(spec.kind)
    label = "random labels" if spec.kind == RANDOM_LABELS else baseline.label if baseline else spec.name
    return {
        "task": spec.task,
        "fold": spec.fold,
        "name": spec.name,
        "kind": spec.kind,
        "role": spec.role,
        "label": label,
        "pixels": baseline.pixels if baseline else True,
        "network": spec.network,
        "convolution": network and network.convolution,
        "dense": network and network.dense,
        "seed": spec.seed,
    }


def _validation(spec: ModelSpec, values: dict[str, float]) -> dict[str, float | None]:
    """Metrics of the validation subset and the spec's loss among them; None for nan, which JSON does not have."""
    defined = {key: value if np.isfinite(value) else None for key, value in values.items()}
    return {"loss": defined[spec.loss], **defined}


@contextmanager
def _recording_failure(draft: Draft) -> Iterator[None]:
    """Write ``failure.json`` when the block fails: outcomes are data."""
    try:
        yield
    except Exception as error:
        # A fit that was overtaken leaves nothing, and what the disk does not take must not hide the reason.
        with suppress(WorkspaceError):
            draft.fail(one_line(f"{type(error).__name__}: {error}"))
        raise
