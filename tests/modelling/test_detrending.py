"""Labels without their trend: by loops, on the sphere; and networks that learn them."""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import replace
from typing import Any, cast

import numpy as np
import pandas as pd
import pytest
from haversine import haversine_km
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st
from synthetic_samples import settings

from mineral_pipeline import modelling
from mineral_pipeline.evaluation import measure
from mineral_pipeline.modelling import ModelSpec, fitting
from mineral_pipeline.modelling.dataset import Subset, open_subset, permute_labels
from mineral_pipeline.modelling.detrending import detrend_labels
from mineral_pipeline.workspace import Workspace, artefacts
from mineral_pipeline.workspace.images import Images

# Keras 3.15 makes arrays of TensorFlow variables in a way that numpy 2 announces to retire.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


def subset_of(rows: list[tuple[str, float, float, float]]) -> Subset:
    """Location, longitude, latitude and label of each chip."""
    table = pd.DataFrame(rows, columns=["location_id", "lon", "lat", "label"])
    label = table.pop("label").to_numpy("float32")
    return Subset(cast(Images, None), table, label, np.ones(len(label), "float32"), np.zeros(len(label)))


chips = st.lists(st.tuples(st.integers(0, 6), st.floats(0, 1, width=32)), min_size=1, max_size=20)
"""Location and label of each chip."""
corners = st.lists(st.tuples(st.floats(175, 185), st.floats(80, 89)), min_size=7, max_size=7)
"""Places of the locations, about the antimeridian and near the pole."""


@given(chips, corners, st.floats(30, 3000))
@examples(max_examples=80, deadline=None)
def test_it_is_the_label_against_the_mean_of_the_other_locations(
    chips: list[tuple[int, float]], corners: list[tuple[float, float]], length_km: float
) -> None:
    found = detrend_labels(subset_of([(f"{one}", *corners[one], label) for one, label in chips]), length_km).label
    of_location = defaultdict(list)
    for one, label in chips:
        of_location[one].append(label)
    richness = {one: math.fsum(labels) / len(labels) for one, labels in of_location.items()}
    mean = math.fsum(richness.values()) / len(richness)
    assert found.dtype == np.float32
    for (one, label), relative in zip(chips, found, strict=True):
        km = {other: haversine_km(corners[one], corners[other]) for other in richness if other != one}
        if any(abs(distance / length_km - 3) < 1e-6 for distance in km.values()):
            continue  # whether it is within reach is rounding
        kernel = {other: math.exp(-((d / length_km) ** 2) / 2) for other, d in km.items() if d < 3 * length_km}
        trend = mean
        if kernel:
            trend = math.fsum(w * richness[other] for other, w in kernel.items()) / math.fsum(kernel.values())
        assert relative == pytest.approx(min(max(label - trend + mean, 0), 1), abs=2e-5)


def test_chips_of_the_same_location_are_no_neighbours() -> None:
    rich = [("a", 0.0, 0.0, 0.9), ("a", 0.1, 0.0, 0.9), ("a", 0.0, 0.1, 0.9), ("b", 90.0, 0.0, 0.3)]
    made = subset_of(rich)
    np.testing.assert_array_equal(detrend_labels(made, 500).label, made.label)


def test_a_place_among_poorer_ones_is_raised_and_the_scale_stays() -> None:
    made = subset_of(
        [("a", 0.0, 0.0, 0.6), ("b", 1.0, 0.0, 0.5), ("c", 90.0, 0.0, 0.6), ("d", 91.0, 0.0, 0.7), ("e", 0.0, 80, 0.1)]
    )
    found = detrend_labels(made, 300).label
    np.testing.assert_allclose(found, [0.6, 0.4, 0.4, 0.6, 0.1], atol=1e-6)
    assert found[0] > found[2], "as rich, among poorer ones"


def test_only_a_subset_knows_its_own(curated: Workspace) -> None:
    subsets = [open_subset(curated, "richness", name) for name in ("train", "validation")]
    both = replace(
        subsets[0],
        table=pd.concat([one.table for one in subsets], ignore_index=True),
        label=np.concatenate([one.label for one in subsets]),
    )
    alone, mixed = detrend_labels(subsets[0], 500).label, detrend_labels(both, 500).label[: len(subsets[0])]
    assert np.abs(alone - mixed).max() > 0.01


def richness_spec(workspace: Workspace, task: str = "richness", **values: Any) -> ModelSpec:
    one = {"convolutions": ["small"], "dense_layers": ["small"], "epochs": 1, "patience": 1}
    config = settings(workspace, train=one | {"hyperparameters": {"learning_rate": 1e-5, **values}})
    (spec,) = modelling.grid_specs(config, workspace, task)
    return spec


@pytest.mark.parametrize("permutation", [None, 3])
def test_networks_learn_such_labels_and_are_measured_by_true_ones(
    curated: Workspace, monkeypatch: pytest.MonkeyPatch, permutation: int | None
) -> None:
    from mineral_pipeline.modelling import training

    train, compared, learnt = training.train, list[np.ndarray](), list[Subset]()

    def watched(draft: Any, spec: Any, *subsets: Subset, **options: Any) -> Any:
        learnt.extend(subsets)
        return train(draft, spec, *subsets, **options)

    def is_collapsed(prediction: np.ndarray, label: np.ndarray, weight: np.ndarray) -> bool:
        compared.append(label)
        return False

    monkeypatch.setattr(training, "train", watched)
    monkeypatch.setattr(fitting, "is_collapsed", is_collapsed)
    spec = replace(richness_spec(curated, detrending_km=300.0), permutation=permutation)
    metrics = modelling.fit(curated, spec, measure)
    truth = [open_subset(curated, "richness", name) for name in ("train", "validation")]
    given = truth if permutation is None else [permute_labels(one, permutation) for one in truth]
    for found, one in zip(learnt, given, strict=True):
        np.testing.assert_array_equal(found.label, detrend_labels(one, 300).label)
        assert np.abs(found.label - one.label).max() > 0.1
    np.testing.assert_array_equal(compared[0], learnt[1].label)
    predictions = curated.read_table(artefacts.model("richness", spec.name, artefacts.MODEL_PREDICTIONS))
    np.testing.assert_array_equal(predictions["label"], truth[1].label)
    assert metrics["validation"]["mae"] == pytest.approx(
        np.abs(predictions["prediction"] - truth[1].label).mean(), rel=1e-5
    )


def test_presence_is_learnt_as_it_is(curated: Workspace) -> None:
    subset = open_subset(curated, "presence", "train")
    assert fitting._to_learn(richness_spec(curated, "presence", detrending_km=300.0), subset) is subset
    richness = open_subset(curated, "richness", "train")
    assert fitting._to_learn(richness_spec(curated), richness) is richness
