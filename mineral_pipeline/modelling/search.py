"""The search over hyperparameters: dask-ml's, with our own split, on workers that offer a GPU.

dask-ml cannot carry images through its graph, and it splits at random, which leaks: it is given row numbers, one
predefined split, and an estimator that reads Zarr. Candidates are models like any other, each with its folder, so that
a search resumes and its winner need not be trained twice.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
import pandas as pd
from dask_ml.model_selection import GridSearchCV
from sklearn.base import BaseEstimator

from mineral_pipeline.errors import DataError, LeaseLostError
from mineral_pipeline.learning import TUNED, Task
from mineral_pipeline.modelling.candidates import candidate_spec, candidate_specs
from mineral_pipeline.modelling.criterion import Criterion, Measure
from mineral_pipeline.modelling.dataset import open_subset
from mineral_pipeline.modelling.draft import begin
from mineral_pipeline.modelling.fitting import fit
from mineral_pipeline.modelling.model_files import (
    is_done,
    read_failure,
    read_file,
    read_metrics,
    write_metrics,
)
from mineral_pipeline.modelling.model_selection import rank_models
from mineral_pipeline.modelling.spec import ModelSpec
from mineral_pipeline.settings import Hyperparameters, Settings
from mineral_pipeline.workspace import Workspace, artefacts

LEAST_SCORE = -1e6
"""Least score of a candidate: errors have no bound."""

COLLAPSED_SCORE = -2e6
"""Score of a candidate that collapsed to a constant, below every other."""

FAILED_SCORE = -3e6
"""Score of a candidate that failed, below all others: dask-ml cannot rank a nan."""

Scheduler = Callable[..., Any]
"""A Dask scheduler function, from a graph and keys to values."""


class Candidate(BaseEstimator):  # type: ignore[misc]  # scikit-learn is untyped
    """A model as an estimator of scikit-learn, whose parameter is a point of the search."""

    def __init__(
        self,
        workspace: Workspace,
        spec: ModelSpec,
        criterion: Criterion,
        hyperparameters: Hyperparameters | None = None,
    ) -> None:
        """Keep the parameters, as scikit-learn demands; without ``hyperparameters`` those of ``spec`` are meant."""
        self.workspace = workspace
        self.spec = spec
        self.criterion = criterion
        self.hyperparameters = hyperparameters

    def fit(self, rows: np.ndarray, labels: np.ndarray) -> Self:
        """Train on the training store; ``rows`` stand for its samples, which are read from Zarr."""
        try:
            self.fitted_ = candidate_spec(self.spec, self.hyperparameters or self.spec.hyperparameters)
            self.metrics_: dict[str, Any] | None = fit(self.workspace, self.fitted_, self.criterion.measure)
        except LeaseLostError:  # the candidate has not failed: its run is over
            raise
        except Exception:
            # dask-ml would keep no more than a warning; the reason is in the model's failure.json.
            self.metrics_ = None
        return self

    def score(self, rows: np.ndarray, labels: np.ndarray) -> float:
        """The primary metric on the validation store, negated where a lower value is better."""
        if self.metrics_ is None:
            return FAILED_SCORE
        if self.metrics_["collapsed"]:
            return COLLAPSED_SCORE
        cost, _ = self.criterion.cost(self.workspace, self.fitted_)
        return max(-cost, LEAST_SCORE)


def search(
    settings: Settings,
    workspace: Workspace,
    task: Task,
    measure: Measure,
    scheduler: Scheduler,
    *,
    fold: int | None = None,
) -> pd.DataFrame:
    """Try the candidates; the best becomes the model ``tuned``. Those that collapsed to a constant come last.

    Args:
        settings: settings of the pipeline, with the ranges and the seed of the search.
        workspace: workspace with the samples and the grid of the task.
        task: task of the models.
        measure: gives the metrics of the validation subset.
        scheduler: runs dask-ml's graph; `candidate_result` reads the results.
        fold: number of the fold whose samples and grid are meant; None for those of the split.

    Returns:
        One row per candidate, as in ``search.parquet``: name, hyperparameters, score, loss, epochs, seconds, collapsed,
        reason.

    Raises:
        DataError: no model of the grid is trained, or all candidates failed.
    """
    sample_set = artefacts.sample_set(task, fold)
    train, validation = (open_subset(workspace, sample_set, subset) for subset in ("train", "validation"))
    rows = np.arange(len(train) + len(validation))
    criterion = Criterion(settings.train.primary_metric.of(task), measure)
    specs = candidate_specs(settings, workspace, task, criterion, fold)
    GridSearchCV(
        Candidate(workspace, specs[0], criterion),
        {"hyperparameters": [spec.hyperparameters for spec in specs]},
        cv=[(rows[: len(train)], rows[len(train) :])],
        iid=False,
        refit=False,
        error_score=FAILED_SCORE,
        scheduler=scheduler,
    ).fit(rows[:, None], np.concatenate([train.label, validation.label]))
    table = pd.DataFrame([_row(workspace, spec, criterion) for spec in specs])
    if (table["reason"] != "").all():
        raise DataError(
            f"tune: every candidate for {sample_set} failed, the first with {table['reason'][0]}: correct settings tune"
        )
    promote(workspace, rank_models(workspace, sample_set, table["name"], criterion, kinds=("candidate",))[0], table)
    return table


@dataclass(frozen=True)
class CandidateResult:
    """How the fit of a candidate ended."""

    number: int
    """Index among `candidate_specs`."""
    succeeded: bool
    """Whether it was trained."""


def candidate_result(key: Any, value: Any) -> CandidateResult:
    """Reads one result of dask-ml's graph: its key (name, candidate, split), its value (..., score, ...)."""
    _, number, _ = key
    _, score, *_ = value
    return CandidateResult(number, score > FAILED_SCORE)


def promote(workspace: Workspace, winner: ModelSpec, table: pd.DataFrame) -> None:
    """Make a candidate the model ``tuned``: its files are copied, it is not trained again.

    Args:
        workspace: the workspace.
        winner: spec of the candidate.
        table: all candidates, kept as ``search.parquet``.
    """
    draft = begin(workspace, replace(winner, name=TUNED, kind="tuned"))
    metrics = read_metrics(workspace, winner.sample_set, winner.name)
    for file in metrics["files"]:
        if file != artefacts.MODEL_SPEC:
            workspace.write_bytes(draft.file(file), read_file(workspace, winner.sample_set, winner.name, file))
    workspace.write_table(draft.file(artefacts.MODEL_SEARCH), table)
    write_metrics(workspace, draft.folder, metrics | {"name": TUNED, "kind": "tuned", "label": TUNED})
    draft.publish()


def _row(workspace: Workspace, spec: ModelSpec, criterion: Criterion) -> dict[str, Any]:
    row: dict[str, Any] = {"name": spec.name, **dict(spec.hyperparameters), "reason": ""}  # also what is off
    if not is_done(workspace, spec):
        return row | {"reason": read_failure(workspace, spec.sample_set, spec.name)}
    metrics = read_metrics(workspace, spec.sample_set, spec.name)
    score, loss = criterion.score(workspace, spec)
    return row | {"score": score, "loss": loss} | {key: metrics[key] for key in ("epochs", "seconds", "collapsed")}
