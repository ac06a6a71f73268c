"""What predictions mean, from the validation subsets: fitted baselines on samples whose deposits are known."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from synthetic_samples import settings, write_samples

from jobs.prospecting.conversions import make_conversion, validated
from jobs.prospecting.nearby import PROXIMITY, Nearby
from mineral_pipeline import modelling
from mineral_pipeline.errors import DataError, WorkspaceError
from mineral_pipeline.evaluation import measure
from mineral_pipeline.learning import TASKS
from mineral_pipeline.workspace import Workspace, artefacts

LARGEST = 99


@pytest.fixture
def fitted(workspace: Workspace) -> Workspace:
    """Two baselines of each task, and how many deposits each sample shows."""
    for task in TASKS:
        table = write_samples(workspace, task, locations=30, chips=2, size=8)
        numbers = 7 * table["label"] if task == "presence" else np.expm1(table["label"] * np.log(1 + LARGEST)).round()
        samples = workspace.read_table(artefacts.samples_table(task))
        workspace.write_table(artefacts.samples_table(task), samples.assign(n_deposits=numbers))
        name = artefacts.samples_summary(task)
        workspace.write_json(name, workspace.read_json(name) | {"candidates": {"0": 30, "1": 10}})
        for spec in modelling.baseline_specs(settings(workspace), workspace, task):
            if spec.name in NAMES:
                modelling.fit(workspace, spec, measure)
    workspace.write_table(artefacts.labels_part(0), pd.DataFrame({"max_deposits": [LARGEST]}))
    return workspace


NAMES = ["coordinates", "brightness"]


def test_both_tasks_are_learnt_from_their_own_validation(fitted: Workspace) -> None:
    found = make_conversion(fitted, {None: {"presence": NAMES, "richness": NAMES}})
    assert found.shares is not None
    share = float(modelling.open_subset(fitted, "presence", "validation").label.mean())
    assert (found.shares.true, found.shares.balance) == pytest.approx((0.25, share))
    assert found.calibration is not None
    assert found.calibration.samples == 6, "locations, not chips"
    assert (found.number.max_deposits, found.number.samples) == (LARGEST, 6)
    assert 0 < found.expected(np.array([0.5]), np.array([0.5]))[0] < LARGEST


def test_one_conversion_serves_all_folds(fitted: Workspace) -> None:
    """A fold whose rich places hold three times as many deposits, and are rarer."""
    table, name = write_samples(fitted, "presence/fold-1", locations=30, chips=2, size=8), "presence/fold-1"
    samples = fitted.read_table(artefacts.samples_table(name))
    fitted.write_table(artefacts.samples_table(name), samples.assign(n_deposits=21 * table["label"]))
    summary = artefacts.samples_summary(name)
    fitted.write_json(summary, fitted.read_json(summary) | {"candidates": {"0": 55, "1": 5}})
    for spec in modelling.baseline_specs(settings(fitted), fitted, "presence", 1):
        if spec.name in NAMES:
            modelling.fit(fitted, spec, measure)
    alone = make_conversion(fitted, {None: {"presence": NAMES}})
    both = make_conversion(fitted, {None: {"presence": NAMES}, 1: {"presence": NAMES}})
    assert alone.number(np.array([0.5])) == pytest.approx(7)
    assert both.number(np.array([0.5])) == pytest.approx(14)
    assert both.shares is not None
    assert both.calibration is not None
    assert both.shares.true == pytest.approx(15 / 100)
    assert both.calibration.samples == 12


def test_the_validation_is_told_by_location(fitted: Workspace) -> None:
    table = validated(fitted, "presence", NAMES)
    subset = modelling.open_subset(fitted, "presence", "validation")
    each = [modelling.read_predictions(fitted, "presence", name, subset.table["chip_id"]) for name in NAMES]
    chips = pd.DataFrame({"location_id": subset.table["location_id"], "mean": (each[0] + each[1]) / 2})
    expected = chips.groupby("location_id")["mean"].mean()
    assert table["prediction"].to_dict() == pytest.approx(expected.to_dict())
    assert table["n_deposits"].tolist() == (7 * table["label"]).tolist()
    assert table["weight"].sum() == pytest.approx(len(subset))


def test_one_task_alone_lacks_the_probability_or_takes_the_mean_number(fitted: Workspace) -> None:
    presence = make_conversion(fitted, {None: {"presence": NAMES}})
    assert presence.number(np.array([0.0, 1.0])) == pytest.approx(7)
    richness = make_conversion(fitted, {None: {"richness": NAMES}})
    assert richness.calibration is None
    assert np.isnan(richness.probability(np.array([0.5]))).all()


def test_proximity_means_what_it_says_of_all_places(fitted: Workspace) -> None:
    """200 places, of which each holds as many deposits as often as its probability says."""
    probability = np.repeat([0.1, 0.5], 100)
    n_deposits = np.concatenate([np.arange(100) < 10, 3 * (np.arange(100) < 50)])
    nearby = Nearby(pd.DataFrame({"n_deposits": n_deposits, "probability": probability}), pd.DataFrame())
    both = make_conversion(fitted, {None: {"presence": [PROXIMITY], "richness": NAMES}}, nearby)
    assert both.probability(np.array([0.1, 0.5])) == pytest.approx([0.1, 0.5], abs=0.01)
    assert both.number.samples == 6, "of the validation subset of richness"
    alone = make_conversion(fitted, {None: {"presence": [PROXIMITY]}}, nearby)
    assert alone.number(np.array([0.0])) == pytest.approx((10 + 50 * 3) / 60)


def test_what_cannot_be_known_is_an_error_that_says_what_to_do(fitted: Workspace) -> None:
    samples = fitted.read_table(artefacts.samples_table("richness"))
    fitted.write_table(artefacts.samples_table("richness"), samples.assign(n_deposits=0))
    with pytest.raises(DataError, match="validation of richness holds no place with a deposit"):
        make_conversion(fitted, {None: {"richness": NAMES}})
    name = artefacts.samples_summary("presence")
    summary = fitted.read_json(name)
    fitted.write_json(name, summary | {"candidates": {"0": 0, "1": 0}})
    with pytest.raises(WorkspaceError, match="does not tell how common deposits are: run curate again"):
        make_conversion(fitted, {None: {"presence": NAMES}})
