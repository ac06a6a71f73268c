"""Do pixels and proximity together find hidden deposits sooner than each alone?

    python -m benchmarks.evidence [--json FILE] [--check] [--small]

Planets of 300 places, as tables. The deposits of three in ten places that hold some are hidden. Boosted trees that see
the true patches, which pixels show, learn from four of five folds of whole islands where deposits are left, and
predict the fifth; `mineral_pipeline.prospecting.fit_proximity` weighs their log-odds together with the distances to
known deposits, as the job prospect does out of fold. The figure is the area under the success-rate curve up to a tenth
of the places without a known deposit; *noise* stands for a model that knows nothing. Seconds are those of a planet.
"""

from __future__ import annotations

import sys
import time

import numpy as np
from scipy.sparse import csr_array
from threadpoolctl import threadpool_limits

from benchmarks.prospect_intervals import TREES
from benchmarks.support.harness import command_line
from benchmarks.support.intervals import half_width
from benchmarks.support.planet_tables import FOLDS, PlanetTable, planet_table
from benchmarks.support.results import BenchmarkResult, Claim, Row
from mineral_pipeline import prospecting
from mineral_pipeline.evaluation import success
from mineral_pipeline.evaluation.probability import logit

PLANETS, PLACES = 24, 300
HIDDEN = 0.3
"""Share of the places with known deposits whose deposits are hidden."""
TOGETHER, NOISE = "pixels and proximity", "noise and proximity"
RIVALS = ("proximity", "pixels", "density of known deposits", "distance to the nearest known deposit")
MOST_LOST = 0.01
"""Area that a model which knows nothing may cost."""
PACKAGES = ("numpy", "scipy", "scikit-learn")


def measure(small: bool) -> BenchmarkResult:
    """Measure every ranking on every planet."""
    found, seconds = [], []
    for seed in range(2 if small else PLANETS):
        start = time.perf_counter()
        found.append(areas(planet_table(seed, PLACES), seed))
        seconds.append(time.perf_counter() - start)
    by_name = {name: np.array([one[name] for one in found]) for name in found[0]}
    rows, least = [], {}
    for name, values in by_name.items():
        ahead = by_name[TOGETHER] - values
        half = half_width(float(ahead.std(ddof=1)), len(ahead))
        least[name] = float(ahead.mean()) - half
        interval = "" if name == TOGETHER else f"{ahead.mean():.3f} ({least[name]:.3f} to {ahead.mean() + half:.3f})"
        facts = {"area": f"{values.mean():.3f}", "together minus it": interval}
        rows.append(Row(name, float(np.median(seconds)), tuple(seconds), facts=facts))
    claims = [Claim(f"lower end of what is gained on {name}", least[name], 0) for name in RIVALS]
    lost = float((by_name["proximity"] - by_name[NOISE]).mean())
    claims.append(Claim(f"{MOST_LOST} less what a model that knows nothing costs", MOST_LOST - lost, 0))
    notes = ("intervals are those of Student's t over planets",)
    title = f"{len(found)} planets of {PLACES} places: evidence of pixels and of known deposits"
    return BenchmarkResult(title, rows, claims[:0] if small else claims, notes)


def areas(planet: PlanetTable, seed: int) -> dict[str, float]:
    """Area under the success-rate curve of every ranking of a planet."""
    rng = np.random.default_rng(seed)
    rich = np.flatnonzero(planet.inside.sum(axis=1) > 0)
    hidden = rng.choice(rich, round(HIDDEN * len(rich)), replace=False)
    kept = np.ones(planet.inside.shape[1], bool)
    kept[planet.inside[hidden].indices] = False
    left = csr_array(planet.inside[:, kept])
    holds = np.diff(left.indptr) > 0
    near = prospecting.proximity_features(planet.lonlat, left, planet.positions[kept])
    pixels = logit(_predict(planet, holds))
    noise = rng.normal(size=len(holds))

    def together(odds: np.ndarray) -> np.ndarray:
        evidence = np.column_stack([near, odds])
        return prospecting.fit_proximity(evidence, holds)(evidence)

    scores = {
        TOGETHER: together(pixels),
        "proximity": prospecting.fit_proximity(near, holds)(near),
        "pixels": pixels,
        NOISE: together(noise),
        "density of known deposits": -near[:, 2],
        "distance to the nearest known deposit": -near[:, 0],
    }
    sought = np.isin(np.flatnonzero(~holds), rich)
    ground = np.ones(len(sought))
    return {
        name: success.measure_success(score[~holds], sought, ground)[success.AREA] for name, score in scores.items()
    }


def _predict(planet: PlanetTable, holds: np.ndarray) -> np.ndarray:
    """(place,) probability of a known deposit by trees that have not seen the place's fold."""
    from sklearn.ensemble import HistGradientBoostingClassifier

    said = np.zeros(len(holds))
    with threadpool_limits(1):
        for fold in range(FOLDS):
            here = planet.fold == fold
            model = HistGradientBoostingClassifier(**TREES).fit(planet.features[~here], holds[~here])
            said[here] = model.predict_proba(planet.features[here])[:, 1]
    return said


if __name__ == "__main__":
    sys.exit(command_line("evidence", measure, PACKAGES))
