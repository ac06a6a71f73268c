"""Do probabilities, numbers and 90 % intervals of prospects mean what they say, on small simulated planets?

    python -m benchmarks.prospect_intervals [--json FILE] [--check] [--small]

Planets of 300 places, as tables. Boosted trees see the true patches of altered rock; they learn presence from balanced
classes and richness by the absolute error, as networks do, on three of five folds of whole islands; the fourth is the
validation subset, and the fifth is predicted. Probabilities, numbers and intervals are made as the job prospect makes
them: one conversion of all folds, and intervals of a fold that rest on the residuals of the others. Seconds are those
of a planet.
"""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass

import numpy as np
from threadpoolctl import threadpool_limits

from benchmarks.support.harness import command_line
from benchmarks.support.planet_tables import FOLDS, PlanetTable, planet_table
from benchmarks.support.results import BenchmarkResult, Claim, Row
from mineral_pipeline.evaluation import (
    Conversion,
    Shares,
    fit_calibration,
    fit_conformal,
    fit_number_given_one,
    reliability,
)

PLANETS = 24
MIN_COVERAGE, MAX_COVERAGE = 0.87, 0.93
PACKAGES = ("numpy", "scipy", "scikit-learn")
TREES = {"max_iter": 60, "learning_rate": 0.05, "max_leaf_nodes": 8, "early_stopping": False, "random_state": 0}


@dataclass(frozen=True)
class Trial:
    """What came out on one planet."""

    known: np.ndarray
    """(place,) number of known deposits."""
    balanced: np.ndarray
    """(place,) what the trees say of presence, out of fold."""
    calibrated: np.ndarray
    """(place,) the same after calibration."""
    probability: np.ndarray
    """(place,) the same at the true shares."""
    naive: np.ndarray
    """(place,) expected number, if the exponential of the predicted logarithm were the mean where there is one."""
    expected: np.ndarray
    """(place,) expected number."""
    covered: np.ndarray
    """(place,) whether the interval holds the number of known deposits; of finite intervals only."""
    finite: np.ndarray
    """(place,) whether the interval is finite."""
    seconds: float
    """Time that it took."""


def measure(small: bool) -> BenchmarkResult:
    """Measure all planets."""
    trials = [trial(planet_table(seed), time.perf_counter()) for seed in range(2 if small else PLANETS)]
    coverage = np.array([one.covered.mean() for one in trials])
    overall = float(np.concatenate([one.covered for one in trials]).mean())
    infinite = 1 - float(np.mean([one.finite.mean() for one in trials]))
    rows = [_row(trials, name) for name in ("balanced", "calibrated", "probability")]
    notes = (
        f"90 % intervals: {overall:.1%} of the finite ones hold the number; {coverage.min():.0%} to"
        f" {coverage.max():.0%} on a planet; {infinite:.1%} are infinite",
        "known deposits for each expected: "
        f"{_ratio(trials, 'expected'):.2f}, without the smearing estimate {_ratio(trials, 'naive'):.2f}",
        "classes count alike in the first two rows, places in the third",
    )
    claims = [
        Claim("finite intervals that hold the number", overall, MIN_COVERAGE),
        Claim(f"{MAX_COVERAGE} over the finite intervals that hold it", MAX_COVERAGE / overall, 1),
        Claim("calibration error before over that after", _error(trials, "balanced") / _error(trials, "calibrated"), 1),
    ]
    title = f"{len(trials)} planets of 300 places: do probabilities mean what they say?"
    return BenchmarkResult(title, rows, claims[:0] if small else claims, notes)


