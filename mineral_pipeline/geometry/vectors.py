"""Positions on the Earth as unit vectors, which have no special cases at the antimeridian and the poles.

Positions are longitude and latitude in degrees. A position that is not finite, or whose latitude is beyond 90 degrees,
is not on the Earth: its vector is nan.
"""

from __future__ import annotations

import math
from functools import partial

import numpy as np
import numpy.typing as npt

from mineral_pipeline.jit import njit

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]
Integers = npt.NDArray[np.int64]

CRS = "EPSG:4326"
"""WGS 84 longitude and latitude, the coordinate reference system of every table."""

EARTH_RADIUS_KM = 6371.0088
"""Mean radius of WGS 84 (IUGG)."""

MAX_LONGITUDE = 1e9
"""Degrees; in larger longitudes whole turns cannot be told from rounding errors."""

CACHED_POSITIONS = 1024
"""Number of positions whose cosines and sines fit in the processor's cache."""


def unit_vectors(lonlat: npt.ArrayLike) -> Floats:
    """Return unit vectors (..., 3) of positions (..., 2) in degrees; nan where a position is not on the Earth."""
    degrees = np.asarray(lonlat, dtype=np.float64)
    return _unit_vectors(np.ascontiguousarray(degrees).reshape(-1, 2)).reshape(*degrees.shape[:-1], 3)


def lonlat(vectors: npt.ArrayLike) -> Floats:
    """Return positions (..., 2) in degrees, longitude in -180..180, of vectors (..., 3) of any length."""
    x, y, z = np.moveaxis(np.asarray(vectors, dtype=np.float64), -1, 0)
    return np.asarray(np.degrees(np.stack([np.arctan2(y, x), np.arctan2(z, np.hypot(x, y))], axis=-1)))


def distances_km(a: npt.ArrayLike, b: npt.ArrayLike) -> Floats:
    """Return great-circle distances in km between positions ``a`` and ``b``, (..., 2) each and broadcast."""
    return EARTH_RADIUS_KM * angles(unit_vectors(a), unit_vectors(b))


def chord_length(kilometres: float) -> float:
    """Return the straight distance between unit vectors that are a great-circle distance apart, half the Earth at most.

    It is what trees of unit vectors search by.
    """
    return float(2 * np.sin(kilometres / EARTH_RADIUS_KM / 2))


def angles(a: Floats, b: Floats) -> Floats:
    """Return angles in radians between unit vectors, from the half chords: exact for small angles and antipodes."""
    return np.asarray(2 * np.arctan2(np.sqrt(dot(a - b, a - b)), np.sqrt(dot(a + b, a + b))))


def dot(a: Floats, b: Floats) -> Floats:
    """Return inner products of vectors (..., 3), broadcast; by component, since NumPy reduces short axes slowly."""
    return np.asarray(a[..., 0] * b[..., 0] + a[..., 1] * b[..., 1] + a[..., 2] * b[..., 2])


def normalise(vectors: Floats) -> Floats:
    """Scale vectors (..., 3) to length 1; those of length 0 stay 0."""
    lengths = np.sqrt(dot(vectors, vectors))
    lengths[lengths == 0] = 1
    return np.asarray(vectors / lengths[..., None])


@partial(njit, fastmath={"contract"})
def _cos_sin(degrees: Floats) -> tuple[Floats, Floats]:
    """Return cosines and sines (n,) of angles (n,) in degrees, after reduction to the nearest quarter turn.

    The polynomials are those of S. L. Moshier, Cephes Mathematical Library, sin.c, right to the last bit or two.
    Without branches, the loop runs in vector registers, several times as fast as a library's functions.
    """
    cosines, sines = np.empty(len(degrees)), np.empty(len(degrees))
    for i in range(len(degrees)):
        quarters = np.rint(degrees[i] / 90)
        x = (degrees[i] - 90 * quarters) * (math.pi / 180)
        y = x * x
        sine = (1.58962301576546568060e-10 * y - 2.50507477628578072866e-8) * y + 2.75573136213857245213e-6
        sine = ((sine * y - 1.98412698295895385996e-4) * y + 8.33333333332211858878e-3) * y - 1.66666666666666307295e-1
        sine = x + x * y * sine
        cosine = (-1.13585365213876817300e-11 * y + 2.08757008419747316778e-9) * y - 2.75573141792967388112e-7
        cosine = ((cosine * y + 2.48015872888517045348e-5) * y - 1.38888888888730564116e-3) * y
        cosine = 1 - y / 2 + y * y * (cosine + 4.16666666666665929218e-2)
        quarter = quarters - 4 * np.floor(quarters / 4)
        is_odd = (quarter == 1) | (quarter == 3)
        across, along = (sine, cosine) if is_odd else (cosine, sine)
        cosines[i] = -across if (quarter == 1) | (quarter == 2) else across
        sines[i] = -along if quarter >= 2 else along
    return cosines, sines


@njit
def is_on_earth(lon: float, lat: float) -> bool:
    """Return whether longitude and latitude in degrees are a position on the Earth."""
    return abs(lon) <= MAX_LONGITUDE and abs(lat) <= 90


@njit
def chord(a: Floats, b: Floats) -> float:
    """Return the straight-line distance between two unit vectors (3,), in Earth radii."""
    return math.sqrt((b[0] - a[0]) ** 2 + (b[1] - a[1]) ** 2 + (b[2] - a[2]) ** 2)


@njit
def _unit_vectors(degrees: Floats) -> Floats:
    vectors = np.empty((len(degrees), 3))
    for start in range(0, len(degrees), CACHED_POSITIONS):
        block = degrees[start : start + CACHED_POSITIONS]
        lon, lat = block[:, 0].copy(), block[:, 1].copy()
        (cos_lon, sin_lon), (cos_lat, sin_lat) = _cos_sin(lon), _cos_sin(lat)
        for i in range(len(lon)):
            vector = vectors[start + i]
            if is_on_earth(lon[i], lat[i]):
                vector[0], vector[1], vector[2] = cos_lat[i] * cos_lon[i], cos_lat[i] * sin_lon[i], sin_lat[i]
            else:
                vector[:] = np.nan
    return vectors
