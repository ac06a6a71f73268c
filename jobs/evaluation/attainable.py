"""What can be attained on the simulated planet: the scores of who sees the true patches, and of who knows its laws."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from mineral_pipeline.evaluation import HeldOut, measure
from mineral_pipeline.labelling import richness
from mineral_pipeline.learning import CONSTANT, METRICS, Task, is_better, kind_of, subject_of
from mineral_pipeline.modelling import open_subset
from mineral_pipeline.modelling.baselines import Examples
from mineral_pipeline.modelling.baselines.baseline import FeaturePredictor
from mineral_pipeline.modelling.baselines.estimators import fit_boosted_trees
from mineral_pipeline.modelling.dataset import Subset
from mineral_pipeline.settings import Settings
from mineral_pipeline.simulation import TRUTH
from mineral_pipeline.workspace import Workspace, artefacts

PATCHES = ["n_patches", "patch_area", "patch_alteration", "largest_patch"]
"""Columns of the truth from which boosted trees predict."""

ATTAINABLE, BAYES = "attainable", "bayes"
"""Boosting on the true patches, and the Bayes predictor."""


def read_truth(settings: Settings) -> pd.DataFrame | None:
    """The truth of every location by its identifier, where the settings simulate the archive; None elsewhere."""
    archive = Workspace(settings.archive.url)
    if "simulate" not in settings.jobs or not archive.exists(TRUTH):
        return None
    return pd.DataFrame(archive.read_table(TRUTH)).set_index("location_id")


def attainable(settings: Settings, task: Task, samples: HeldOut, document: Mapping[str, Any]) -> dict[str, Any]:
    """Part of ``evaluation/<task>/metrics.json`` on a simulated planet; empty elsewhere.

    Boosted trees see the true patches of the training and validation samples of the networks. The Bayes predictor knows
    the laws of the planet, its patches and its geography, and learns nothing. The gain of a model is (score - chance) /
    (attainable - chance), where chance is the score of the constant; it is absent where nothing can be attained.

    Args:
        settings: settings of the pipeline.
        task: task of the models.
        samples: validation and test subsets.
        document: the rest of ``metrics.json``: ``models`` with their metrics, ``best`` and ``primary_metric``.

    Returns:
        ``attainable``: scores and gains, and for people ``metric``, the primary one, or the first of the task where
        that is of pairs of places, and ``part``, what the best model has of the gain: empty where there is none.
    """
    truth = read_truth(settings)
    if truth is None:
        return {}
    workspace = Workspace(settings.workspace)
    train = open_subset(workspace, artefacts.sample_set(task), "train")
    test, label = truth.loc[samples.test["location_id"]], samples.test["label"].to_numpy()
    trees = fit_attainable(settings, task, artefacts.sample_set(task), truth)
    scores = {ATTAINABLE: measure(task, label, trees.predict(test[PATCHES]))}
    if not subject_of(task):  # of a commodity the truth does not tell what to expect
        scores[BAYES] = measure(task, label, _bayes(workspace, task, truth, test, train))
    models = {str(model["name"]): _values(model) for model in document["models"]}
    chance = models.get(CONSTANT, {})
    gains = {name: _gains(task, reached, scores[ATTAINABLE], chance) for name, reached in models.items()}
    known = METRICS[kind_of(task)]
    metric = document["primary_metric"] if document["primary_metric"] in known else known[0]
    gain = gains[document["best"]].get(metric)
    part = "" if gain is None else "nothing" if gain <= 0 else f"{gain:.0%}"
    return {"attainable": {"metric": metric, "part": part, "scores": scores, "gains": gains}}


def fit_attainable(settings: Settings, task: Task, sample_set: str, truth: pd.DataFrame) -> FeaturePredictor:
    """Boosted trees that see the true patches of the training and validation samples of a sample set."""
    workspace = Workspace(settings.workspace)
    loss = "cross_entropy" if kind_of(task) == "presence" else settings.train.richness_loss
    examples = (
        Examples(truth.loc[one.table["location_id"], PATCHES], task, loss, one.label, one.weight)
        for one in (open_subset(workspace, sample_set, name) for name in ("train", "validation"))
    )
    return fit_boosted_trees(*examples)


def _bayes(workspace: Workspace, task: Task, truth: pd.DataFrame, test: pd.DataFrame, train: Subset) -> np.ndarray:
    """(sample,) predictions of who knows the planet; probabilities for classes as frequent as in training."""
    if kind_of(task) == "richness":
        most = int(workspace.read_table(artefacts.LABELS, ["max_deposits"])["max_deposits"].max())
        has_barren = bool((train.label == 0).any())
        return np.minimum(richness(test["median_known" if has_barren else "median_if_known"].to_numpy(), most), 1)
    usual = truth.loc[truth["on_land"], "presence"].mean()
    drawn = np.average(train.label, weights=train.weight)
    odds = test["presence"].clip(1e-9, 1 - 1e-9)
    odds = odds / (1 - odds) * drawn / (1 - drawn) * (1 - usual) / usual
    return np.asarray(odds / (1 + odds))


def _values(model: Mapping[str, Any]) -> dict[str, float | None]:
    return {name: found["value"] for name, found in model["metrics"].items()}


def _gains(
    task: Task,
    reached: Mapping[str, float | None],
    best: Mapping[str, float],
    chance: Mapping[str, float | None],
) -> dict[str, float]:
    """Gains of a model by metric."""
    found = {}
    for metric in METRICS[kind_of(task)]:
        score, start = reached[metric], chance.get(metric)
        if score is not None and start is not None and is_better(metric, np.array(best[metric]), np.array(start)):
            found[metric] = (score - start) / (best[metric] - start)
    return found
