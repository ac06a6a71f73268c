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
from dask_ml.model_selection import RandomizedSearchCV
from sklearn.base import BaseEstimator

from mineral_pipeline.errors import DataError, LeaseLostError
from mineral_pipeline.learning import HIGHER_IS_BETTER, PRIMARY_METRIC, Task
from mineral_pipeline.modelling.candidates import candidate_spec, candidate_specs, distributions, grid_winner
from mineral_pipeline.modelling.dataset import open_subset
from mineral_pipeline.modelling.draft import begin
from mineral_pipeline.modelling.fitting import Measure, fit
from mineral_pipeline.modelling.model_files import (
    is_done,
    read_failure,
    read_file,
    read_metrics,
    read_scores,
    write_metrics,
)
from mineral_pipeline.modelling.model_selection import rank_models
from mineral_pipeline.modelling.spec import TUNED, ModelSpec
from mineral_pipeline.settings import Settings
from mineral_pipeline.workspace import Workspace, artefacts

COLLAPSED_SCORE = -1.5
"""Score of a candidate that collapsed to a constant, below every accuracy and every negated MAE."""

FAILED_SCORE = -2.0
"""Score of a candidate that failed, below all others: dask-ml cannot rank a nan."""

Scheduler = Callable[..., Any]
"""A Dask scheduler function, from a graph and keys to values."""


class Candidate(BaseEstimator):  # type: ignore[misc]  # scikit-learn is untyped
    """A model as an estimator of scikit-learn; its parameters are the hyperparameters."""

    def __init__(
        self,
        workspace: Workspace,
        spec: ModelSpec,
        measure: Measure,
        *,
        learning_rate: float = 0,
        conv_l1: float = 0,
        conv_l2: float = 0,
        dense_l1: float = 0,
        dense_l2: float = 0,
        dropout: float = 0,
        kernel: int = 0,
    ) -> None:
        """Keep the parameters, as scikit-learn demands."""
        self.workspace = workspace
        self.spec = spec
        self.measure = measure
        self.learning_rate = learning_rate
        self.conv_l1 = conv_l1
        self.conv_l2 = conv_l2
        self.dense_l1 = dense_l1
        self.dense_l2 = dense_l2
        self.dropout = dropout
        self.kernel = kernel

    def fit(self, rows: np.ndarray, labels: np.ndarray) -> Self:
        """Train on the training store; ``rows`` stand for its samples, which are read from Zarr."""
        context = ("workspace", "spec", "measure")
        values = {name: value for name, value in self.get_params().items() if name not in context}
        try:
            self.metrics_: dict[str, Any] | None = fit(self.workspace, candidate_spec(self.spec, values), self.measure)
        except LeaseLostError:  # the candidate has not failed: its run is over
            raise
        except Exception:
            # dask-ml would keep no more than a warning; the reason is in the model's failure.json.
            self.metrics_ = None
        return self

    def score(self, rows: np.ndarray, labels: np.ndarray) -> float:
        """The task's primary metric on the validation store, negated where a lower value is better."""
        if self.metrics_ is None:
            return FAILED_SCORE
        if self.metrics_["collapsed"]:
            return COLLAPSED_SCORE
        metric = PRIMARY_METRIC[self.spec.task]
        return float(self.metrics_["validation"][metric]) * (1 if metric in HIGHER_IS_BETTER else -1)


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
    RandomizedSearchCV(
        Candidate(workspace, grid_winner(settings, workspace, task, fold), measure),
        distributions(settings.tune),
        n_iter=settings.tune.candidates,
        random_state=settings.seed,
        cv=[(rows[: len(train)], rows[len(train) :])],
        iid=False,
        refit=False,
        error_score=FAILED_SCORE,
        scheduler=scheduler,
    ).fit(rows[:, None], np.concatenate([train.label, validation.label]))
    table = pd.DataFrame([_row(workspace, spec) for spec in candidate_specs(settings, workspace, task, fold)])
    if (table["reason"] != "").all():
        raise DataError(
            f"tune: every candidate for {sample_set} failed, the first with {table['reason'][0]}: correct settings tune"
        )
    promote(workspace, rank_models(workspace, sample_set, table["name"], kinds=("candidate",))[0], table)
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


def _row(workspace: Workspace, spec: ModelSpec) -> dict[str, Any]:
    row: dict[str, Any] = {"name": spec.name, **spec.hyperparameters.model_dump(), "reason": ""}
    if not is_done(workspace, spec):
        return row | {"reason": read_failure(workspace, spec.sample_set, spec.name)}
    metrics = read_metrics(workspace, spec.sample_set, spec.name)
    score, loss = read_scores(workspace, spec.sample_set, spec.name)
    return row | {"score": score, "loss": loss} | {key: metrics[key] for key in ("epochs", "seconds", "collapsed")}
