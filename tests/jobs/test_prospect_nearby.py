"""What models of presence say together with the known deposits nearby: each weighed by what is known."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
from scipy.stats import spearmanr
from sklearn.metrics import roc_auc_score

from jobs.prospecting.ensembles import Features
from jobs.prospecting.ground import Ground
from jobs.prospecting.nearby import Nearby
from jobs.prospecting.scores import Spoken, score
from mineral_pipeline.evaluation import Conversion, NumberGivenOne, Shares, fit_calibration

PLACES, FOLDS, CHIPS = 400, 2, 2
NUMBER = NumberGivenOne(0.0, 1.0, 1.0, 99, 50)
PLAIN = Conversion(fit_calibration(np.ones(2), np.ones(2)), Shares(0.5, 0.5), NUMBER)
NAMES = pd.Index([f"L{place:03d}" for place in range(PLACES)], name="location_id")
LIKE = np.arange(8.0)[:, None]


def logistic(x: np.ndarray) -> np.ndarray:
    return np.asarray(1 / (1 + np.exp(-x)))


@pytest.fixture
def evidence() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """What is near, what is seen, and which places hold a deposit: half of the odds are of each."""
    rng = np.random.default_rng(0)
    near, seen = rng.normal(size=(2, PLACES))
    return near, seen, rng.random(PLACES) < logistic(1.5 * near + 1.5 * seen)


def nearby(near: np.ndarray, holds: np.ndarray) -> Nearby:
    facts = pd.DataFrame({"n_deposits": 3 * holds, "probability": logistic(near)}, index=NAMES)
    return Nearby(facts, pd.DataFrame(near[:, None] * [1, 0.9, 0, 0], index=NAMES))


def speak(seen: np.ndarray, holds: np.ndarray, members: int = 2) -> list[Spoken]:
    """An ensemble for each half of the places, whose members differ a little; each place has two chips."""
    rng, found = np.random.default_rng(1), []
    for fold in range(FOLDS):
        places = np.repeat(np.arange(fold, PLACES, FOLDS), CHIPS)
        n = 3 * holds[places]
        columns = {"location_id": NAMES[places], "n_deposits": n, "is_candidate": n == 0, "is_judge": True}
        noise = rng.normal(scale=0.1, size=(members, len(places)))
        predictions = {"presence": logistic(seen[places] + noise), "richness": np.full((members, len(places)), 0.5)}
        features = Features(LIKE, LIKE + 0.1, np.zeros((len(places), 1)))
        found.append(Spoken(Ground(fold, gpd.GeoDataFrame(columns)), predictions, PLAIN, features))  # type: ignore[arg-type]
    return found


def probability(spoken: list[Spoken]) -> pd.Series:
    return pd.concat(
        [
            pd.Series(one.conversion.probability(one.of_task("presence").mean(axis=0)), index=one.locations.index)
            for one in spoken
        ]
    ).reindex(NAMES)


def test_together_they_know_more_than_each_alone(evidence: tuple[np.ndarray, np.ndarray, np.ndarray]) -> None:
    near, seen, holds = evidence
    joined = probability(nearby(near, holds).join(speak(seen, holds)))
    best = roc_auc_score(holds, near + seen)
    assert roc_auc_score(holds, joined) > best - 0.01
    assert roc_auc_score(holds, joined) > max(roc_auc_score(holds, near), roc_auc_score(holds, seen)) + 0.05
    assert joined.mean() == pytest.approx(holds.mean(), abs=0.02), "probabilities are of the ground as it is"


def test_a_model_that_knows_nothing_does_not_disturb(evidence: tuple[np.ndarray, np.ndarray, np.ndarray]) -> None:
    near, seen, _ = evidence
    holds = np.random.default_rng(2).random(PLACES) < logistic(2 * near)
    joined = probability(nearby(near, holds).join(speak(seen, holds)))
    assert spearmanr(joined, near).statistic > 0.97


def test_what_a_fold_expects_everywhere_does_not_rank_it_before_others(
    evidence: tuple[np.ndarray, np.ndarray, np.ndarray],
) -> None:
    near, seen, holds = evidence
    spoken = speak(seen, holds)
    odds = spoken[1].predictions["presence"] / (1 - spoken[1].predictions["presence"])
    spoken[1].predictions["presence"][:] = 9 * odds / (1 + 9 * odds)  # type: ignore[index]
    expected = probability(nearby(near, holds).join(speak(seen, holds)))
    assert probability(nearby(near, holds).join(spoken)).to_numpy() == pytest.approx(expected.to_numpy(), abs=1e-6)


def test_members_keep_their_own_voices(evidence: tuple[np.ndarray, np.ndarray, np.ndarray]) -> None:
    near, seen, holds = evidence
    apart = speak(seen, holds, members=3)
    together = nearby(near, holds).join(apart)
    assert [one.predictions["presence"].shape for one in together] == [
        one.predictions["presence"].shape for one in apart
    ]
    assert [
        one.predictions["richness"] is other.predictions["richness"] for one, other in zip(together, apart, strict=True)
    ]
    table, _ = score(together, 0)
    assert (table["spread"] > 0).all()
    assert len(table) == int((~holds).sum())


def test_where_no_place_that_is_left_holds_a_deposit_the_models_speak_alone(
    evidence: tuple[np.ndarray, np.ndarray, np.ndarray],
) -> None:
    near, seen, _ = evidence
    barren = np.zeros(PLACES, bool)
    apart = speak(seen, barren)
    assert nearby(near, barren).join(apart) == apart
