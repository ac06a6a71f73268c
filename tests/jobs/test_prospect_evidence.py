"""What models add to proximity, where the truth is known, and who speaks then."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from row_of_locations import write_row
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

from jobs.prospecting.basis import heading
from jobs.prospecting.evidence import added_to_proximity
from jobs.prospecting.nearby import Nearby
from jobs.prospecting.voters import choose_voters
from mineral_pipeline.settings import Settings, parse
from mineral_pipeline.workspace import Workspace, artefacts

PLACES, FOLDS, BLOCK = 1200, 3, 10
"""Places in blocks of ten, which lie fifteen degrees apart: no fit has to leave a neighbour out."""
NAMES = pd.Index([f"L{place:04d}" for place in range(PLACES)], name="location_id")
OUT_OF_FOLD = artefacts.out_of_fold("presence")


def logistic(x: np.ndarray) -> np.ndarray:
    return np.asarray(1 / (1 + np.exp(-x)))


@pytest.fixture
def settings(workspace: Workspace, tmp_path: Path) -> Settings:
    found = write_row(workspace, tmp_path).model_dump()
    return parse({**found, "curate": {**found["curate"], "folds": FOLDS}})


@pytest.fixture
def nearby(workspace: Workspace) -> Nearby:
    """Places whose odds are half of what is near and half of what is seen; the workspace has predictions of them."""
    rng = np.random.default_rng(0)
    near, seen = rng.normal(size=(2, PLACES))
    holds = rng.random(PLACES) < logistic(1.5 * near + 1.5 * seen)
    block = np.arange(PLACES) // BLOCK
    lon, lat = block % 24 * 15.0, block // 24 * 15.0 - 30
    facts = {"lon": lon, "lat": lat, "n_deposits": 2 * holds, "probability": logistic(near)}
    fold = block % FOLDS
    workspace.write_table(
        artefacts.FOLDS, pd.DataFrame({"location_id": [*NAMES, "at sea"], "group": [*block, 999], "fold": [*fold, 0]})
    )
    predicted = {"statistics": logistic(seen), "noise": rng.random(PLACES), "near": logistic(near)}
    parts = [
        pd.DataFrame(
            {"name": name, "location_id": NAMES, "fold": fold, "prediction": one, "chip_id": chip, "label": 0.0}
        )
        for name, one in predicted.items()
        for chip in (NAMES, NAMES + "b")
    ]
    parts.append(parts[0].iloc[:1].assign(location_id="at sea"))
    workspace.write_table(artefacts.evaluation_predictions(OUT_OF_FOLD), pd.concat(parts))
    return Nearby(pd.DataFrame(facts, NAMES), pd.DataFrame(near[:, None] * [1, 0.9, 0, 0], NAMES))


def test_what_is_seen_adds_and_what_is_known_or_noise_does_not(workspace: Workspace, nearby: Nearby) -> None:
    found = added_to_proximity(workspace, "presence", nearby, ["statistics", "noise", "near", "absent"])
    assert list(found) == ["statistics", "noise", "near"]
    seen, noise, near = found.values()
    assert 0 < seen["low"] < seen["value"] < seen["high"]  # type: ignore[operator]
    for one in noise, near:
        assert one["low"] < 0.003, "it adds nothing for certain"  # type: ignore[operator]
        assert abs(one["value"]) < 0.01  # type: ignore[arg-type]

    table = workspace.read_table(artefacts.evaluation_predictions(OUT_OF_FOLD))
    table = table[(table["name"] == "statistics") & (table["chip_id"] == table["location_id"])].set_index("location_id")
    odds, holds = np.log(1 / table["prediction"] - 1).reindex(NAMES), nearby.locations["n_deposits"] > 0
    x = nearby.features.iloc[:, 0]
    areas, pairs = [], []
    for fold in range(FOLDS):
        here = (table["fold"] == fold).reindex(NAMES).to_numpy()
        for evidence in (x.to_frame().to_numpy(), np.column_stack([x, odds])):
            model = LogisticRegression(C=1e6).fit(evidence[~here], holds[~here])
            areas.append(roc_auc_score(holds[here], model.decision_function(evidence[here])))
        pairs.append(holds[here].sum() * (~holds[here]).sum())
    gains = np.diff(np.reshape(areas, (FOLDS, 2))).ravel()
    assert seen["value"] == pytest.approx(np.average(gains, weights=pairs), abs=1e-3)


def test_without_predictions_out_of_fold_nothing_is_known(workspace: Workspace, nearby: Nearby) -> None:
    assert added_to_proximity(workspace, "presence", nearby, ["absent"]) == {}
    assert added_to_proximity(workspace, "presence:gold", nearby, ["statistics"]) == {}
    few = Nearby(nearby.locations[:30], nearby.features[:30])
    assert added_to_proximity(workspace, "presence", few, ["statistics"]) == {}, "of 30 places none can be learnt"


def evaluated(beaten_by: list[str], statistics: str = "statistics", low: float = 0.45) -> dict[str, Any]:
    def model(name: str, *, pixels: bool) -> dict[str, Any]:
        facts = {"name": name, "kind": name, "label": f"the {name}", "role": "baseline", "pixels": pixels}
        return {**facts, "metrics": {"auc": {"value": 0.6}}}

    models = [model(statistics, pixels=True), model("coordinates", pixels=False), model("noise", pixels=True)]
    models[0]["metrics"]["auc"] |= {"low": low, "high": 0.7}
    bar = {"without_pixels": {"best": "coordinates", "beaten_by": beaten_by}}
    return {"primary_metric": "auc", "models": models, "bar": bar}


def test_what_is_below_the_bar_but_adds_to_proximity_speaks_with_it(
    settings: Settings, workspace: Workspace, nearby: Nearby
) -> None:
    workspace.write_json(artefacts.evaluation_metrics(OUT_OF_FOLD), evaluated([]))
    voters = choose_voters(settings, workspace, "presence", nearby)
    assert (voters.kind, voters.sees_pixels, voters.beats_bar, voters.is_near) == ("statistics", True, False, True)
    assert voters.added is not None
    assert f"however, the statistics adds {voters.added['value']:.3f} (" in voters.reason
    assert voters.reason.endswith(") out of fold, and speaks together with it.")
    assert heading([voters]) == (
        "Ranked by proximity to known deposits together with the statistics, which beats no map without pixels but adds"
        " to proximity."
    )
    number = replace(voters, task="richness", kind="coordinates", label="coordinates", sees_pixels=False)
    assert heading([voters, number]).endswith(
        "adds to proximity; for richness, no model that sees pixels beats the bar, and coordinates speaks."
    )


def test_what_adds_nothing_for_certain_does_not_speak(settings: Settings, workspace: Workspace, nearby: Nearby) -> None:
    workspace.write_json(artefacts.evaluation_metrics(OUT_OF_FOLD), evaluated([], statistics="near"))
    voters = choose_voters(settings, workspace, "presence", nearby)
    assert (voters.kind, voters.sees_pixels, voters.added) == ("proximity", False, None)


def test_few_rich_places_weigh_no_evidence(settings: Settings, workspace: Workspace, nearby: Nearby) -> None:
    workspace.write_json(artefacts.evaluation_metrics(OUT_OF_FOLD), evaluated([]))
    nearby.locations.loc[(nearby.locations["n_deposits"] > 0).cumsum() > 49, "n_deposits"] = 0
    assert nearby.n_rich == 49
    assert choose_voters(settings, workspace, "presence", nearby).kind == "proximity"


def test_what_beats_the_bar_says_what_it_adds(settings: Settings, workspace: Workspace, nearby: Nearby) -> None:
    workspace.write_json(artefacts.evaluation_metrics(OUT_OF_FOLD), evaluated(["statistics"]))
    voters = choose_voters(settings, workspace, "presence", nearby)
    assert (voters.kind, voters.beats_bar, voters.is_near) == ("statistics", True, True)
    assert voters.added is not None
    assert "To the AUC of proximity to known deposits it adds 0." in voters.reason
    assert voters.reason.endswith("Its evidence is joined with proximity to known deposits.")


def without_proximity(settings: Settings) -> Settings:
    return parse({**settings.model_dump(), "prospect": {"proximity": False}})


def test_without_proximity_the_same_models_speak_alone(
    settings: Settings, workspace: Workspace, nearby: Nearby
) -> None:
    frontier, metrics = without_proximity(settings), artefacts.evaluation_metrics(OUT_OF_FOLD)
    workspace.write_json(metrics, evaluated([]))
    voters = choose_voters(frontier, workspace, "presence", nearby)
    assert (voters.kind, voters.sees_pixels, voters.beats_bar, voters.is_near) == ("statistics", True, False, False)
    assert voters.reason.endswith(") out of fold, and speaks alone.")
    assert heading([voters]) == (
        "Ranked by the statistics alone, which beats no map without pixels but adds to proximity."
    )
    workspace.write_json(metrics, evaluated(["statistics"]))
    voters = choose_voters(frontier, workspace, "presence", nearby)
    assert (voters.kind, voters.beats_bar, voters.is_near) == ("statistics", True, False)
    assert "joined" not in voters.reason
    assert heading([voters]) == "Ranked by the statistics, from pixels that tell more than a map without them."


def test_without_proximity_and_evidence_the_best_map_speaks(
    settings: Settings, workspace: Workspace, nearby: Nearby
) -> None:
    workspace.write_json(artefacts.evaluation_metrics(OUT_OF_FOLD), evaluated([], statistics="near"))
    voters = choose_voters(without_proximity(settings), workspace, "presence", nearby)
    assert (voters.kind, voters.sees_pixels, voters.is_near) == ("coordinates", False, False)


def test_without_proximity_what_is_better_than_chance_speaks_before_a_map(
    settings: Settings, workspace: Workspace, nearby: Nearby
) -> None:
    workspace.write_json(artefacts.evaluation_metrics(OUT_OF_FOLD), evaluated([], statistics="near", low=0.51))
    voters = choose_voters(without_proximity(settings), workspace, "presence", nearby)
    assert (voters.kind, voters.sees_pixels, voters.beats_bar, voters.is_near) == ("near", True, False, False)
    assert voters.reason.endswith("with an AUC of 0.600 (0.510 to 0.700) out of fold, and speaks alone.")
    assert heading([voters]) == (
        "Ranked by the near alone, which beats no map without pixels but is better than chance."
    )
    assert choose_voters(settings, workspace, "presence", nearby).kind == "proximity"
