"""Rankings beside each other: who is ahead, by how much, and how it is said."""

from __future__ import annotations

import json

import numpy as np
import pytest

from mineral_pipeline.errors import DataError
from mineral_pipeline.evaluation import LIMIT, MODEL, RIVAL, Places, Ranking, compare_rankings


def make_places(n: int = 400, seed: int = 0) -> tuple[Places, np.random.Generator]:
    rng = np.random.default_rng(seed)
    block = np.repeat(np.arange(n // 10), 10)
    lonlat = np.column_stack([rng.uniform(-180, 180, n // 10), np.degrees(np.arcsin(rng.uniform(-1, 1, n // 10)))])
    return Places(rng.random(n) < 0.2, np.ones(n), block.astype(str), lonlat[block]), rng


def test_a_ranking_that_knows_is_ahead_of_those_that_do_not_and_behind_what_is_attainable() -> None:
    places, rng = make_places()
    knows = places.sought + rng.normal(0, 0.7, 400)
    rankings = [
        Ranking("the prospects", MODEL, knows),
        Ranking("chance", RIVAL, np.zeros(400)),
        Ranking("nearness", RIVAL, rng.random(400)),
        Ranking("attainable", LIMIT, places.sought.astype(float)),
    ]
    found = compare_rankings(rankings, places)
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    assert (found["candidates"], found["sought"], found["groups"]) == (400, places.sought.sum(), 40)
    model, chance, nearness, attainable = found["rankings"]
    assert chance["success"] == pytest.approx({"value": 0.05, "low": 0.05, "high": 0.05})
    assert [one["hits"] for one in chance["hits"]] == pytest.approx([one["expected"] for one in chance["hits"]])
    for rival in (chance, nearness):
        difference = rival["difference"]["success"]
        assert difference["value"] == pytest.approx(model["success"]["value"] - rival["success"]["value"])
        assert 0 < difference["low"] < difference["value"] < difference["high"]
    assert attainable["difference"]["success"]["value"] < 0
    assert model["difference"]["success"]["value"] == 0
    gain = (model["success"]["value"] - 0.05) / (attainable["success"]["value"] - 0.05)
    assert found["attained"] == {"attainable": pytest.approx(gain)}
    assert found["verdict"].endswith("The prospects are ahead of every rival, with intervals that exclude 0.")
    assert len(found["searched"]) == len(model["curve"])
    assert (model["curve"][0], model["curve"][-1]) == (0, 1)


def test_the_verdict_counts_what_the_first_ranking_finds() -> None:
    places, rng = make_places(seed=7)
    rankings = [Ranking("the prospects", MODEL, places.sought.astype(float)), Ranking("chance", RIVAL, rng.random(400))]
    found = compare_rankings(rankings, places)
    assert f"{min(places.sought.sum(), 40)} are among the first 40 of 400 prospects" in found["verdict"]


def test_a_ranking_that_knows_nothing_is_not_called_ahead() -> None:
    places, rng = make_places(seed=5)
    rankings = [Ranking(name, role, rng.random(400)) for name, role in (("p", MODEL), ("a", RIVAL), ("b", RIVAL))]
    assert compare_rankings(rankings, places)["verdict"].endswith("The prospects are not surely ahead of a and b.")
    half = [Ranking("p", MODEL, places.sought + rng.random(400)), Ranking("a", RIVAL, rng.random(400))]
    half.append(Ranking("b", RIVAL, half[0].score))
    verdict = compare_rankings(half, places)["verdict"]
    assert verdict.endswith("The prospects are ahead of a, but not surely ahead of b.")


@pytest.mark.parametrize("sought", [np.zeros(10, bool), np.ones(10, bool)])
def test_where_nothing_can_be_found_or_everything_is_it_is_refused(sought: np.ndarray) -> None:
    places = Places(sought, np.ones(10), np.arange(10).astype(str), np.zeros((10, 2)))
    with pytest.raises(DataError, match="of 10 candidates hold a hidden deposit"):
        compare_rankings([Ranking("p", MODEL, np.arange(10.0))], places)


def test_a_single_group_has_no_interval() -> None:
    places = Places(np.arange(10) < 3, np.ones(10), np.full(10, "b"), np.zeros((10, 2)))
    found = compare_rankings([Ranking("p", MODEL, -np.arange(10.0)), Ranking("c", RIVAL, np.zeros(10))], places)
    assert found["rankings"][1]["difference"]["success"]["low"] is None
    assert "not surely ahead of c" in found["verdict"]
