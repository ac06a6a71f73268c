"""Names of all artefacts of a workspace. Every package takes them from here, so that each is spelt once.

A name is a path below the workspace's URL. `Workspace` reads and writes by name.
"""

from __future__ import annotations

import re

WORKSPACE_FILE = "workspace.json"
"""Version of the layout; see `mineral_pipeline.workspace.layout`."""

RUNS = "runs"
"""Folder of the run records."""

LOCK = "lock"
"""Folder of the leases."""

PREFLIGHT = ".preflight"
"""Folder of a run, in which it and its workers show each other that they see the same place."""

CATALOGUE = "catalogue.parquet"
CHIPS = "chips.zarr"
LEDGER = "chips.parquet"
"""Folder of the ledger's parts."""

LEDGER_COPY = ".chips.parquet"
"""All parts of the ledger in one file, which is never the truth; see `mineral_pipeline.workspace.ledger_copy`."""

DEPOSITS = "deposits.parquet"
DEPOSITS_REPORT = "deposits.json"
BARREN = "barren.parquet"
LABELS = "labels.parquet"
"""Folder of the labels' parts."""

PROSPECTS = "prospects.parquet"
PROSPECTS_GEOJSON = "prospects.geojson"
PROSPECTS_RASTER = "prospects.tif"
PROSPECTS_STYLE = "prospects.qml"
PROSPECTS_BASIS = "prospects-basis.json"
"""Who has made the list, what their predictions mean, and how far they can be believed."""

PROSPECTS_PACKAGE = "prospects.gpkg"
PROSPECTS_PROJECT = "prospects.qgs"
PROSPECTS_ITEM = "prospects.stac.json"
PROSPECTS_FROZEN = "prospects.json"
"""What the list of prospects was when it was made; see `mineral_pipeline.prospecting.freeze`."""

PROSPECT_FILES = (
    PROSPECTS, PROSPECTS_BASIS, PROSPECTS_GEOJSON, PROSPECTS_RASTER, PROSPECTS_STYLE, PROSPECTS_PACKAGE,
    PROSPECTS_PROJECT, PROSPECTS_ITEM, PROSPECTS_FROZEN,
)  # fmt: skip
"""All of them; where the first exists, all do."""

BACKTESTS = "backtests"
"""Folder of the back-tests. Each is a workspace, which takes `SHARED` from the one around it."""

SHARED = (CATALOGUE, CHIPS, LEDGER, LEDGER_COPY)
"""Artefacts that a back-test shares with the workspace around it: they do not depend on deposits."""

BACKTEST = "backtest.json"
"""What a back-test has found, in its own workspace."""

HIDDEN = "hidden.parquet"
"""Deposits that a back-test has hidden, in its own workspace."""

REPORT_FOLDER = "report"
"""Folder of the report's page and of its figures."""

REPORT = f"{REPORT_FOLDER}/index.html"

MODELS = "models"
"""Folder of all models."""

FOLDERS = (RUNS, LOCK, CHIPS, LEDGER, LABELS, REPORT_FOLDER, MODELS)
"""Artefacts of many files, of which an object store knows only by a listing."""

MODEL_SPEC = "settings.yaml"
"""File of a model: all that decides it."""

MODEL_METRICS = "metrics.json"
"""File of a model, written last: the model is trained."""

MODEL_FAILURE = "failure.json"
"""File of a model that could not be trained: the reason."""

MODEL_NETWORK = "model.keras"
MODEL_BASELINE = "model.skops"
MODEL_HISTORY = "history.parquet"
MODEL_PREDICTIONS = "predictions.parquet"
MODEL_EVENTS = "events.out.tfevents.training"
"""TensorBoard looks for ``tfevents`` in file names."""

MODEL_CHECKPOINT = "checkpoint.npz"
"""File of an unfinished model: its training after the last epoch."""

MODEL_SEARCH = "search.parquet"
"""File of the tuned model: all candidates of the search."""


def preflight(run: str, worker: str = "") -> str:
    """File by which the workers know the place of a run, or by which the client knows that a worker writes there."""
    return f"{PREFLIGHT}/{run}" + (f"-{re.sub(r'[^0-9A-Za-z]+', '-', worker)}" if worker else "")


def ledger_part(shard: int) -> str:
    """Ledger part of a shard."""
    return f"{LEDGER}/part-{shard:05d}.parquet"


