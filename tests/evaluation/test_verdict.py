"""The verdict in each of the cases that an evaluation can end in, word by word."""

from __future__ import annotations

from typing import Any

import pytest

from mineral_pipeline.evaluation.verdict import verdict

BLIND = {"name": "coordinates", "kind": "coordinates", "label": "coordinates", "role": "baseline", "pixels": False}
STATISTICS = {
    "name": "statistics",
    "kind": "statistics",
    "label": "pixel statistics",
    "role": "baseline",
    "pixels": True,
}
CONSTANT = {"name": "constant", "kind": "constant", "label": "constant", "role": "baseline"}
RANDOM = {"name": "random-labels-p0", "kind": "random-labels", "label": "random labels", "role": "baseline"}
NETWORK = {"name": "big-s0", "kind": "grid", "label": "big-s0", "role": "network", "pixels": True}


def ends(value: float | None, margin: float | None = 0.04) -> dict[str, float | None]:
    known = value is not None and margin is not None
    return {"value": value, "low": value - margin if known else None, "high": value + margin if known else None}


def document(
    baseline: dict[str, Any], difference: dict[str, float | None], beaten_by: tuple[str, ...] = (), **more: Any
) -> dict[str, Any]:
    metric = more.get("primary_metric", "accuracy")
    models = [{**one, "metrics": {metric: ends(value)}} for one, value in ((baseline, 0.722), (NETWORK, 0.675))]
    pair = {"model": "big-s0", "baseline": baseline["name"], "metrics": {metric: difference}}
    bar = {"best": baseline["name"], "differences": [pair], "beaten_by": list(beaten_by)}
    found = {"task": "presence", "primary_metric": metric, "best": "big-s0", "models": models, "bar": bar}
    return found | {"interval": {"unit": "blocks", "units": 30}, "added": [gain("big-s0", 0.005)]} | more


def gain(model: str, value: float, metric: str = "auc", margin: float | None = 0.01) -> dict[str, Any]:
    return {"model": model, "metrics": {metric: {"alone": 0.701, "both": 0.7, "difference": ends(value, margin)}}}


def test_no_network_beats_coordinates() -> None:
    assert verdict(document(BLIND, ends(-0.047))) == (
        "No network beats the bar: coordinates, which sees no pixel, reaches accuracy 0.722 (0.682 to 0.762) on the"
        " test subset, big-s0, the network that validation chose, 0.675 (0.635 to 0.715); the difference is -0.047"
        " (-0.087 to -0.007). The networks have learnt where people have looked, not what the ground shows. To the AUC"
        " of coordinates alone, 0.701, big-s0 adds 0.005 (-0.005 to 0.015), which may be nothing."
    )


@pytest.mark.parametrize(
    ("baseline", "meaning"),
    [
        (STATISTICS, "The networks tell less than a simple model of the pixels (pixel statistics)."),
        (CONSTANT, "Nothing shows that the networks have learnt anything."),
        (RANDOM, "Nothing shows that the networks have learnt anything."),
    ],
)
def test_what_it_means_depends_on_the_baseline(baseline: dict[str, Any], meaning: str) -> None:
    said = verdict(document(baseline, ends(-0.047)))
    assert said.startswith("No network beats the bar: ")
    assert meaning in said
    assert "where people have looked" not in said
    assert "which sees no pixel" not in said


@pytest.mark.parametrize("difference", [0.03, 0, -0.03])
def test_what_may_be_chance_is_no_gain_and_no_proof(difference: float) -> None:
    said = verdict(document(BLIND, ends(difference)))
    assert said.startswith("No network beats the bar: ")
    assert "Nothing shows that the networks have learnt more than where people have looked." in said
    said = verdict(document(STATISTICS, ends(difference)))
    assert "Nothing shows that the networks tell more than a simple model of the pixels (pixel statistics)." in said


def test_the_chosen_network_beats_the_bar() -> None:
    found = document(BLIND, ends(0.08), ("big-s0", "small-s0"), added=[gain("big-s0", 0.06), gain("statistics", 0.043)])
    said = verdict(found)
    assert said.startswith("big-s0 beats the bar: coordinates, which sees no pixel, reaches accuracy 0.722")
    assert "the difference is 0.080 (0.040 to 0.120)." in said
    assert said.endswith("0.701, big-s0 adds 0.060 (0.050 to 0.070); statistics adds 0.043 (0.033 to 0.053).")
    assert "No network" not in said


def test_what_each_fold_has_selected_is_told_as_such() -> None:
    found = document(BLIND, ends(0.09), ("selected",))
    network, pair = found["models"][1], found["bar"]["differences"][0]
    network |= {"name": "selected", "kind": "selected"}
    pair["model"] = found["best"] = "selected"
    found["added"] = [gain("selected", 0.05)]
    said = verdict(found)
    assert said.startswith(
        "What validation chose in each fold beats the bar: coordinates, which sees no pixel, reaches"
    )
    assert "out of fold, what validation chose in each fold 0.675 (0.635 to 0.715); the difference is 0.090" in said
    assert said.endswith("0.701, what validation chose in each fold adds 0.050 (0.040 to 0.060).")


def test_luck_among_many_is_said() -> None:
    said = verdict(document(BLIND, ends(-0.01), ("small-s0",)))
    assert said.startswith("The network that validation chose does not beat the bar: ")
    assert "small-s0 does, as the luckiest of several may: nothing chose it beforehand." in said
    assert "small-s0, small-s1 do, as" in verdict(document(BLIND, ends(-0.01), ("small-s0", "small-s1")))


def test_few_blocks_tell_nothing() -> None:
    found = document(BLIND, ends(-0.047, None), interval={"unit": "blocks", "units": 1}, added=[])
    said = verdict(found)
    assert said.startswith("Whether a network beats the bar cannot be told: there are too few blocks for an interval")
    assert ". Coordinates, which sees no pixel, reaches" in said
    assert said.endswith("What pixels add to coordinates cannot be told: the test samples are too few, or too near each"
                         " other.")  # fmt: skip


def test_without_a_baseline_there_is_no_bar() -> None:
    found = document(BLIND, ends(0), primary_metric="local_auc_500")
    assert "reaches local AUC (500 km) 0.722" in verdict(found)
    nothing = "Whether a network beats the bar cannot be told: there is no baseline."
    assert verdict({key: found[key] for key in found if key != "bar"}).startswith(nothing)


def test_a_collapse_is_the_first_thing_to_say() -> None:
    found = document(CONSTANT, ends(0), best="constant", added=[gain("statistics", 0.04)])
    said = verdict(found)
    assert said.startswith("Every network has collapsed to a constant: nothing has been learnt from the pixels.")
    assert "statistics adds 0.040" in said


def test_of_an_error_less_is_better() -> None:
    found = document(BLIND, ends(0.05), primary_metric="mae", task="richness", added=[gain("big-s0", 0.03, "r2")])
    said = verdict(found)
    assert "the difference is 0.050 (0.010 to 0.090) (lower is better)." in said
    assert "where people have looked, not what the ground shows" in said
    assert "To the R² of coordinates alone, 0.701, big-s0 adds 0.030" in said
    better = verdict(document(BLIND, ends(-0.01), primary_metric="mae", task="richness", added=[]))
    assert "Nothing shows that" in better
