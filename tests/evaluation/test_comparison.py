"""Comparison of models whose predictions are written down."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from mineral_pipeline.evaluation import ModelPredictions, Resampling, compare_models, prediction_table
from mineral_pipeline.learning import Task

LOCATIONS, CHIPS = 24, 3


def samples_of(task: Task) -> pd.DataFrame:
    """Three chips of each of 24 locations, which have the same label."""
    values = np.linspace(0, 1, LOCATIONS) if task == "richness" else np.arange(LOCATIONS) % 2
    location = np.repeat(np.arange(LOCATIONS), CHIPS)
    chips, keys = [f"chip-{number}" for number in range(len(location))], [f"{number:06d}" for number in location]
    return pd.DataFrame({"chip_id": chips, "location_id": keys, "label": values[location].astype("float32")})


def model(name: str, kind: str, prediction: np.ndarray) -> ModelPredictions:
    role = "network" if kind in ("grid", "tuned") else "baseline"
    facts = {"task": "presence", "name": name, "kind": kind, "role": role, "label": f"the {name}", "seed": 0}
    return ModelPredictions(facts, prediction)


@pytest.mark.parametrize("task", ["presence", "richness"])
def test_evaluation_separates_a_model_that_knows_from_permuted_labels(task: Task) -> None:
    samples, rng = samples_of(task), np.random.default_rng(0)
    noise = rng.uniform(0, 1, len(samples))
    knowing = 0.7 * samples["label"].to_numpy() + 0.3 * noise
    random = [model(f"random-labels-p{n}", "random-labels", rng.uniform(0, 1, len(samples))) for n in range(3)]
    compared = [model("guesses", "grid", noise), model("knows", "tuned", knowing), *random]
    result = compare_models(task, samples, compared, "knows", Resampling(400, seed=0))

    assert result == json.loads(json.dumps(result, allow_nan=False))
    assert (result["task"], result["best"], result["locations"], result["samples"]) == (task, "knows", 24, 72)
    models = {one["name"]: one for one in result["models"]}
    for one in models.values():
        for metric, found in one["metrics"].items():
            assert found["low"] <= found["value"] <= found["high"], metric
    metric = result["primary_metric"]
    knows, guesses, baseline = (
        one["metrics"][metric]["value"] for one in (models["knows"], models["guesses"], result["baseline"])
    )
    assert abs(knows - baseline) > 3 * abs(guesses - baseline)
    assert result["baseline"]["models"] == 3
    assert models["knows"]["p_value"] == result["baseline"]["p_value"] == pytest.approx(1 / 401)
    assert models["guesses"]["p_value"] > 0.02
    assert "p_value" not in models["random-labels-p0"]
    assert result["baseline"]["permutation_p_value"] == 0.25, "no more can be said with three permutations"


def test_the_document_repeats_the_facts_of_every_model_in_order() -> None:
    samples = samples_of("presence")
    label = samples["label"].to_numpy()
    models = [model("toy", "toy", label), model("network", "grid", 1 - label)]
    result = compare_models("presence", samples, models, "network", Resampling(100, seed=0))
    facts = ("name", "kind", "role", "label", "seed")
    assert [{key: one[key] for key in facts} for one in result["models"]] == [
        {"name": "toy", "kind": "toy", "role": "baseline", "label": "the toy", "seed": 0},
        {"name": "network", "kind": "grid", "role": "network", "label": "the network", "seed": 0},
    ]
    assert result["best"] == "network", "it was selected without the test subset"
    assert "baseline" not in result, "no labels were permuted"
    assert all("p_value" not in one for one in result["models"])


def test_the_table_holds_every_prediction_of_every_model() -> None:
    samples = samples_of("richness")
    predictions = {"one": np.linspace(0, 1, len(samples)), "other": np.zeros(len(samples))}
    models = [model(name, "grid", prediction) for name, prediction in predictions.items()]
    table = prediction_table(samples, models)
    assert list(table.columns) == ["name", "chip_id", "location_id", "label", "prediction"]
    for name, prediction in predictions.items():
        rows = table[table["name"] == name]
        np.testing.assert_array_equal(rows["prediction"], prediction)
        np.testing.assert_array_equal(rows["chip_id"], samples["chip_id"])