def labels_part(partition: int) -> str:
    """Labels of one partition."""
    return f"{LABELS}/part-{partition:05d}.parquet"


SAMPLES = "samples"
"""Folder of all sample sets."""

FOLDS = f"{SAMPLES}/folds.parquet"
"""The fold of every location, the same for the tasks about every deposit; see `folds`."""

FOLD = "fold-"
"""Beginning of the name of a fold's folder in that of its task."""


def file_name(name: str) -> str:
    """A task, or a name that begins with one, as names of files have it: stores and systems differ about the colon.

    A hyphen stands for it, as in ``presence-gold`` and ``richness-group-precious``: tasks have none of their own.
    """
    return name.replace(":", "-")


def task_of(folder: str) -> str:
    """The task whose folder has a name: the inverse of `file_name`."""
    return folder.replace("-", ":")


def folds(subject: str) -> str:
    """The fold of every location, the same for all tasks about a subject."""
    return f"{SAMPLES}/folds-{file_name(subject)}.parquet" if subject else FOLDS


def sample_set(task: str, fold: int | None = None) -> str:
    """Name of a sample set: ``presence``, or ``presence/fold-0`` for a fold. Its folders: see `file_name`."""
    return task if fold is None else f"{task}/{FOLD}{fold}"


def samples_folder(sample_set: str) -> str:
    """Folder of a sample set."""
    return f"{SAMPLES}/{file_name(sample_set)}"


GATHERED = "samples/.gathered"
"""Folder of chips on their way into the samples of an object store; no list shows it, because it is hidden."""


def gathered(group: int) -> str:
    """Wanted chips of a group of shards, side by side."""
    return f"{GATHERED}/{group:05d}"


def samples_table(sample_set: str) -> str:
    """Table of a sample set: every candidate with its subset, or why it was dropped."""
    return f"{samples_folder(sample_set)}/samples.parquet"


def samples_store(sample_set: str, subset: str) -> str:
    """Training store of one subset of a sample set."""
    return f"{samples_folder(sample_set)}/{subset}.zarr"


def samples_summary(sample_set: str) -> str:
    """Summary of a sample set, written last: the set is complete."""
    return f"{samples_folder(sample_set)}/summary.json"


def samples_leakage(sample_set: str) -> str:
    """Table of the locations of a sample set on which leakage was measured."""
    return f"{samples_folder(sample_set)}/leakage.parquet"


def models(sample_set: str) -> str:
    """Folder of all models that learn from a sample set."""
    return f"{MODELS}/{file_name(sample_set)}"


def model(sample_set: str, name: str, file: str = "") -> str:
    """Folder of a model, or one of its files."""
    return f"{models(sample_set)}/{name}/{file}".rstrip("/")


_MODEL = re.compile(rf"{MODELS}/([\w-]+)((?:/{FOLD}\d+)?)/(?!{FOLD}\d+(?:/|$))([^/]+)")


def find_model(artefact: str) -> tuple[str, str] | None:
    """Sample set and name of the model that an artefact is, or is a file of; None for what is neither."""
    found = _MODEL.match(artefact)
    return (task_of(found[1]) + found[2], found[3]) if found else None


def unfinished_model(sample_set: str, name: str, file: str = "") -> str:
    """Folder of a model in the making, or what is in it. No list of models shows it, because it is hidden."""
    return f"{models(sample_set)}/.unfinished/{name}/{file}".rstrip("/")


EVALUATIONS = "evaluation"
"""Folder of all evaluations."""


def out_of_fold(task: str) -> str:
    """Name of the evaluation of a task over all folds, below ``evaluation/``; that of the split is the task's."""
    return f"{task}/folds"


def evaluation(name: str) -> str:
    """Folder of an evaluation."""
    return f"{EVALUATIONS}/{file_name(name)}"


def evaluation_metrics(name: str) -> str:
    """Test metrics of all models of an evaluation, with intervals."""
    return f"{evaluation(name)}/metrics.json"


def evaluation_predictions(name: str) -> str:
    """Test predictions of all models of an evaluation."""
    return f"{evaluation(name)}/predictions.parquet"


def backtest(name: str, file: str = "") -> str:
    """Workspace of a back-test below the one around it, or one of its files."""
    return f"{BACKTESTS}/{name}/{file}".rstrip("/")


def figure(name: str) -> str:
    """PNG of a figure of the report."""
    return f"{REPORT_FOLDER}/{file_name(name)}.png"
