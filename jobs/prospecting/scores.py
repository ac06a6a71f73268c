"""What is said of every location of the ground: from the predictions of the models to `prospecting.SCORES`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from jobs.prospecting.ensembles import Features
from jobs.prospecting.ground import Ground
from mineral_pipeline import prospecting
from mineral_pipeline.evaluation import Conversion, fit_applicability, fit_conformal, upper_whisker
from mineral_pipeline.learning import TASKS, Kind

RESAMPLES = 200
"""Ensembles that are drawn from the members of an ensemble."""


@dataclass(frozen=True)
class Spoken:
    """All that the models of a fold say of its ground."""

    ground: Ground
    """The ground."""
    predictions: Mapping[Kind, np.ndarray]
    """(member, chip) predictions of the task of each kind."""
    conversion: Conversion
    """What they mean."""
    features: Features
    """What the first model of the first task sees."""
    locations: pd.DataFrame = field(init=False)
    """Facts of the locations, in the order of ``location_id``, by which they are indexed: ``n_deposits``,
    ``is_candidate`` and ``is_judge``."""

    def __post_init__(self) -> None:
        """Gather the locations."""
        facts = {"n_deposits": "max", "is_candidate": "any", "is_judge": "any"}
        object.__setattr__(self, "locations", self.ground.chips.groupby("location_id").agg(facts))

    def of_locations(self, chips: np.ndarray) -> np.ndarray:
        """Means (..., location) over the chips of each location of values (..., chip)."""
        number = self.locations.index.get_indexer(pd.Index(self.ground.chips["location_id"]))
        means = [np.bincount(number, one) / np.bincount(number) for one in np.atleast_2d(chips)]
        return np.asarray(means).reshape(*chips.shape[:-1], len(self.locations))

    def expected(self, presence: np.ndarray, richness: np.ndarray) -> np.ndarray:
        """Expected numbers of predictions of both tasks, of one shape."""
        return self.conversion.expected(presence, richness)

    def of_task(self, task: Kind) -> np.ndarray:
        """(member, location) predictions; zeros of a single one where the task is not learnt."""
        if task in self.predictions:
            return self.of_locations(self.predictions[task])
        return np.zeros((1, len(self.locations)))


def score(spoken: Sequence[Spoken], seed: int) -> tuple[pd.DataFrame, dict[str, Any]]:
    """What is said of the candidates of all folds, and how far it can be believed.

    Args:
        spoken: what the models of every fold say.
        seed: seed of the resamples.

    Returns:
        `prospecting.SCORES` by ``location_id``; and for ``prospects-basis.json`` the ``intervals``, the
        ``applicability`` of every fold, and the ``errors`` of the places that judge.
    """
    table, thresholds = _judge_likeness(*zip(*map(_score_fold, spoken), strict=True))
    judges = table[table["is_judge"]]
    if spoken[0].conversion.calibration is None:  # what is expected is the number where there is one
        judges = judges[judges["n_deposits"] > 0]
    used = judges[judges["applicable"]]
    intervals = fit_conformal(*(used[name].to_numpy(float) for name in ("expected_number", "n_deposits", "weight")))
    ranked = table[table["is_candidate"]].copy()
    ranked["first_10"] = often_first(spoken, seed, ranked.index)
    low, high = intervals.interval(ranked["expected_number"].to_numpy(), ranked["applicable"].to_numpy())
    ranked["expected_low"], ranked["expected_high"] = low, high
    basis = {
        "intervals": {**intervals.facts, "infinite": float(np.isinf(high).mean())},
        "applicability": [
            {"fold": one.ground.fold, "threshold": threshold if np.isfinite(threshold) else None}
            for one, threshold in zip(spoken, thresholds, strict=True)
        ],
        "errors": {
            name: _errors(judges[chosen])
            for name, chosen in (("inside", judges["applicable"]), ("outside", ~judges["applicable"]))
        },
    }
    return ranked[prospecting.SCORES], basis


def often_first(spoken: Sequence[Spoken], seed: int, among: pd.Index) -> np.ndarray:
    """How often each location ``among`` the candidates is one of the first ten of these, over drawn ensembles.

    Args:
        spoken: what the models of every fold say.
        seed: seed of the draws.
        among: ``location_id`` of the candidates that are ranked.
    """
    resampled = np.concatenate([_resample(one, seed + number) for number, one in enumerate(spoken)], axis=1)
    candidates = pd.Index(np.concatenate([one.locations.index[one.locations["is_candidate"]] for one in spoken]))
    return np.asarray(prospecting.among_first(resampled[:, candidates.get_indexer(among)]))


def promise(spoken: Spoken) -> np.ndarray:
    """(chip,) expected number by each chip alone."""
    means = {task: np.mean(found, axis=0) for task, found in spoken.predictions.items()}
    nothing = np.zeros(len(spoken.ground.chips))
    return spoken.expected(means.get("presence", nothing), means.get("richness", nothing))


def _judge_likeness(
    tables: Sequence[pd.DataFrame], thresholds: Sequence[float]
) -> tuple[pd.DataFrame, Sequence[float]]:
    """Where the models apply, in the column ``applicable`` of one table of all folds, and the thresholds.

    What is no more dissimilar than the places with which a model was tested: out of fold all that judge, as in a
    cross-validation of CAST, else its validation subset.
    """
    if tables[0]["out_of_fold"].all():
        both = pd.concat(tables)
        thresholds = [upper_whisker(both["dissimilarity"][both["is_judge"]].to_numpy())] * len(tables)
    judged = zip(tables, thresholds, strict=True)
    return pd.concat([one.assign(applicable=one["dissimilarity"] <= limit) for one, limit in judged]), thresholds


def _score_fold(spoken: Spoken) -> tuple[pd.DataFrame, float]:
    """All but the intervals and the resamples of the locations of a fold, and the threshold by its validation."""
    presence, richness = spoken.of_task("presence"), spoken.of_task("richness")
    of_mean = presence.mean(axis=0), richness.mean(axis=0)
    members = max(len(presence), len(richness))
    each = spoken.expected(*(np.resize(one, (members, one.shape[1])) for one in (presence, richness)))
    model = fit_applicability(spoken.features.trained, spoken.features.validated)
    dissimilarity = spoken.of_locations(model.dissimilarity(spoken.features.chips))
    table = spoken.locations.assign(
        probability=spoken.conversion.probability(of_mean[0]),
        expected_given_one=spoken.conversion.number(of_mean[1]),
        expected_number=spoken.expected(*of_mean),
        spread=each.std(axis=0, ddof=1) if members > 1 else np.nan,
        dissimilarity=dissimilarity,
        weight=_weights(spoken),
        out_of_fold=spoken.ground.fold is not None,
    )
    return table, model.threshold


def _resample(spoken: Spoken, seed: int) -> np.ndarray:
    """(resample, candidate) expected numbers of ensembles drawn from the members; none of a single model."""
    found, rng, chosen = [], np.random.default_rng(seed), spoken.locations["is_candidate"].to_numpy()
    for task in TASKS:
        members = spoken.of_task(task)[:, chosen]
        drawn = rng.multinomial(len(members), np.full(len(members), 1 / len(members)), RESAMPLES)
        found.append(drawn @ members / len(members))
    rows = RESAMPLES if max(map(len, spoken.predictions.values())) > 1 else 0
    return spoken.expected(*found)[:rows]


def _weights(spoken: Spoken) -> np.ndarray:
    """How often a location like each that judges occurs: out of fold alike, in validation as often as its class."""
    shares, rich = spoken.conversion.shares, spoken.locations["n_deposits"].to_numpy() > 0
    judging = rich[spoken.locations["is_judge"].to_numpy()]
    if spoken.ground.fold is not None or shares is None or len(np.unique(judging)) < 2:
        return np.ones(len(rich))
    balance = judging.mean()
    return np.asarray(np.where(rich, shares.true / balance, (1 - shares.true) / (1 - balance)))


def _errors(judges: pd.DataFrame) -> dict[str, Any]:
    """Errors of what is said of some places whose deposits are known."""
    weight = judges["weight"].to_numpy()
    if not weight.sum():
        return {"places": len(judges)}
    observed = judges["n_deposits"].to_numpy(float)
    log_error = np.abs(np.log1p(observed) - np.log1p(judges["expected_number"].to_numpy()))
    brier = ((observed > 0) - judges["probability"].to_numpy()) ** 2
    found = {"log_error": float(np.average(log_error, weights=weight))}
    if np.isfinite(brier).all():
        found["brier"] = float(np.average(brier, weights=weight))
    return {"places": len(judges), **found}
