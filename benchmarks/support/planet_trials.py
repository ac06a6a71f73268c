"""Null trials on small simulated planets: do pixels seem to add where altered rock tells nothing of deposits?

With ``signal: 0`` the pixels show geography and nothing else of deposits. Models of the pixels are compared with models
that know the geography: an interval of the difference that lies above 0 is a false finding.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from mineral_pipeline import simulation
from mineral_pipeline.curation.splits.blocks import equal_area_blocks
from mineral_pipeline.evaluation import find_groups, jackknife
from mineral_pipeline.evaluation.jackknife import Jackknife, difference, interval_of_difference
from mineral_pipeline.evaluation.pairing import Pairing, find_near
from mineral_pipeline.geometry import Floats, unit_vectors
from mineral_pipeline.imagery import downsample
from mineral_pipeline.learning import local_metric
from mineral_pipeline.modelling.baselines import Examples, FeaturePredictor, random_convolutions, statistics
from mineral_pipeline.modelling.baselines.coordinates import fit_coordinates
from mineral_pipeline.modelling.baselines.estimators import best_on, fit_boosted_trees
from mineral_pipeline.settings import Simulate
from mineral_pipeline.simulation import Planet, truth
from mineral_pipeline.simulation.render import render

CHIP, BLOCK_KM, LOCAL_KM = 48, 500.0, 500.0
"""Edge of a chip in pixels; edge of the blocks of the split; distance of the local score."""

PARTS = (0.4, 0.55)
"""Shares of the blocks up to which they are for training and for validation; the rest is for the test."""

SHOWN = ["climate", "vegetation", "land_fraction"]
"""What pixels show of geography."""

METRICS = ("auc", local_metric("presence", LOCAL_KM))


def trial(seed: int, locations: int, confounding: float = 1.0) -> dict[str, Any] | None:
    """Differences between models of pixels and the best that knows geography alone, on one planet without signal.

    Returns:
        For each model of pixels and metric ``value``, ``low`` and ``high`` of the difference, as ``model metric``; None
        where a part of the split has one class.
    """
    settings = Simulate(locations=locations, islands=3, dates=1, scene_size=CHIP, signal=0, confounding=confounding)
    planet = simulation.create(settings, seed)
    chips, table = _images(planet), truth.locations(planet)
    on_land = table["on_land"].to_numpy()
    table, chips = table[on_land].reset_index(drop=True), chips[on_land]
    lonlat, label = _centres(planet)[on_land], (table["n_known"] > 0).to_numpy(float)
    block = equal_area_blocks(unit_vectors(lonlat), BLOCK_KM)
    share = np.random.default_rng([seed, 1]).random(block.max() + 1)[block]
    parts = [share < PARTS[0], (share >= PARTS[0]) & (share < PARTS[1]), share >= PARTS[1]]
    if any(len(np.unique(label[part])) < 2 for part in parts):
        return None
    position = pd.DataFrame(unit_vectors(lonlat), columns=["x", "y", "z"])
    geography = pd.concat([position, table[SHOWN]], axis=1)
    known = [
        _fit(fit_coordinates, position, label, parts),
        _fit(fit_boosted_trees, geography, label, parts),
        _fit(fit_boosted_trees, geography[SHOWN], label, parts),
    ]
    test, bar = parts[2], best_on(_examples(geography, label, parts[1]), known)
    seen = {"statistics": statistics.describe(chips), "random convolutions": _convolutions(chips)}
    fits = {"statistics": fit_boosted_trees, "random convolutions": random_convolutions.fit_convolutions}
    found = {"bar": _judge(label[test], bar.predict(geography[test]), lonlat[test], block[test])}
    for name, features in seen.items():
        predicted = _fit(fits[name], features, label, parts).predict(features[test])
        found[name] = _judge(label[test], predicted, lonlat[test], block[test])
    return {
        f"{name} {metric}": _describe(difference(found[name], found["bar"]), metric)
        for name in seen
        for metric in METRICS
    }


class _Of:
    """A predictor that takes its own columns from a wider table."""

    def __init__(self, predictor: FeaturePredictor, columns: list[str]) -> None:
        self.predictor, self.columns = predictor, columns

    def predict(self, features: pd.DataFrame) -> np.ndarray:
        return self.predictor.predict(features[self.columns])


def _fit(fit: Any, features: pd.DataFrame, label: np.ndarray, parts: list[np.ndarray]) -> FeaturePredictor:
    """Fit to the training part; the validation part is for choices."""
    examples = [_examples(features, label, part) for part in parts[:2]]
    return _Of(fit(*examples), list(features.columns))


def _examples(features: pd.DataFrame, label: np.ndarray, part: np.ndarray) -> Examples:
    """Samples whose classes weigh the same, as in balanced samples."""
    weight = np.where(label > 0, 0.5 / label[part].mean(), 0.5 / (1 - label[part].mean()))
    return Examples(features[part], "presence", "cross_entropy", label[part], weight[part])


def _judge(label: np.ndarray, prediction: np.ndarray, lonlat: Floats, block: np.ndarray) -> Jackknife:
    fold = np.zeros(len(label), int)
    pairing = Pairing(fold, {METRICS[1]: find_near(lonlat, fold, LOCAL_KM, label)})
    return jackknife("presence", label, prediction, find_groups(block, lonlat), pairing)


def _describe(found: Jackknife, metric: str) -> dict[str, float]:
    low, high = interval_of_difference(found, metric)
    return {"value": float(found.value[metric]), "low": float(low), "high": float(high)}


def _images(planet: Planet) -> np.ndarray:
    """(location, 1, y, x) the first scene of every location."""
    images = np.zeros((len(planet.locations), 1, CHIP, CHIP), np.uint8)
    for number, scene in enumerate(simulation.scenes(planet)):
        image = downsample(render(planet, scene), CHIP, "rescale")
        images[number, 0, : image.shape[0], : image.shape[1]] = image
    return images


def _centres(planet: Planet) -> Floats:
    swaths = [location.swath.projection for location in planet.locations]
    return np.array([(projection.longitude, projection.latitude) for projection in swaths])


def _convolutions(images: np.ndarray) -> pd.DataFrame:
    filters = random_convolutions.make_filters(images.shape[1])
    return pd.DataFrame([random_convolutions.describe(image, filters) for image in images]).rename(columns=str)
