"""What predictions add to coordinates, where the truth is known: labels of a smooth field and of each place's own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.special import ndtr

from mineral_pipeline.evaluation import find_groups
from mineral_pipeline.evaluation.added import (
    FOLDS,
    GUARD_KM,
    Known,
    Stack,
    _deal,
    added,
    known_from_coordinates,
    make_stack,
)
from mineral_pipeline.evaluation.variogram import Variogram, draw_fields, field_root
from mineral_pipeline.geometry import distances_km
from mineral_pipeline.learning import TASKS, Task

N = 300


def drawn(task: Task, seed: int) -> tuple[Stack, np.ndarray, dict[str, np.ndarray]]:
    """A stack, and predictors: one knows each place's own part of its label, two know nothing but geography."""
    rng = np.random.default_rng(seed)
    place = np.stack([rng.uniform(150, 230, N), rng.uniform(-40, 40, N)], axis=1)  # on both sides of the antimeridian
    root = field_root(distances_km(place[:, None], place[None]), Variogram(300, 0))
    geography, smooth, trained = draw_fields(root, 3, rng)
    own = rng.standard_normal(N)
    behind = geography + own
    label = (behind > 0).astype(float) if task == "presence" else ndtr(behind / 2)
    block = (place // 9).astype(int) @ [100, 1]
    samples = pd.DataFrame({"lon": place[:, 0], "lat": place[:, 1], "label": label})
    coordinates = ndtr(geography + trained)
    known = known_from_coordinates(task, samples, coordinates)
    stack = make_stack(task, samples, find_groups(block, place), known)
    return stack, block, {"knows": ndtr(own), "smooth": ndtr(smooth), "noise": rng.random(N), "same": coordinates**2}


def gain(found: dict[str, Any] | None, metric: str) -> dict[str, float]:
    assert found is not None
    difference: dict[str, float] = found["metrics"][metric]["difference"]
    return difference


@pytest.mark.parametrize("positives", [20, 100, 180])
def test_folds_have_like_shares_of_positives_however_common_they_are(positives: int) -> None:
    block = np.arange(200) // 4
    place = np.stack([10.0 * (block // 10), 5.0 * (block % 10)], axis=1)
    label = np.random.default_rng(0).permutation(np.arange(200) < positives).astype(float)
    fold = _deal("presence", label, find_groups(block, place), seed=0)
    assert len(np.unique(fold)) == FOLDS
    assert all(len(set(fold[block == one])) == 1 for one in range(50)), "whole groups"
    shares = [label[fold == one].mean() for one in range(FOLDS)]
    assert np.ptp(shares) < 0.15


@pytest.mark.parametrize("task", TASKS)
def test_what_knows_more_than_geography_adds_and_nothing_else_does(task: Task, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mineral_pipeline.evaluation.added.PARTITIONS", 1)
    metric, seeds, certain = {"presence": "auc", "richness": "r2"}[task], range(2), list[tuple[str, bool]]()
    for seed in seeds:
        stack, _, predictors = drawn(task, seed)
        for name, prediction in predictors.items():
            found = gain(added(stack, prediction), metric)
            assert found["low"] <= found["value"] <= found["high"]
            certain.append((name, found["low"] > 0))
    assert [one for name, one in certain if name == "knows"] == [True] * len(seeds)
    assert sum(one for name, one in certain if name != "knows") == 0


def test_trees_have_seen_neither_the_group_nor_the_guard(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mineral_pipeline.evaluation.added.PARTITIONS", 1)
    stack, block, predictors = drawn("presence", 0)
    fits = []

    def watched(features: np.ndarray, label: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
        fit = stack.known.fit(features, label)

        def predict(other: np.ndarray) -> np.ndarray:
            fits.append((features[:, 0].astype(int), other[:, 0].astype(int)))
            return fit(other)

        return predict

    numbered = replace(stack, known=Known("numbers", np.arange(N)[:, None], watched))
    assert added(numbered, predictors["noise"]) is not None
    place = np.degrees(np.stack([np.arctan2(stack.vectors[:, 1], stack.vectors[:, 0]), np.arcsin(stack.vectors[:, 2])]))
    for seen, predicted in fits:
        assert not set(block[seen]) & set(block[predicted])
        nearest = distances_km(place.T[seen][:, None], place.T[predicted][None]).min()
        assert nearest > GUARD_KM - 1e-6
    assert sorted(np.concatenate([predicted for _, predicted in fits])) == sorted(np.arange(N))


def test_folds_of_the_samples_are_those_of_the_stack() -> None:
    stack, block, predictors = drawn("presence", 1)
    place = np.degrees(np.stack([np.arctan2(stack.vectors[:, 1], stack.vectors[:, 0]), np.arcsin(stack.vectors[:, 2])]))
    samples = pd.DataFrame({"lon": place[0], "lat": place[1], "label": stack.label, "fold": block % 3})
    out_of_fold = make_stack("presence", samples, stack.groups, known_from_coordinates("presence", samples))
    (fold,) = out_of_fold.partitions
    assert len({*zip(fold, block % 3, strict=True)}) == 3
    found = added(out_of_fold, predictors["knows"])
    assert found is not None
    assert (found["to"], found["samples"], found["folds"]) == ("coordinates", N, 3)
    metrics = found["metrics"]["auc"]
    assert metrics["both"] - metrics["alone"] == pytest.approx(metrics["difference"]["value"])


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize(
    ("n", "n_groups", "label"),
    [(300, 1, 0.5), (1, 1, 0.5), (30, 6, 0.5), (300, 30, 0.0), (300, 30, 1.0), (300, 2, 0.01)],
)
def test_where_it_cannot_be_computed_there_is_nothing(task: Task, n: int, n_groups: int, label: float) -> None:
    rng = np.random.default_rng(0)
    labels = (rng.random(n) < label).astype(float)
    samples = pd.DataFrame({"lon": rng.uniform(-5, 5, n), "lat": rng.uniform(-5, 5, n), "label": labels})
    groups = find_groups(np.arange(n) % n_groups, samples[["lon", "lat"]].to_numpy())
    stack = make_stack(task, samples, groups, known_from_coordinates(task, samples))
    assert added(stack, rng.random(n)) is None
