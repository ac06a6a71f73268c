"""The models of all folds as one, against the predictions written down location by location."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from mineral_pipeline.errors import DataError
from mineral_pipeline.evaluation import (
    HeldOut,
    ModelPredictions,
    Resampling,
    Results,
    Terms,
    average,
    compare_models,
    incomplete,
    join_folds,
    prediction_table,
)

FOLDS, LOCATIONS = 3, 8


def fold_of(number: int, best: str, values: dict[str, float], **facts: Any) -> Results:
    """A fold whose models predict one number each, plus a hundredth for every location before."""
    location = np.arange(LOCATIONS)
    table = pd.DataFrame(
        {
            "chip_id": [f"chip-{number}-{one}" for one in location],
            "location_id": [f"{number}{one:05d}" for one in location],
            "group": LOCATIONS * number + location // 2,
            "lon": 40.0 * number + location,
            "lat": 0.0,
            "label": location % 2,
            "weight": 1.0,
        }
    )
    models = [
        ModelPredictions(describe(name) | facts, value + location / 100, value + location / 100, "cross_entropy")
        for name, value in values.items()
    ]
    return Results(HeldOut(table, table, "blocks"), models, best)


def describe(name: str) -> dict[str, Any]:
    is_baseline = name in ("constant", "brightness")
    facts = {"task": "presence", "name": name, "kind": name if is_baseline else "grid", "label": f"the {name}"}
    return facts | {"role": "baseline" if is_baseline else "network", "network": name, "convolution": "small",
                    "dense": "small", "seed": 0, "collapsed": False, "seconds": 1.0, "validation": {}}  # fmt: skip


@pytest.fixture
def folds() -> list[Results]:
    """Three folds, each with another choice."""
    return [
        fold_of(0, "big", {"big": 0.1, "small": 0.2, "constant": 0.5}),
        fold_of(1, "small", {"small": 0.3, "big": 0.4, "constant": 0.5, "brightness": 0.6}),
        fold_of(2, "constant", {"big": 0.7, "small": 0.8, "constant": 0.5}),
    ]


def test_every_sample_is_predicted_by_the_models_of_its_fold(folds: list[Results]) -> None:
    joined = join_folds(folds)
    assert joined.best == "selected"
    test = joined.samples.test
    assert test["fold"].tolist() == np.repeat([0, 1, 2], LOCATIONS).tolist()
    assert test["group"].nunique() == FOLDS * LOCATIONS // 2
    expected = {"big": (0.1, 0.4, 0.7), "small": (0.2, 0.3, 0.8), "constant": (0.5,) * 3, "selected": (0.1, 0.3, 0.5)}
    assert joined.by_name.keys() == expected.keys(), "a model that only one fold has is left out"
    for name, values in expected.items():
        rows = zip(test["location_id"], joined.by_name[name].prediction, strict=True)
        for location, prediction in rows:
            assert prediction == pytest.approx(values[int(location[0])] + int(location[1:]) / 100)
    assert incomplete(folds) == ["brightness"]
    assert not any(model.validation is not None for model in joined.models), "nothing is chosen again"


def test_facts_are_those_that_tell_which_model_it_is(folds: list[Results]) -> None:
    big = join_folds(folds).by_name["big"].facts
    assert big == {key: describe("big")[key] for key in big}
    assert "seconds" not in big
    chosen = join_folds(folds).by_name["selected"].facts
    assert (chosen["kind"], chosen["role"], chosen["network"], chosen["seed"]) == ("selected", "network", None, 0)


def test_a_model_has_collapsed_when_it_has_in_every_fold() -> None:
    values = {"big": 0.1, "constant": 0.5}
    some = [fold_of(number, "constant", values, collapsed=number > 0) for number in range(FOLDS)]
    every = [fold_of(number, "constant", values, collapsed=True) for number in range(FOLDS)]
    assert not join_folds(some).by_name["big"].facts["collapsed"]
    assert join_folds(every).by_name["big"].facts["collapsed"]
    assert join_folds(every).best == "constant", "where every fold has selected it"
    assert "selected" not in join_folds(every).by_name


def test_a_single_fold_is_joined_too(folds: list[Results]) -> None:
    joined = join_folds(folds[:1])
    assert joined.samples.test["fold"].tolist() == [0] * LOCATIONS
    assert joined.by_name["big"].facts == {key: describe("big")[key] for key in joined.by_name["big"].facts}
    assert joined.by_name["selected"].prediction.tolist() == joined.by_name["big"].prediction.tolist()
    assert incomplete(folds[:1]) == []


def test_a_choice_without_predictions_is_an_error(folds: list[Results]) -> None:
    lacking = fold_of(1, "constant", {"big": 0.1})
    with pytest.raises(DataError, match="fold 1 has no predictions of its result, constant"):
        join_folds([folds[0], lacking, folds[2]])


def test_the_mean_of_an_ensemble_is_that_of_each_fold() -> None:
    parts = []
    for number, members in enumerate((["m0", "m1"], ["m1", "m2"])):
        fold = fold_of(number, "m1", {"m0": 0.1, "m1": 0.3, "m2": 0.8})
        parts.append(Results(fold.samples, [*fold.models, *average(members, fold.models)], "m1"))
    ensemble = join_folds(parts).by_name["ensemble"]
    assert ensemble.prediction[[0, LOCATIONS]].tolist() == pytest.approx([0.2, 0.55])
    assert ensemble.facts["members"] == ["m0", "m1", "m2"]
    alone = average(["m0", "m1"], parts[0].models)[0].facts
    assert (alone["name"], alone["kind"], alone["network"], alone["seed"]) == ("ensemble", "ensemble", "m0", None)
    assert average(["m0", "absent"], parts[0].models) == []


def test_they_are_compared_like_the_models_of_a_split(folds: list[Results]) -> None:
    joined = join_folds(folds)
    document = compare_models(
        "presence", joined.samples, joined.models, joined.best, Terms("accuracy", [], Resampling(99, 0))
    )
    assert (document["best"], document["samples"], document["interval"]["units"]) == ("selected", 24, 12)
    assert "significance" not in document
    table = prediction_table(joined.samples.test, joined.models)
    assert list(table.columns) == ["name", "chip_id", "location_id", "label", "fold", "prediction"]
    assert len(table) == 4 * 24
