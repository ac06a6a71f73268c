"""Other methods to count the deposits in footprints, each as its users would write it, from longitudes and latitudes.

All but `strtree` and `sjoin`, whose edges are straight in longitude and latitude, use the same great circles and the
same tolerance as `mineral_pipeline.labelling.membership`.
"""

from __future__ import annotations

import math

import duckdb
import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from pykdtree.kdtree import KDTree
from scipy.spatial import cKDTree
from sklearn.neighbors import BallTree

from benchmarks.support.synthetic_catalogue import BenchmarkCatalogue
from mineral_pipeline.geometry import CRS

TOLERANCE = 1e-9
"""Distance outside of an edge in radians up to which a deposit is inside: footprints are closed."""

SceneCounts = np.ndarray


def naive_python(catalogue: BenchmarkCatalogue) -> SceneCounts:
    """Test every deposit against every scene, in loops."""
    points = [_vector(lon, lat) for lon, lat in catalogue.deposits.tolist()]
    counts = []
    for footprint in catalogue.footprints.tolist():
        corners = [_vector(lon, lat) for lon, lat in footprint]
        edges = [_cross(a, b) for a, b in zip(corners, corners[1:] + corners[:1], strict=True)]
        centre = [sum(axis) for axis in zip(*corners, strict=True)]
        sign = math.copysign(1, sum(_dot(edge, centre) for edge in edges))
        half_spaces = [(sign * x, sign * y, sign * z, -TOLERANCE * math.hypot(x, y, z)) for x, y, z in edges]
        counts.append(sum(all(a * x + b * y + c * z >= d for a, b, c, d in half_spaces) for x, y, z in points))
    return np.array(counts)


def naive_numpy(catalogue: BenchmarkCatalogue) -> SceneCounts:
    """Test every deposit against every scene, by one matrix product per scene."""
    vectors = unit_vectors(catalogue.deposits)
    return np.array([len(_inside(vectors, *_outline(footprint))) for footprint in catalogue.footprints])


def study(catalogue: BenchmarkCatalogue) -> SceneCounts:
    """Run the published algorithm: query a k-d tree of deposits for each scene's enclosing circle."""
    vectors = unit_vectors(catalogue.deposits)
    tree, counts = cKDTree(vectors), []
    for footprint in catalogue.footprints:
        corners, centre = _outline(footprint)
        radius = np.linalg.norm(corners - centre, axis=1).max()
        candidates = np.asarray(tree.query_ball_point(centre, radius + TOLERANCE), dtype=np.int64)
        counts.append(len(_inside(vectors[candidates], corners, centre)))
    return np.array(counts)


def study_vectorised(catalogue: BenchmarkCatalogue) -> SceneCounts:
    """Run the published algorithm with edges and circles of all scenes computed together."""
    vectors, corners = unit_vectors(catalogue.deposits), unit_vectors(catalogue.footprints)
    edges, lengths, centres, radii = _all_outlines(corners)
    tree, counts = cKDTree(vectors), []
    for centre, radius, normals, length in zip(centres, radii, edges, lengths, strict=True):
        candidates = np.asarray(tree.query_ball_point(centre, radius + TOLERANCE), dtype=np.int64)
        counts.append(int((vectors[candidates] @ normals.T >= -TOLERANCE * length).all(axis=1).sum()))
    return np.array(counts)


def study_pykdtree(catalogue: BenchmarkCatalogue) -> SceneCounts:
    """Run the published algorithm with its library, which finds k nearest neighbours only: k grows as needed."""
    vectors = unit_vectors(catalogue.deposits)
    tree, counts = KDTree(vectors), []
    for footprint in catalogue.footprints:
        corners, centre = _outline(footprint)
        radius, k, candidates = np.linalg.norm(corners - centre, axis=1).max(), 64, np.arange(0)
        while True:
            k = min(k, len(vectors))
            _, found = tree.query(centre[None], k=k, distance_upper_bound=radius + 2 * TOLERANCE)
            candidates = found.ravel()[found.ravel() < len(vectors)]
            if len(candidates) < k or k == len(vectors):
                break
            k *= 4
        counts.append(len(_inside(vectors[candidates], corners, centre)))
    return np.array(counts)


def ball_tree(catalogue: BenchmarkCatalogue) -> SceneCounts:
    """Query scikit-learn's tree of deposits by haversine distance for all circles together."""
    vectors, corners = unit_vectors(catalogue.deposits), unit_vectors(catalogue.footprints)
    edges, lengths, centres, radii = _all_outlines(corners)
    tree = BallTree(np.radians(catalogue.deposits[:, ::-1]), metric="haversine")
    lat_lon = np.column_stack([np.arcsin(centres[:, 2]), np.arctan2(centres[:, 1], centres[:, 0])])
    circles = tree.query_radius(lat_lon, 2 * np.arcsin(radii / 2) + 10 * TOLERANCE)
    return np.array(
        [
            (vectors[candidates] @ normals.T >= -TOLERANCE * length).all(axis=1).sum()
            for candidates, normals, length in zip(circles, edges, lengths, strict=True)
        ]
    )