def trial(planet: PlanetTable, started: float) -> Trial:
    """Predict every place of a planet out of fold, and make of it what a prospect says."""
    with threadpool_limits(1):
        folds = [_predict(planet, fold) for fold in range(FOLDS)]
    largest, said, number = int(planet.known.max()), np.zeros(len(planet.known)), np.zeros(len(planet.known))
    for one in folds:
        said[one.test], number[one.test] = one.said[one.test], one.number[one.test]
    conversion = _convert(planet, folds, largest)
    assert conversion.calibration is not None
    calibrated, probability = conversion.calibration.apply(said), conversion.probability(said)
    naive, expected = probability * np.expm1(np.log1p(largest) * number), conversion.expected(said, number)
    low, high = np.zeros(len(expected)), np.zeros(len(expected))
    for one in folds:
        others = ~one.test
        low[one.test], high[one.test] = fit_conformal(expected[others], planet.known[others]).interval(
            expected[one.test]
        )
    finite = np.isfinite(high)
    covered = ((low <= planet.known) & (planet.known <= high))[finite]
    seconds = time.perf_counter() - started
    return Trial(planet.known, said, calibrated, probability, naive, expected, covered, finite, seconds)


@dataclass(frozen=True)
class Fold:
    """What the trees of a fold predict."""

    test: np.ndarray
    """(place,) whether the fold holds it out."""
    validation: np.ndarray
    """(place,) whether it is in the validation subset."""
    share: float
    """Share of the places with a deposit in the training subset."""
    said: np.ndarray
    """(place,) presence."""
    number: np.ndarray
    """(place,) richness."""


def _predict(planet: PlanetTable, fold: int) -> Fold:
    """Fit the trees of a fold."""
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

    test, validation = planet.fold == fold, planet.fold == (fold + 1) % FOLDS
    train, rich = ~test & ~validation, planet.known > 0
    richness = np.log1p(planet.known) / np.log1p(planet.known.max())
    classifier = HistGradientBoostingClassifier(**TREES, class_weight="balanced").fit(
        planet.features[train], rich[train]
    )
    regressor = HistGradientBoostingRegressor(**TREES, loss="absolute_error").fit(
        planet.features[train & rich], richness[train & rich]
    )
    said, number = classifier.predict_proba(planet.features)[:, 1], regressor.predict(planet.features).clip(0, 1)
    return Fold(test, validation, float(rich[train].mean()), said, number)


def _convert(planet: PlanetTable, folds: list[Fold], largest: int) -> Conversion:
    """One conversion, from the validation subsets of all folds."""
    known = np.concatenate([planet.known[one.validation] for one in folds])
    said = np.concatenate([one.said[one.validation] for one in folds])
    number = np.concatenate([one.number[one.validation] for one in folds])
    given_one = fit_number_given_one(number, known, largest)
    assert given_one is not None
    calibration = fit_calibration((known > 0).astype(float), said, balance(known > 0))
    return Conversion(calibration, Shares(0.5, float(np.mean([one.share for one in folds]))), given_one)


def balance(rich: np.ndarray) -> np.ndarray:
    """Weights with which both classes count alike."""
    share = rich.mean()
    return np.asarray(np.where(rich, 0.5 / share, 0.5 / (1 - share)))


def _row(trials: list[Trial], name: str) -> Row:
    seconds = tuple(one.seconds for one in trials)
    facts = {"calibration error": f"{_error(trials, name):.3f}", "Brier score": f"{_brier(trials, name):.3f}"}
    names = {"balanced": "as the trees say", "calibrated": "calibrated", "probability": "at the true shares"}
    return Row(names[name], float(np.median(seconds)), seconds, facts=facts)


def _joined(trials: list[Trial], name: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Labels, probabilities and weights of all planets."""
    label = np.concatenate([one.known > 0 for one in trials])
    equal = name == "probability"
    weight = np.concatenate([np.ones(len(one.known)) if equal else balance(one.known > 0) for one in trials])
    return label, np.concatenate([getattr(one, name) for one in trials]), weight


def _error(trials: list[Trial], name: str) -> float:
    label, probability, weight = _joined(trials, name)
    return float(reliability(label.astype(float), probability, weight)["error"])


def _brier(trials: list[Trial], name: str) -> float:
    label, probability, weight = _joined(trials, name)
    return float(np.average((label - probability) ** 2, weights=weight))


def _ratio(trials: list[Trial], name: str) -> float:
    """Known deposits of all places over those expected."""
    return float(sum(one.known.sum() for one in trials) / sum(getattr(one, name).sum() for one in trials))


if __name__ == "__main__":
    sys.exit(command_line("prospect_intervals", measure, PACKAGES))
