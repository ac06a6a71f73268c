"""The search over hyperparameters: dask-ml's, over our own split, on the GPU workers.

dask-ml cannot carry images through its graph and splits at random, which leaks: it is given row numbers and one
predefined split, and an estimator that reads Zarr. Candidates are models like any other, each with its folder, so
that a search resumes and its winner need not be trained twice.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, Self

import numpy as np
import pandas as pd
import scipy.stats
from dask_ml.model_selection import RandomizedSearchCV
from distributed import Client, as_completed
from sklearn.base import BaseEstimator
from sklearn.model_selection import ParameterSampler

from mineral_pipeline.errors import DataError
from mineral_pipeline.evaluation.metrics import HIGHER_IS_BETTER, PRIMARY_METRIC
from mineral_pipeline.modelling.dataset import open_subset
from mineral_pipeline.modelling.fitting import fit
from mineral_pipeline.modelling.model_selection import read_metrics, select_model
from mineral_pipeline.modelling.spec import FAILURE, METRICS, SPEC, TUNED, ModelSpec, is_done, write_spec
from mineral_pipeline.learning import Task
from mineral_pipeline.settings import Settings, Tune
from mineral_pipeline.workspace import Workspace, artefacts

SEARCH = "search.parquet"
"""Table of all candidates, kept with the winner."""

LOGARITHMIC = ("learning_rate", "conv_l1", "conv_l2", "dense_l1", "dense_l2")

FAILED = -2.0
"""Score of a candidate that failed, below every accuracy and every negated MAE: dask-ml cannot rank a nan."""

Report = Callable[[ModelSpec, bool], None]
"""Called for every candidate that ends, with whether it succeeded."""


class Candidate(BaseEstimator):  # type: ignore[misc]  # scikit-learn is untyped
    """A model as scikit-learn sees one; its parameters are the hyperparameters."""

    def __init__(
        self,
        workspace: Workspace,
        spec: ModelSpec,
        learning_rate: float = 0,
        conv_l1: float = 0,
        conv_l2: float = 0,
        dense_l1: float = 0,
        dense_l2: float = 0,
        dropout: float = 0,
        kernel: int = 0,
    ) -> None:
        self.workspace = workspace
        self.spec = spec
        self.learning_rate = learning_rate
        self.conv_l1 = conv_l1
        self.conv_l2 = conv_l2
        self.dense_l1 = dense_l1
        self.dense_l2 = dense_l2
        self.dropout = dropout
        self.kernel = kernel

    def fit(self, rows: np.ndarray, labels: np.ndarray) -> Self:
        """Train on the training store; ``rows`` stand for its samples, which are read from Zarr."""
        values = {name: value for name, value in self.get_params().items() if name not in ("workspace", "spec")}
        try:
            self.metrics_: dict[str, Any] | None = fit(self.workspace, candidate_spec(self.spec, values))
        except Exception:
            # dask-ml would keep no more than a warning; the reason is in the model's failure.json.
            self.metrics_ = None
        return self

    def score(self, rows: np.ndarray, labels: np.ndarray) -> float:
        """The task's criterion on the validation store, more is better."""
        if self.metrics_ is None:
            return FAILED
        criterion = PRIMARY_METRIC[self.spec.task]
        return float(self.metrics_["validation"][criterion]) * (1 if criterion in HIGHER_IS_BETTER else -1)


def candidate_spec(winner: ModelSpec, values: dict[str, Any]) -> ModelSpec:
    """The model of a point of the search; its name is a digest of the point."""
    values = {name: value.item() if isinstance(value, np.generic) else value for name, value in values.items()}
    hyperparameters = winner.hyperparameters.model_copy(update=values)
    name = hashlib.sha256(hyperparameters.model_dump_json().encode()).hexdigest()[:8]
    return replace(winner, name=f"candidate-{name}", kind="candidate", hyperparameters=hyperparameters)


def candidate_specs(settings: Settings, workspace: Workspace, task: Task, grid: Sequence[str]) -> list[ModelSpec]:
    """The models that the search over the best of ``grid`` tries, in dask-ml's order.

    Raises:
        DataError: no model of the grid is trained.
    """
    winner = replace(select_model(workspace, task, grid), epochs=settings.tune.epochs)
    points = ParameterSampler(distributions(settings.tune), settings.tune.candidates, random_state=settings.seed)
    specs = [candidate_spec(winner, point) for point in points]
    return list({spec.name: spec for spec in specs}.values())


