"""Scores in each region of the Earth."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from mineral_pipeline.evaluation.description import defined
from mineral_pipeline.evaluation.metrics import find_metric
from mineral_pipeline.evaluation.pairing import Pairing
from mineral_pipeline.learning import Task, kind_of

ELSEWHERE = "elsewhere"
"""Name of what lies in no region."""


def score_regions(
    task: Task, samples: pd.DataFrame, predictions: Mapping[str, np.ndarray], pairing: Pairing, metric: str
) -> list[dict[str, Any]]:
    """The ``regions`` of ``evaluation/<task>/metrics.json``, in the order of their names.

    The pairs of a metric of order lie within a region. There are no intervals: a region has few blocks.

    Args:
        task: task of the models.
        samples: ``region`` and ``label``, one row per sample.
        predictions: (sample,) of each model by its name.
        pairing: which samples are compared by the metrics of order.
        metric: the primary metric, which is given beside those of order.
    """
    names, number = np.unique(samples["region"].fillna("").replace("", ELSEWHERE).astype(str), return_inverse=True)
    label = samples["label"].to_numpy(np.float64)
    weight = (np.arange(len(names))[:, None] == number).astype(float)
    metrics = dict.fromkeys([metric, *(["auc"] if kind_of(task) == "presence" else []), *pairing.near])
    scores = {
        (name, one): find_metric(task, one, pairing)(label, prediction, weight)
        for name, prediction in predictions.items()
        for one in metrics
    }
    return [
        {
            "region": str(region),
            "samples": int(weight[row].sum()),
            "positives": int(weight[row] @ (label > 0)),
            "metrics": {name: {one: defined(scores[name, one][row]) for one in metrics} for name in predictions},
        }
        for row, region in enumerate(names)
    ]
