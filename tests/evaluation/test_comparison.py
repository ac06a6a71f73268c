"""Comparison of models whose predictions are written down."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from mineral_pipeline.errors import DataError
from mineral_pipeline.evaluation import HeldOut, ModelPredictions, Resampling, Terms, compare_models, prediction_table
from mineral_pipeline.evaluation.comparison import _judged
from mineral_pipeline.geometry import distances_km
from mineral_pipeline.learning import Task, local_metric

LOCATIONS, CHIPS = 24, 3


def samples_of(task: Task, seed: int = 0) -> pd.DataFrame:
    """Three chips of each of 24 locations, which have the same label; two locations to a block."""
    values = np.linspace(0, 1, LOCATIONS) if task == "richness" else np.arange(LOCATIONS) % 2
    location, rng = np.repeat(np.arange(LOCATIONS), CHIPS), np.random.default_rng(seed)
    place = rng.uniform(-30, 30, (LOCATIONS, 2))[location]
    return pd.DataFrame(
        {
            "chip_id": [f"chip-{seed}-{number}" for number in range(len(location))],
            "location_id": [f"{seed}{number:05d}" for number in location],
            "group": location // 2,
            "lon": place[:, 0],
            "lat": place[:, 1],
            "label": rng.permutation(values)[location].astype("float32"),
            "weight": 1.0,
        }
    )


def held_out(task: Task) -> HeldOut:
    return HeldOut(samples_of(task, seed=1), samples_of(task), "blocks")


def terms(task: Task, n_resamples: int = 99, metric: str = "") -> Terms:
    metric = metric or {"presence": "accuracy", "richness": "mae"}[task]
    return Terms(metric, (500, 1000), Resampling(n_resamples, seed=0))


LOSS: dict[str, str] = {"presence": "cross_entropy", "richness": "mae"}


def model(
    name: str, kind: str, prediction: np.ndarray, validation: np.ndarray | None = None, task: Task = "presence"
) -> ModelPredictions:
    role = "network" if kind in ("grid", "tuned") else "baseline"
    facts = {"task": task, "name": name, "kind": kind, "role": role, "label": f"the {name}", "seed": 0}
    return ModelPredictions(facts, prediction, validation, LOSS[task])


def test_where_labels_are_drawn_all_near_samples_are_compared() -> None:
    """Chips of one location have one label, and would form no pair."""
    metric = local_metric("presence", 500)
    (near,) = _judged("presence", held_out("presence"), terms("presence", metric=metric)).pairing.near.values()
    assert near.nnz >= 2 * LOCATIONS * CHIPS * (CHIPS - 1)
    assert (near != near.T).nnz == 0


@pytest.mark.parametrize("task", ["presence", "richness"])
def test_evaluation_separates_a_model_that_knows_from_permuted_labels(task: Task) -> None:
    samples, rng = held_out(task), np.random.default_rng(0)
    noise = rng.uniform(0, 1, (2, LOCATIONS * CHIPS))
    knowing = [0.7 * one["label"].to_numpy() + 0.3 * noise[0] for one in (samples.test, samples.validation)]
    random = [model(f"random-labels-p{n}", "random-labels", rng.uniform(0, 1, LOCATIONS * CHIPS)) for n in range(3)]
    compared = [model("guesses", "grid", *noise, task), model("knows", "tuned", *knowing, task), *random]
    result = compare_models(task, samples, compared, "knows", terms(task, 199))

    assert result == json.loads(json.dumps(result, allow_nan=False))
    assert (result["task"], result["best"], result["locations"], result["samples"]) == (task, "knows", 24, 72)
    assert result["interval"] == {"unit": "blocks", "units": 12}
    models = {one["name"]: one for one in result["models"]}
    for one in [*models.values(), result["baseline"]]:
        for metric, found in one["metrics"].items():
            assert found["low"] <= found["value"] <= found["high"], metric
            assert ("perfect" in found) == (metric == "calibration" and "name" in one)
    metric = result["primary_metric"]
    knows, guesses, baseline = (
        one["metrics"][metric]["value"] for one in (models["knows"], models["guesses"], result["baseline"])
    )
    assert abs(knows - baseline) > 3 * abs(guesses - baseline)
    assert result["baseline"]["models"] == 3
    assert baseline == pytest.approx(
        np.mean([models[f"random-labels-p{n}"]["metrics"][metric]["value"] for n in range(3)])
    )
    chance = result["baseline"]["metrics"][metric]
    assert not chance["low"] <= knows <= chance["high"]
    significance = result["significance"]
    assert (significance["p_value"], significance["n_label_fields"], significance["models"]) == (1 / 200, 199, 2)
    assert set(significance["variogram"]) == {"range_km", "nugget"}
    assert all("p_value" not in one for one in [*models.values(), result["baseline"]])
    by_guessing = compare_models(task, samples, compared, "guesses", terms(task, 199))
    assert by_guessing["significance"]["p_value"] > 0.02
    assert by_guessing["models"] == result["models"]


def test_the_document_repeats_the_facts_of_every_model_in_order() -> None:
    samples = held_out("presence")
    label = samples.test["label"].to_numpy()
    models = [model("toy", "toy", label), model("network", "grid", 1 - label, samples.validation["label"].to_numpy())]
    result = compare_models("presence", samples, models, "network", terms("presence"))
    facts = ("name", "kind", "role", "label", "seed")
    assert [{key: one[key] for key in facts} for one in result["models"]] == [
        {"name": "toy", "kind": "toy", "role": "baseline", "label": "the toy", "seed": 0},
        {"name": "network", "kind": "grid", "role": "network", "label": "the network", "seed": 0},
    ]
    assert result["best"] == "network", "it was selected without the test subset"
    assert "baseline" not in result, "no labels were permuted"
    assert result["significance"]["models"] == 1, "only a network can be chosen"
    assert result["significance"]["p_value"] == 1


def test_pairs_of_local_metrics_and_the_positives_that_have_one_are_counted() -> None:
    validation, test = (
        one.iloc[::CHIPS].reset_index(drop=True) for one in (samples_of("presence", 1), samples_of("presence"))
    )
    compared = [model("network", "grid", test["label"].to_numpy(), validation["label"].to_numpy())]
    pairs = compare_models("presence", HeldOut(validation, test, "blocks"), compared, "network", terms("presence"))[
        "pairs"
    ]
    lonlat, positive = test[["lon", "lat"]].to_numpy(), test["label"].to_numpy() > 0.5
    for km in (500, 1000):
        near = [distances_km(one, lonlat[~positive]) <= km for one in lonlat[positive]]
        assert pairs[f"local_auc_{km}"] == {"pairs": int(np.sum(near)), "positives": int(np.any(near, axis=1).sum())}
        assert 0 < np.any(near, axis=1).sum() < positive.sum()


def test_one_block_and_one_class_give_values_without_intervals() -> None:
    samples = held_out("presence")
    single = HeldOut(samples.validation, samples.test.assign(group=7, label=np.float32(1)), "blocks")
    prediction = np.full(LOCATIONS * CHIPS, 0.5)
    result = compare_models(
        "presence", single, [model("network", "grid", prediction, prediction)], "network", terms("presence")
    )
    assert result == json.loads(json.dumps(result, allow_nan=False))
    (found,) = result["models"]
    assert found["metrics"]["accuracy"] == {"value": 1.0, "low": None, "high": None}
    assert found["metrics"]["auc"] == {"value": None, "low": None, "high": None}
    assert result["interval"]["units"] == 1


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


@pytest.mark.parametrize("task", ["presence", "richness"])
def test_out_of_fold_everything_is_compared_within_folds(task: Task) -> None:
    samples, rng = held_out(task), np.random.default_rng(1)
    test = samples.test.assign(fold=samples.test["group"] % 3, region=np.where(samples.test["lon"] > 0, "East", ""))
    label = test["label"].to_numpy(float)
    shifted = 0.3 * label + 0.2 * test["fold"].to_numpy()  # right within each fold, whose model is calibrated otherwise
    models = [
        model("selected", "grid", shifted, task=task),
        model("statistics", "statistics", rng.random(72), task=task),
    ]
    metric = {"presence": "auc", "richness": "concordance_1000"}[task]
    out_of_fold = HeldOut(samples.validation.assign(fold=0), test, "blocks")
    result = compare_models(task, out_of_fold, models, "selected", terms(task, metric=metric))
    assert result == json.loads(json.dumps(result, allow_nan=False))
    selected, statistics = (one["metrics"] for one in result["models"])
    near = [name for name in selected if name.startswith(("local_auc", "concordance", "auc"))]
    assert len(near) == (3 if task == "presence" else 2)
    assert [selected[name]["value"] for name in near] == pytest.approx([1] * len(near))
    assert statistics[metric]["value"] < 0.9
    assert "significance" not in result, "no model can be chosen again"
    assert result["bar"]["best"] == "statistics"
    assert [one["region"] for one in result["regions"]] == ["East", "elsewhere"]
    assert [(one["model"], one["folds"]) for one in result["added"]] == [("selected", 3), ("statistics", 3)]
    assert result["verdict"].startswith("selected beats the bar: ")


def test_a_primary_metric_that_is_not_defined_on_test_is_refused() -> None:
    samples = held_out("presence")
    single = HeldOut(samples.validation, samples.test.assign(label=np.float32(1)), "blocks")
    models = [model("network", "grid", np.full(72, 0.5), np.full(72, 0.5))]
    with pytest.raises(DataError, match=r"train\.primary_metric\.presence: auc is not defined on the test subset"):
        compare_models("presence", single, models, "network", terms("presence", metric="auc"))


def test_the_winner_of_the_search_is_compared_with_the_best_of_the_grid_that_validation_chose() -> None:
    """On validation the tuned network is the best; on test the grid's best there is worse than another of the grid."""
    samples = held_out("presence")
    label, validated = (one["label"].to_numpy() for one in (samples.test, samples.validation))
    wrong = np.arange(len(label)) < CHIPS * 6  # the first six locations

    def flawed(truth: np.ndarray, share: float) -> np.ndarray:
        return np.where(np.arange(len(truth)) < share * len(truth), 1 - truth, truth)

    models = [
        model("good-on-test", "grid", label, flawed(validated, 0.5)),
        model("chosen", "grid", np.where(wrong, 1 - label, label), flawed(validated, 0.25)),
        model("tuned", "tuned", label, flawed(validated, 0.125)),
        model("coordinates", "coordinates", label),
    ]
    found = compare_models("presence", samples, models, "tuned", terms("presence"))["search"]
    assert (found["grid"], found["tuned"]) == ("chosen", "tuned")
    assert found["validation"] == {"chosen": pytest.approx(0.75), "tuned": pytest.approx(0.875)}
    accuracy = found["difference"]["accuracy"]
    assert accuracy["value"] == pytest.approx(0.25)
    assert accuracy["low"] < 0.25 < accuracy["high"]
    without = compare_models("presence", samples, models[:2], "chosen", terms("presence"))
    assert "search" not in without