def distributions(ranges: Tune) -> dict[str, Any]:
    """The ranges of the settings as scikit-learn wants them."""
    found: dict[str, Any] = {name: _range(scipy.stats.loguniform, *getattr(ranges, name)) for name in LOGARITHMIC}
    low, high = ranges.dropout
    found["dropout"] = _range(scipy.stats.uniform, low, high - low) if high > low else [low]
    first, last = ranges.kernel
    found["kernel"] = list(range(first | 1, last + 1, 2)) or [first]
    return found


def search(
    client: Client, settings: Settings, workspace: Workspace, task: Task, grid: Sequence[str], report: Report
) -> pd.DataFrame:
    """Try the candidates; the best becomes the model ``tuned``.

    Args:
        client: of a cluster with GPU workers.
        settings: ``tune``, and the seed of the draw.
        workspace: where.
        task: which.
        grid: names of the models of whose best the hyperparameters are searched.
        report: told of every candidate that ends.

    Returns:
        One row per candidate, as in ``search.parquet``: name, hyperparameters, score, loss, epochs, seconds, reason.

    Raises:
        DataError: no model of the grid is trained, or all candidates failed.
    """
    specs = candidate_specs(settings, workspace, task, grid)
    winner = replace(select_model(workspace, task, grid), epochs=settings.tune.epochs)
    sizes = [len(open_subset(workspace, task, side)) for side in ("train", "validation")]
    labels = np.concatenate([open_subset(workspace, task, side).label for side in ("train", "validation")])
    rows = np.arange(sum(sizes))
    searching = RandomizedSearchCV(
        Candidate(workspace, winner),
        distributions(settings.tune),
        n_iter=settings.tune.candidates,
        random_state=settings.seed,
        cv=[(rows[: sizes[0]], rows[sizes[0] :])],
        iid=False,
        refit=False,
        error_score=FAILED,
        scheduler=_on_gpus(client, lambda number, succeeded: report(specs[number], succeeded)),
    )
    searching.fit(rows[:, None], labels)
    table = pd.DataFrame([_row(workspace, spec) for spec in specs])
    if (table["reason"] != "").all():
        raise DataError(
            f"tune: every candidate for {task} failed, the first with {table['reason'][0]}: mend settings tune"
        )
    promote(workspace, select_model(workspace, task, table["name"], kinds=("candidate",)), table)
    return table


def promote(workspace: Workspace, winner: ModelSpec, table: pd.DataFrame) -> None:
    """Make a candidate the model ``tuned``: copied, not trained again."""
    task, tuned = winner.task, replace(winner, name=TUNED, kind="tuned")
    workspace.remove(artefacts.model(task, TUNED))
    write_spec(workspace, tuned)
    for file in workspace.list(artefacts.model(task, winner.name)):
        if file not in (SPEC, METRICS):
            workspace.write_bytes(
                artefacts.model(task, TUNED, file), workspace.read_bytes(artefacts.model(task, winner.name, file))
            )
    workspace.write_table(artefacts.model(task, TUNED, SEARCH), table)
    metrics = read_metrics(workspace, task, winner.name) | {"name": TUNED, "kind": "tuned"}
    workspace.write_json(artefacts.model(task, TUNED, METRICS), metrics)


def _on_gpus(client: Client, report: Callable[[int, bool], None]) -> Callable[..., Any]:
    """A Dask scheduler function that runs dask-ml's graph on the GPU workers and tells of every candidate that ends.

    dask-ml's own way with a client retries for ever what fails, and knows no resources.
    """

    def get(graph: Any, keys: Any, **_: Any) -> Any:
        futures = client.get(graph, keys, resources={"GPU": 1}, sync=False)
        for future, (_, score, *_) in as_completed(futures, with_results=True):
            _, number, _ = future.key
            report(number, score > FAILED)
        return client.gather(futures)

    return get


def _row(workspace: Workspace, spec: ModelSpec) -> dict[str, Any]:
    row: dict[str, Any] = {"name": spec.name, **spec.hyperparameters.model_dump(), "reason": ""}
    if not is_done(workspace, spec):
        return row | {"reason": workspace.read_json(artefacts.model(spec.task, spec.name, FAILURE))["reason"]}
    metrics = read_metrics(workspace, spec.task, spec.name)
    score, loss = (metrics["validation"][key] for key in (PRIMARY_METRIC[spec.task], "loss"))
    return row | {"score": score, "loss": loss, "epochs": metrics["epochs"], "seconds": metrics["seconds"]}


def _range(distribution: Any, low: float, high: float) -> Any:
    return distribution(low, high) if low != high else [low]