def strtree(catalogue: BenchmarkCatalogue) -> SceneCounts:
    """Use an index of the polygons; planar."""
    index = shapely.STRtree(shapely.polygons(catalogue.footprints))
    _, scenes = index.query(shapely.points(catalogue.deposits), predicate="intersects")
    return np.bincount(scenes, minlength=len(catalogue.footprints))


def sjoin(catalogue: BenchmarkCatalogue) -> SceneCounts:
    """Join tables, as most users would write it first; planar."""
    scenes = gpd.GeoDataFrame(geometry=shapely.polygons(catalogue.footprints), crs=CRS)
    deposits = gpd.GeoDataFrame(geometry=gpd.points_from_xy(*catalogue.deposits.T), crs=CRS)
    joined = gpd.sjoin(deposits, scenes, predicate="intersects")
    return np.bincount(joined["index_right"], minlength=len(catalogue.footprints))


def duck_db(catalogue: BenchmarkCatalogue) -> SceneCounts:
    """Join deposits and scenes by cells of one degree in SQL, then test the half-spaces."""
    corners = unit_vectors(catalogue.footprints)
    edges, lengths, _, _ = _all_outlines(corners)
    half_spaces = np.concatenate([edges, -TOLERANCE * lengths[..., None]], axis=2)
    n_edges = half_spaces.shape[1]
    columns = [f"{axis}{i}" for i in range(n_edges) for axis in "abcd"]
    scenes = pd.DataFrame(half_spaces.reshape(len(half_spaces), -1), columns=columns)
    low, high = catalogue.footprints.min(axis=1), catalogue.footprints.max(axis=1)
    scenes = scenes.assign(
        west=low[:, 0], south=low[:, 1] - 0.2, east=high[:, 0], north=high[:, 1] + 0.2
    )  # edges bulge
    polar = np.maximum(np.abs(low[:, 1]), np.abs(high[:, 1])) > 84  # the pole may be inside
    scenes.loc[polar, ["west", "east"]] = -180.0, 179.0
    scenes["scene"] = np.arange(len(scenes))
    points = pd.DataFrame(np.column_stack([catalogue.deposits, unit_vectors(catalogue.deposits)]), columns=[*"uvxyz"])
    inside = " AND ".join(f"a{i} * x + b{i} * y + c{i} * z >= d{i}" for i in range(n_edges))
    connection = duckdb.connect(config={"threads": 1})
    connection.execute("SET enable_progress_bar = false")
    connection.register("scenes", scenes)
    connection.register("points", points)
    found = connection.execute(f"""
        WITH columns AS (
            SELECT *, unnest(range(floor(west)::INT, floor(east)::INT + 1)) AS i FROM scenes
        ), cells AS (
            SELECT *, (i + 540) % 360 AS lon, unnest(range(floor(south)::INT, floor(north)::INT + 1)) AS lat
            FROM columns
        ), deposits AS (
            SELECT x, y, z, (floor(u)::INT + 540) % 360 AS lon, floor(v)::INT AS lat FROM points
        )
        SELECT scene, count(*) FROM cells JOIN deposits USING (lon, lat) WHERE {inside} GROUP BY scene
    """).fetchnumpy()
    counts = np.zeros(len(scenes), dtype=np.int64)
    counts[found["scene"]] = found["count_star()"]
    return counts


def unit_vectors(lonlat: np.ndarray) -> np.ndarray:
    """Return unit vectors (..., 3) of positions (..., 2) in degrees."""
    lon, lat = np.radians(lonlat[..., 0]), np.radians(lonlat[..., 1])
    return np.stack([np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)], axis=-1)


def _outline(footprint: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return corners and centre as unit vectors."""
    corners = unit_vectors(footprint)
    centre = corners.sum(axis=0)
    return corners, centre / np.linalg.norm(centre)


def _inside(vectors: np.ndarray, corners: np.ndarray, centre: np.ndarray) -> np.ndarray:
    normals = np.cross(corners, np.roll(corners, -1, axis=0))
    normals *= np.sign((normals @ centre).sum())
    return np.flatnonzero((vectors @ normals.T >= -TOLERANCE * np.linalg.norm(normals, axis=1)).all(axis=1))


def _all_outlines(corners: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return the normals of the edges, their lengths, centres and radii (chords) of all scenes."""
    centres = corners.sum(axis=1)
    centres /= np.linalg.norm(centres, axis=1, keepdims=True)
    normals = np.cross(corners, np.roll(corners, -1, axis=1))
    normals *= np.sign(np.einsum("nvx,nx->n", normals, centres))[:, None, None]
    radii = np.linalg.norm(corners - centres[:, None], axis=2).max(axis=1)
    return normals, np.linalg.norm(normals, axis=2), centres, radii


def _vector(lon: float, lat: float) -> tuple[float, float, float]:
    x, y = math.radians(lon), math.radians(lat)
    return math.cos(y) * math.cos(x), math.cos(y) * math.sin(x), math.sin(y)


def _cross(a: tuple[float, ...], b: tuple[float, ...]) -> tuple[float, float, float]:
    return a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]


def _dot(a: tuple[float, ...], b: list[float]) -> float:
    return sum(x * y for x, y in zip(a, b, strict=True))
