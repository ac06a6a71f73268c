"""What to make of places without a known deposit, where knowing depends on who has looked?

    python -m benchmarks.presence_only [--json FILE] [--check] [--small]

Planets of 300 places, as tables; deposits are known where the search effort was. Logistic regression on what pixels
show in truth learns from four of five folds of whole islands, and orders the places of the fifth that have no known
deposit. It is judged by the deposits that they hold in truth. Ways to learn: negatives as they are (the study);
negatives weighted by what is known around them (``curate.negatives: searched``); the non-negative risk of positive and
unlabelled places, for several shares of places with a deposit. Seconds are those of a planet.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

import numpy as np
from scipy.stats import rankdata

from benchmarks.prospect_intervals import balance
from benchmarks.support.harness import command_line
from benchmarks.support.planet_tables import FOLDS, PlanetTable, planet_table
from benchmarks.support.positive_unlabelled import Logistic, fit_unlabelled, fit_weighted
from benchmarks.support.results import BenchmarkResult, Claim, Row
from mineral_pipeline.curation.effort import search_effort

PLANETS = 24
PACKAGES = ("numpy", "scipy")
FIRST = 0.1
"""Share of the candidates that are looked at first."""

Fit = Callable[[PlanetTable, np.ndarray], Logistic]
"""From a planet and the rows of training to a model."""


def _as_they_are(planet: PlanetTable, train: np.ndarray) -> Logistic:
    rich = planet.known[train] > 0
    return fit_weighted(planet.features[train], rich, balance(rich))


def _by_effort(planet: PlanetTable, train: np.ndarray) -> Logistic:
    rich = planet.known[train] > 0
    effort = search_effort(planet.lonlat[train], planet.known[train])
    weight = np.where(rich, 1.0, effort)
    return fit_weighted(planet.features[train], rich, weight / np.where(rich, weight[rich].sum(), weight[~rich].sum()))


def _unlabelled(times: float | None) -> Fit:
    """With a share of places with a deposit that is so many times that of the known ones; the true one for None."""

    def fit(planet: PlanetTable, train: np.ndarray) -> Logistic:
        rich = planet.known[train] > 0
        prior = (planet.deposits[train] > 0).mean() if times is None else min(times * rich.mean(), 0.95)
        return fit_unlabelled(planet.features[train], rich, float(prior))

    return fit


METHODS: dict[str, Fit] = {
    "negatives as they are": _as_they_are,
    "negatives by search effort": _by_effort,
    "unlabelled, share known": _unlabelled(1.0),
    "unlabelled, share known x 1.25": _unlabelled(1.25),
    "unlabelled, share known x 1.5": _unlabelled(1.5),
    "unlabelled, true share": _unlabelled(None),
}


def measure(small: bool) -> BenchmarkResult:
    """Measure every way to learn on every planet."""
    planets = [planet_table(seed) for seed in range(2 if small else PLANETS)]
    found = {name: [judge(planet, fit) for planet in planets] for name, fit in METHODS.items()}
    study = np.array([one[0] for one in found["negatives as they are"]])
    rows = []
    for name, results in found.items():
        auc, hits, said, true, seconds = map(np.array, zip(*results, strict=True))
        gain = auc - study
        error = gain.std(ddof=1) / np.sqrt(len(gain))
        facts = {
            "AUC": f"{auc.mean():.3f}",
            "minus the study": f"{gain.mean():+.3f} ± {1.96 * error:.3f}",
            "hits in the first 10 %": f"{hits.mean():.0%}",
            "called positive": f"{said.mean():.0%}",
            "truly": f"{true.mean():.0%}",
        }
        rows.append(Row(name, float(np.median(seconds)), tuple(seconds), facts=facts))
    candidates = sum(int((planet.known == 0).sum()) for planet in planets)
    notes = (
        f"AUC and hits are of {candidates:,} places without a known deposit, by whether they hold one in truth",
        "called positive are those of them with a probability above one half; truly, those that hold a deposit",
        "known deposits are not drawn at random among the positives: they lie where people have looked",
    )
    gain = np.array([one[0] for one in found["negatives by search effort"]]) - study
    least = float(gain.mean() - 1.96 * gain.std(ddof=1) / np.sqrt(len(gain)))
    claims = [Claim("lower end of the gain in AUC of negatives by search effort", least, 0)]
    title = f"{len(planets)} planets of 300 places: what an unknown deposit is taken for"
    return BenchmarkResult(title, rows, claims[:0] if small else claims, notes)


def judge(planet: PlanetTable, fit: Fit) -> tuple[float, float, float, float, float]:
    """AUC, share of hits in the first, share called positive, true share, seconds: of places with no known deposit."""
    started, said = time.perf_counter(), np.zeros(len(planet.known))
    for fold in range(FOLDS):
        said[planet.fold == fold] = fit(planet, planet.fold != fold).predict(planet.features[planet.fold == fold])
    seconds, asked = time.perf_counter() - started, planet.known == 0
    hidden, probability = planet.deposits[asked] > 0, said[asked]
    ranks, positives = rankdata(probability), int(hidden.sum())
    auc = (ranks[hidden].sum() - positives * (positives + 1) / 2) / (positives * (len(hidden) - positives))
    first = np.argsort(-probability, kind="stable")[: max(round(FIRST * len(hidden)), 1)]
    return auc, float(hidden[first].mean()), float((probability > 0.5).mean()), float(hidden.mean()), seconds


if __name__ == "__main__":
    sys.exit(command_line("presence_only", measure, PACKAGES))
