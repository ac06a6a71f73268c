"""Small simulated planets as tables: their places, what pixels show of them in truth, and known deposits, in folds."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_array

from mineral_pipeline.settings import Simulate
from mineral_pipeline.simulation import create
from mineral_pipeline.simulation.truth import deposits as list_deposits
from mineral_pipeline.simulation.truth import locations, membership

SHOWN = ["n_patches", "patch_area", "patch_alteration", "largest_patch", "land_fraction", "climate", "vegetation"]
"""Columns of the truth that pixels show."""

FOLDS = 5


@dataclass(frozen=True)
class PlanetTable:
    """The places of a planet."""

    features: np.ndarray
    """(place, feature) `SHOWN`."""
    lonlat: np.ndarray
    """(place, 2) centres, degrees."""
    known: np.ndarray
    """(place,) number of known deposits."""
    deposits: np.ndarray
    """(place,) number of deposits, known or not."""
    fold: np.ndarray
    """(place,) the fold that holds the place's island out."""
    positions: np.ndarray
    """(deposit, 2) positions of the known deposits, degrees."""
    inside: csr_array
    """(place, deposit) which of them lie in each place."""


def planet_table(seed: int, places: int = 300, islands: int = 20) -> PlanetTable:
    """The places on land of a planet; islands lie apart, so that no place of a fold shares ground with another."""
    planet = create(Simulate(locations=places, islands=islands), seed)
    truth = locations(planet)
    swaths = [one.swath.projection for one in planet.locations]
    lonlat = np.array([(one.longitude, one.latitude) for one in swaths])
    land = truth["on_land"].to_numpy(bool)
    columns = (truth[name].to_numpy()[land] for name in ("n_known", "n_deposits", "island"))
    known, deposits, island = columns
    found = list_deposits(planet)
    positions = found.loc[found["known"], ["lon", "lat"]].to_numpy()
    inside = csr_array(membership(planet, positions)[land])
    return PlanetTable(
        truth[SHOWN].to_numpy(float)[land], lonlat[land], known, deposits, _deal(island), positions, inside
    )


def _deal(island: np.ndarray) -> np.ndarray:
    """The fold of every place: whole islands, the largest first, each to the fold that has fewest places."""
    names, sizes = np.unique(island, return_counts=True)
    fold, filled = np.zeros(len(island), int), np.zeros(FOLDS)
    for number in np.argsort(-sizes, kind="stable"):
        chosen = int(filled.argmin())
        fold[island == names[number]] = chosen
        filled[chosen] += sizes[number]
    return fold
