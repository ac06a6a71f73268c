"""Positions that their country gives away: a wrong sign, or latitude and longitude exchanged.

No other position of the country lies within `ISOLATED_KM`, but at the mirrored or exchanged position one does, within
`MIRRORED_KM`, that is not isolated itself. That is all that can be known without a map of countries: the tables speak
for themselves, and a country with fewer than `FEW` positions accuses nobody.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.spatial import cKDTree

from mineral_pipeline import geometry
from mineral_pipeline.geometry import Flags, Floats
from mineral_pipeline.labelling.distinct import unique_rows

ISOLATED_KM = 300.0
"""A row is isolated when no other position of its country is nearer."""

MIRRORED_KM = 50.0
"""A position that can be explained lies so near to one of its country that is not isolated itself."""

MIN_POSITIONS = 10
"""Positions that a country must have for it to speak."""

COORDINATE_ERRORS = {
    "whose country contradicts the sign of the latitude": np.array([[1, 0], [0, -1]]),
    "whose country contradicts the sign of the longitude": np.array([[-1, 0], [0, 1]]),
    "whose country contradicts both signs": np.array([[-1, 0], [0, -1]]),
    "whose country shows latitude and longitude exchanged": np.array([[0, 1], [1, 0]]),
    "whose country shows latitude and longitude exchanged and a wrong sign": np.array([[0, -1], [-1, 0]]),
}
"""Reasons, and the matrix that turns (lon, lat) as given into (lon, lat) as meant."""

SAME_COUNTRY = {"usa": "unitedstates", "unitedstatesofamerica": "unitedstates", "russianfederation": "russia"}
"""Other names, as letters in lower case."""


def coordinate_errors(lonlat: Floats, countries: pd.Series[str]) -> npt.NDArray[np.object_]:
    """Find the positions that only a blunder explains.

    Args:
        lonlat: (n, 2) degrees.
        countries: (n,) names, in whatever spelling; empty where it is not known.

    Returns:
        (n,) what is wrong; empty text where nothing is, as far as can be known.
    """
    reasons = np.full(len(lonlat), "", dtype=object)
    rows, country = _countries(countries)
    of_row, places = unique_rows(np.column_stack([lonlat[rows], country]))
    sizes = np.bincount(places[:, 2].astype(np.int64), minlength=1)
    speaks = sizes[places[:, 2].astype(np.int64)] >= MIN_POSITIONS
    if speaks.any():
        why = np.full(len(places), "", dtype=object)
        why[speaks] = _explanations(places[speaks])
        reasons[rows] = why[of_row]
    return reasons


def _countries(names: pd.Series[str]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Rows that name a country, and its number."""
    spelling, spellings = pd.factorize(names)
    plain = pd.Series(spellings, dtype="str").str.casefold().str.replace(r"[\W\d_]", "", regex=True)
    number, known = pd.factorize(plain.replace(SAME_COUNTRY))
    country = number[spelling]
    rows = np.flatnonzero((known != "")[country])
    return rows, country[rows]


def _explanations(places: Floats) -> npt.NDArray[np.object_]:
    """Which blunder explains each of the places (n, 3) of lon, lat and country; empty text where none is needed."""
    why, positions = np.full(len(places), "", dtype=object), _by_country(places)
    isolated = _isolated(positions)
    company = cKDTree(positions[~isolated])
    for reason, blunder in COORDINATE_ERRORS.items():
        meant = np.column_stack([places[:, :2] @ blunder.T, places[:, 2]])
        asking = np.flatnonzero(isolated & (why == "") & (np.abs(meant[:, 1]) <= 90))
        distances, _ = company.query(_by_country(meant[asking]), distance_upper_bound=_chord(MIRRORED_KM))
        why[asking[np.isfinite(distances)]] = reason
    return why


def _isolated(positions: Floats) -> Flags:
    """Whether no other position of its country is near each (n, 4); most share a cube that has room for none afar."""
    per_radius = np.sqrt(3) / _chord(ISOLATED_KM)
    cube, _ = unique_rows(np.column_stack([np.floor(positions[:, :3] * per_radius), positions[:, 3]]))
    alone = np.flatnonzero(np.bincount(cube)[cube] == 1)
    distances, _ = cKDTree(positions).query(positions[alone], k=[2], distance_upper_bound=_chord(ISOLATED_KM))
    isolated = np.zeros(len(positions), dtype=bool)
    isolated[alone] = np.isinf(distances[:, 0])
    return isolated


def _by_country(places: Floats) -> Floats:
    """Vectors (n, 4) of places (lon, lat, country): those of different countries lie farther apart than any others."""
    return np.column_stack([geometry.unit_vectors(places[:, :2]), 4 * places[:, 2]])


def _chord(kilometres: float) -> float:
    return float(2 * np.sin(kilometres / geometry.EARTH_RADIUS_KM / 2))
