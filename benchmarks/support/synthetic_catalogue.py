"""A synthetic catalogue at the mission's scale: scenes on the WRS-2 grid, deposits in clusters.

The orbit is Landsat 4's (inclination 98.2 degrees, 233 paths, 248 rows; Landsat 4 Data Users Handbook, USGS 1984). As
in the mission's archive, most scenes are on land, a location has 7.5 scenes on average, and three quarters of the known
deposits are in one country.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mineral_pipeline import geometry
from mineral_pipeline.geometry import Floats

PATHS, ROWS, EQUATOR_ROW = 233, 248, 60
INCLINATION = np.radians(98.2)
FIRST_CROSSING = -64.6  # longitude at which path 1 crosses the equator southwards
ORBITS_PER_DAY = 233 / 16
HALF_WIDTH, HALF_LENGTH, SKEW = 92.5 / 6371, 85.0 / 6371, 0.07  # of a scene, radians
N_LOCATIONS, SCENES_PER_LOCATION = 6000, 7.5
HOME = (-113.0, 40.0)
"""Longitude and latitude around which small catalogues are."""

LAND = np.array(  # longitude, latitude, radius of circles in degrees
    [[-100, 45, 24], [-60, -12, 20], [15, 12, 22], [25, -15, 16], [20, 50, 15], [70, 45, 20], [105, 40, 22],
     [100, 63, 20], [134, -25, 16], [-42, 74, 9], [170, 66, 8], [60, -78, 12]]
)  # fmt: skip


@dataclass(frozen=True)
class BenchmarkCatalogue:
    """Scenes and deposits, of a synthetic catalogue or of the real one."""

    footprints: Floats
    """(n, v, 2) lon/lat in degrees, longitudes continuous within a scene."""
    locations: np.ndarray
    """(n,) number of the location of each scene."""
    deposits: Floats
    """(m, 2) lon/lat in degrees."""


def make_catalogue(scenes: int, deposits: int, seed: int = 0) -> BenchmarkCatalogue:
    """Make a catalogue with so many scenes and deposits, the same for the same seed."""
    random = np.random.default_rng(seed)
    centres, tracks = _grid()
    land = geometry.unit_vectors(LAND[:, :2])
    clearance = np.arccos(np.clip(centres @ land.T, -1, 1)) / np.radians(LAND[:, 2])
    count = max(1, round(scenes / SCENES_PER_LOCATION))
    inland = np.argsort(clearance.min(axis=1))[: max(count, N_LOCATIONS)]
    home = np.argsort(-centres[inland] @ geometry.unit_vectors(HOME))  # a small catalogue is the centre of a large one
    chosen = np.sort(inland[home[:count]])
    popularity = random.lognormal(sigma=0.7, size=len(chosen))
    locations = np.sort(random.choice(len(chosen), scenes, p=popularity / popularity.sum()))
    footprints = _footprints(centres[chosen[locations]], tracks[chosen[locations]], random)
    return BenchmarkCatalogue(footprints, locations, _deposits(deposits, random))


def make_outlines(catalogue: BenchmarkCatalogue, count: int, depth: float) -> Floats:
    """Make other footprints (n, ``count``, 2) around the centres of a catalogue's scenes.

    Every second vertex is ``depth`` as far from the centre as the others: 1 for regular polygons, less for stars.
    """
    centres, radii = geometry.enclosing_circles(catalogue.footprints)
    across = _unit(np.cross(centres, (0.0, 0.0, 1.0)))
    angle = 2 * np.pi * np.arange(count) / count
    directions = np.cos(angle)[:, None] * across[:, None] + np.sin(angle)[:, None] * np.cross(centres, across)[:, None]
    reach = np.tan(radii)[:, None, None] * np.where(np.arange(count) % 2, depth, 1.0)[:, None]
    return geometry.lonlat(centres[:, None] + reach * directions)


def _grid() -> tuple[Floats, Floats]:
    """Return the centres of all descending path/rows and the directions of flight there, unit vectors (n, 3)."""
    path, row = (grid.ravel() for grid in np.meshgrid(np.arange(PATHS), np.arange(1, 123)))
    angles = np.pi + 2 * np.pi * (row - EQUATOR_ROW + np.array([[0.0], [1e-3]])) / ROWS
    lat = np.arcsin(np.sin(INCLINATION) * np.sin(angles))
    lon = np.arctan2(np.cos(INCLINATION) * np.sin(angles), np.cos(angles)) - np.pi
    turned = (angles - np.pi) / ORBITS_PER_DAY  # of the Earth since the crossing
    crossing = np.radians(FIRST_CROSSING - 360 / PATHS * path)
    here, next_ = geometry.unit_vectors(np.degrees(np.stack([lon - turned + crossing, lat], axis=-1)))
    return here, _unit(next_ - here)


def _footprints(centres: Floats, tracks: Floats, random: np.random.Generator) -> Floats:
    """Make the corners (n, 4, 2) of skewed scenes, a few kilometres off the centres of their locations."""
    across = np.cross(tracks, centres)
    drift = random.normal(scale=6 / 6371, size=(2, len(centres), 1))
    scene_centres = centres + drift[0] * tracks + drift[1] * across
    signs = ((1, -1), (1, 1), (-1, 1), (-1, -1))  # ahead, right
    corners = [
        scene_centres + tracks * HALF_LENGTH * (ahead + SKEW * right) + across * HALF_WIDTH * right
        for ahead, right in signs
    ]
    lonlat = geometry.lonlat(np.stack(corners, axis=1))
    lon = lonlat[..., 0]
    lonlat[..., 0] = np.where(lon - lon[:, :1] > 180, lon - 360, np.where(lon - lon[:, :1] < -180, lon + 360, lon))
    return lonlat


def _deposits(count: int, random: np.random.Generator) -> Floats:
    """Make clusters of heavy-tailed size: 71 % in the west of the USA, 7 % in its east, the rest on all land."""
    boxes = np.array([[-124, -104, 32, 49], [-104, -75, 31, 47]])
    parents = max(20, count // 150)
    region = random.choice(3, parents, p=[0.71, 0.07, 0.22])
    lon, lat = (random.uniform(boxes[region % 2, low], boxes[region % 2, low + 1]) for low in (0, 2))
    home = LAND[random.integers(len(LAND), size=parents)]
    bearing, distance = random.uniform(0, 2 * np.pi, parents), home[:, 2] * np.sqrt(random.random(parents))
    lat = np.where(region == 2, np.clip(home[:, 1] + distance * np.sin(bearing), -84, 84), lat)
    lon = np.where(region == 2, home[:, 0] + distance * np.cos(bearing) / np.cos(np.radians(lat)), lon)
    weight = random.pareto(1.3, parents) + 0.1
    parent = random.choice(parents, count, p=weight / weight.sum())
    spread = random.lognormal(np.log(0.12), 0.7, parents)[parent, None]  # degrees
    scattered = np.stack([lon, lat], axis=1)[parent] + spread * random.standard_t(3, (count, 2))
    scattered[:, 0] = (scattered[:, 0] + 180) % 360 - 180
    scattered[:, 1] = np.clip(scattered[:, 1], -89.9, 89.9)
    return np.round(scattered, 3)  # as coarse as MRDS: many share their coordinates


def _unit(vectors: Floats) -> Floats:
    return np.asarray(vectors / np.linalg.norm(vectors, axis=-1, keepdims=True))
