"""Coordinate errors that the country of a row reveals: a wrong sign, or latitude and longitude exchanged.

A position is an error when no other position of its country is within `ISOLATED_KM`, but the mirrored or exchanged
position is within `MIRRORED_KM` of one that is not isolated itself. The positions of the tables are the only
evidence: there is no map of countries. Countries with fewer than `MIN_POSITIONS` positions are skipped.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.spatial import cKDTree

from mineral_pipeline import geometry
from mineral_pipeline.geometry import Flags, Floats, Integers
from mineral_pipeline.labelling.deduplication import unique_rows

ISOLATED_KM = 300.0
"""Distance to the nearest other position of a country beyond which a position is isolated."""

MIRRORED_KM = 50.0
"""Largest distance of a corrected position from one of its country that is not isolated itself."""

MIN_POSITIONS = 10
"""Smallest number of positions of a country whose rows are checked."""

COORDINATE_ERRORS = {
    "whose country contradicts the sign of the latitude": np.array([[1, 0], [0, -1]]),
    "whose country contradicts the sign of the longitude": np.array([[-1, 0], [0, 1]]),
    "whose country contradicts both signs": np.array([[-1, 0], [0, -1]]),
    "whose country shows latitude and longitude exchanged": np.array([[0, 1], [1, 0]]),
    "whose country shows latitude and longitude exchanged and a wrong sign": np.array([[0, -1], [-1, 0]]),
}
"""Reasons, and the matrix that turns (lon, lat) as given into (lon, lat) as meant."""

SAME_COUNTRY = {"usa": "unitedstates", "unitedstatesofamerica": "unitedstates", "russianfederation": "russia"}
"""Other names of countries, as letters in lower case."""


def coordinate_errors(lonlat: Floats, countries: pd.Series[str]) -> npt.NDArray[np.object_]:
    """Find the positions that are coordinate errors.

    Args:
        lonlat: (n, 2) degrees.
        countries: (n,) names in any spelling; empty where the country is not known.

    Returns:
        Reason (n,); empty text where no error was found.
    """
    reasons = np.full(len(lonlat), "", dtype=object)
    rows, country = _countries(countries)
    of_row, positions = unique_rows(np.column_stack([lonlat[rows], country]))
    sizes = np.bincount(positions[:, 2].astype(np.int64), minlength=1)
    is_checked = sizes[positions[:, 2].astype(np.int64)] >= MIN_POSITIONS
    if is_checked.any():
        found = np.full(len(positions), "", dtype=object)
        found[is_checked] = _explain(positions[is_checked])
        reasons[rows] = found[of_row]
    return reasons


def _countries(names: pd.Series[str]) -> tuple[Integers, Integers]:
    """Return the rows that name a country, and the number of the country of each."""
    spelling, spellings = pd.factorize(names)
    plain = pd.Series(spellings, dtype="str").str.casefold().str.replace(r"[\W\d_]", "", regex=True)
    number, known = pd.factorize(plain.replace(SAME_COUNTRY))
    country = number[spelling]
    rows = np.flatnonzero((known != "")[country])
    return rows, country[rows]


def _explain(positions: Floats) -> npt.NDArray[np.object_]:
    """Return the reason (n,) of each position (n, 3) of lon, lat and country; empty text where there is no error."""
    reasons, vectors = np.full(len(positions), "", dtype=object), _vectors_by_country(positions)
    isolated = _is_isolated(vectors)
    tree = cKDTree(vectors[~isolated])
    for reason, correction in COORDINATE_ERRORS.items():
        corrected = np.column_stack([positions[:, :2] @ correction.T, positions[:, 2]])
        tried = np.flatnonzero(isolated & (reasons == "") & (np.abs(corrected[:, 1]) <= 90))
        distances, _ = tree.query(
            _vectors_by_country(corrected[tried]), distance_upper_bound=geometry.chord_length(MIRRORED_KM)
        )
        reasons[tried[np.isfinite(distances)]] = reason
    return reasons


def _is_isolated(vectors: Floats) -> Flags:
    """True where no other position (n, 4) of the country is within `ISOLATED_KM`.

    Positions that share a cube with a diagonal of `ISOLATED_KM` are not isolated; only the others need a query.
    """
    cubes_per_unit = np.sqrt(3) / geometry.chord_length(ISOLATED_KM)
    cube, _ = unique_rows(np.column_stack([np.floor(vectors[:, :3] * cubes_per_unit), vectors[:, 3]]))
    alone = np.flatnonzero(np.bincount(cube)[cube] == 1)
    distances, _ = cKDTree(vectors).query(
        vectors[alone], k=[2], distance_upper_bound=geometry.chord_length(ISOLATED_KM)
    )
    isolated = np.zeros(len(vectors), dtype=bool)
    isolated[alone] = np.isinf(distances[:, 0])
    return isolated


def _vectors_by_country(positions: Floats) -> Floats:
    """Return vectors (n, 4) of positions (lon, lat, country); those of different countries are at least 4 apart."""
    return np.column_stack([geometry.unit_vectors(positions[:, :2]), 4 * positions[:, 2]])
