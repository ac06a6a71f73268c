"""What is said of locations: means, members, shares, intervals from the places that judge, by other arithmetic."""

from __future__ import annotations

import statistics

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest

from jobs.prospecting.ensembles import Features
from jobs.prospecting.ground import Ground
from jobs.prospecting.scores import Spoken, often_first, promise, score
from mineral_pipeline.evaluation import Conversion, NumberGivenOne, Shares, fit_calibration
from mineral_pipeline.learning import Task
from mineral_pipeline.prospecting import SCORES

NUMBER = NumberGivenOne(0.0, 1.0, 1.0, 99, 50)
"""The number where there is one is 100 ** richness - 1."""

PLAIN = Conversion(fit_calibration(np.ones(2), np.ones(2)), Shares(0.5, 0.5), NUMBER)
"""Probabilities are as predicted."""

LIKE = Features(np.arange(8.0)[:, None], np.arange(8.0)[:, None] + 0.1, np.empty(0))


def ground(n_deposits: list[int], fold: int | None = 0, judges: list[int] | None = None) -> Ground:
    """Locations of two chips each, of which those without a deposit are candidates; out of fold all judge."""
    n = np.repeat(n_deposits, 2)
    judging = np.ones(len(n), bool) if judges is None else np.isin(np.arange(len(n)) // 2, judges)
    columns = {"location_id": np.repeat([f"L{k:03d}" for k in range(len(n_deposits))], 2), "n_deposits": n}
    return Ground(fold, gpd.GeoDataFrame(columns | {"is_candidate": n == 0, "is_judge": judging}))


def speak(
    where: Ground, presence: np.ndarray, richness: np.ndarray, conversion: Conversion = PLAIN, far: int = 0
) -> Spoken:
    """All chips look like those of training, but for the last ``far``."""
    features = np.concatenate([np.zeros(len(where.chips) - far), np.full(far, 1e3)])[:, None]
    tasks: dict[Task, np.ndarray] = {"presence": presence, "richness": richness}
    return Spoken(where, tasks, conversion, Features(LIKE.trained, LIKE.validated, features))


def test_a_location_is_the_mean_of_its_chips_and_then_of_the_members() -> None:
    presence = np.array([[0.2, 0.4, 0.9, 0.9], [0.6, 0.6, 0.5, 0.7]])
    richness = np.array([[0.5, 0.5, 0.1, 0.3], [0.5, 0.5, 0.5, 0.5]])
    spoken = speak(ground([0, 0]), presence, richness)
    table, _ = score([spoken], 0)
    assert list(table.columns) == SCORES
    first, second = (table.loc[name] for name in ("L000", "L001"))
    assert first["probability"] == pytest.approx((0.3 + 0.6) / 2)
    assert second["probability"] == pytest.approx((0.9 + 0.6) / 2)
    assert (first["expected_given_one"], second["expected_given_one"]) == pytest.approx((9, 100**0.35 - 1))
    assert first["expected_number"] == pytest.approx(0.45 * 9)
    assert first["spread"] == pytest.approx(statistics.stdev([0.3 * 9, 0.6 * 9]))
    assert promise(spoken) == pytest.approx([0.4 * 9, 0.5 * 9, 0.7 * (100**0.3 - 1), 0.8 * (100**0.4 - 1)])


def test_how_often_a_location_is_among_the_first_is_over_ensembles_drawn_anew() -> None:
    """Of two members one puts the last location first: it is among the first ten when drawn twice, 1 in 4."""
    n = 11
    rising, falling = np.linspace(0.2, 0.8, n), np.linspace(0.8, 0.2, n)
    falling[-1], rising[-1] = 0.05, 0.9
    presence = np.repeat(np.stack([falling, rising]), 2, axis=1)
    table, _ = score([speak(ground([0] * n), presence, np.full((2, 2 * n), 0.5))], 0)
    assert table["first_10"].sum() == pytest.approx(10, abs=0.6), "but for ties, ten are"
    assert table["first_10"].iloc[-1] == pytest.approx(0.25, abs=0.5)
    left = often_first([speak(ground([0] * n), presence, np.full((2, 2 * n), 0.5))], 0, table.index[1:])
    assert (left == 1).all(), "of ten that are left, where one is excluded, each is always among the first ten"
    one, _ = score([speak(ground([0] * n), presence[:1], np.full((1, 2 * n), 0.5))], 0)
    assert one[["first_10", "spread"]].isna().all().all(), "of a single model nothing is drawn"


def test_the_residuals_of_what_is_held_out_make_the_intervals() -> None:
    rng = np.random.default_rng(0)
    n_deposits = [int(one) for one in rng.poisson(2, 200)]
    expected = np.repeat(np.clip(rng.normal(0.5, 0.1, 200), 0.1, 0.9), 2)
    spoken = speak(ground(n_deposits), expected[None], np.full((1, 400), 0.5), far=2)
    table, basis = score([spoken], 0)
    assert basis["intervals"]["samples"] == 199, "the last looks like nothing that was learnt"
    assert basis["errors"]["outside"]["places"] == 1
    numbers = expected[::2] * 9
    error = np.abs(np.log1p(n_deposits) - np.log1p(numbers))[:199].mean()
    assert basis["errors"]["inside"]["log_error"] == pytest.approx(error)
    brier = ((np.array(n_deposits) > 0) - expected[::2])[:199] ** 2
    assert basis["errors"]["inside"]["brier"] == pytest.approx(brier.mean())
    inside = table[np.isfinite(table["expected_high"])]
    assert len(inside) >= len(table) - 2
    assert (inside["expected_low"] <= inside["expected_number"]).all()
    assert (inside["expected_number"] <= inside["expected_high"]).all()


def test_in_validation_balanced_classes_count_as_often_as_in_truth() -> None:
    """Half of those that judge are rich, and err most; in the truth one in fifty is."""
    n_deposits = [0] * 101 + [40] * 100
    where = ground(n_deposits, fold=None, judges=list(range(1, 201)))
    conversion = Conversion(PLAIN.calibration, Shares(0.5, 0.02), NumberGivenOne(0.0, 0.0, 3.0, 99, 50))
    presence, richness = np.full((1, 402), 0.5), np.zeros((1, 402))
    _, basis = score([speak(where, presence, richness, conversion)], 0)
    assert basis["intervals"]["half_width"] == pytest.approx([np.log1p(0.02 * 2)]), "that of a barren place"
    out_of_fold = Ground(3, where.chips)
    _, basis = score([speak(out_of_fold, presence, richness, conversion)], 0)
    assert basis["intervals"]["half_width"] == pytest.approx([np.log(41) - np.log1p(0.04)])


def test_without_presence_the_rich_alone_judge() -> None:
    conversion = Conversion(None, None, NUMBER)
    where = ground([0] * 5 + [3] * 60)
    spoken = speak(where, np.zeros((1, 130)), np.full((1, 130), 0.5), conversion)
    table, basis = score([spoken], 0)
    assert table["probability"].isna().all()
    assert table["expected_number"].tolist() == pytest.approx([9] * 5)
    assert basis["intervals"]["samples"] == 60
    assert "brier" not in basis["errors"]["inside"]


def test_locations_of_all_folds_are_ranked_together() -> None:
    richness = np.full((2, 4), 0.5)
    one = speak(ground([0, 0], 0), np.full((2, 4), 0.6), richness)
    renamed = ground([0, 0], 1)
    other = Ground(1, renamed.chips.assign(location_id=renamed.chips["location_id"].str.replace("L", "M")))
    table, basis = score([one, speak(other, np.full((2, 4), 0.7), richness)], 0)
    assert sorted(table.index) == ["L000", "L001", "M000", "M001"]
    assert [found["fold"] for found in basis["applicability"]] == [0, 1]
    assert isinstance(table, pd.DataFrame)
