"""The leak gate: how much ground and how many deposits the sides of a split share, measured on the chips they hold.

Ground is measured place by place: the union of a place's footprints is taken in the gnomonic plane that touches the
place, where great circles are straight lines, and cut with the union of the other side's footprints; areas are taken
after Lambert's azimuthal equal-area projection of the corners. Ground shared by several footprints of the other side,
or by several visits to a place, so counts once; ground where two places of a side overlap counts for both.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from scipy.spatial import cKDTree

from mineral_pipeline import ledger, sphere
from mineral_pipeline.curation import overlap
from mineral_pipeline.curation.blocks import SIDES, Flags, Floats, Integers
from mineral_pipeline.errors import LeakError
from mineral_pipeline.workspace import Workspace


@dataclass(frozen=True)
class Leak:
    """What one side shares with another."""

    area: float
    """Share of the side's ground that lies under footprints of the other."""
    places: float
    """Share of the side's places of which some ground does."""
    worst: float
    """The largest share of one place's ground that does."""
    deposits: int
    """Deposits inside footprints of both sides."""


def summary_name(task: str) -> str:
    """Name of the summary that `curate` writes last."""
    return f"samples/{task}/summary.json"


def measure_leak(samples: gpd.GeoDataFrame, deposits: Floats, max_leak: float) -> dict[str, Any]:
    """What the sides of a task share.

    Args:
        samples: as `choose` gives them.
        deposits: (m, 2) lon/lat of the known deposits.
        max_leak: share of the test area that may lie under training footprints; kept with the result.

    Returns:
        The fields of `Leak` of test against training, ``max_leak``, and two more: ``validation`` against training,
        ``test_in_validation``.
    """
    kept = samples[samples["sample"] >= 0]
    ground = _Ground(ledger.footprints(kept), pd.factorize(kept["bucket"])[0])
    sides = {side: _Side(ground, np.flatnonzero(kept["side"] == side), deposits) for side in SIDES}
    train, validation, test = sides["train"], sides["validation"], sides["test"]
    return {
        **asdict(_compare(ground, test, train)),
        "max_leak": max_leak,
        "validation": asdict(_compare(ground, validation, train)),
        "test_in_validation": asdict(_compare(ground, test, validation)),
    }


def check_leak(workspace: Workspace, task: str, max_leak: float) -> None:
    """Refuse to train on sides that share too much.

    Raises:
        LeakError: more of the test area than ``max_leak`` lies under training footprints; or, when that is 0, a deposit
            is in footprints of both.
    """
    leak = workspace.read_json(summary_name(task))["leak"]
    if leak["area"] > max_leak or (max_leak == 0 and leak["deposits"]):
        enough = max(math.ceil(leak["area"] * 100) / 100, 0.01)
        raise LeakError(
            f"{task}: {100 * leak['area']:.1f} % of the test area lies under training footprints, with"
            f" {leak['deposits']:,} deposits, more than curate.max_leak {max_leak:g} allows: set curate.split: blocks,"
            f" or curate.max_leak: {enough:g} to train all the same"
        )


class _Ground:
    """The footprints of all sides, by place, and which places meet."""

    def __init__(self, footprints: Floats, place: Integers) -> None:
        self.footprints, self.place = footprints, place
        self.chips_of = overlap.chips_by_place(place)
        self.pairs = overlap.neighbours(footprints, place)


class _Side:
    """The places of a side, and the deposits within their footprints."""

    def __init__(self, ground: _Ground, chips: Integers, deposits: Floats) -> None:
        self.places = np.unique(ground.place[chips])
        self.holds = deposits_inside(ground.footprints[chips], deposits)


def _compare(ground: _Ground, side: _Side, other: _Side) -> Leak:
    deposits = int((side.holds & other.holds).sum())
    both_ways = np.concatenate([ground.pairs, ground.pairs[:, ::-1]])
    pairs = both_ways[np.isin(both_ways[:, 0], side.places) & np.isin(both_ways[:, 1], other.places)]
    if len(pairs) == 0:
        return Leak(0.0, 0.0, 0.0, deposits)
    under: dict[int, list[Integers]] = {place: [np.empty(0, dtype=np.int64)] for place in side.places.tolist()}
    for place, partner in pairs.tolist():
        under[place].append(ground.chips_of[partner])
    shapes = ground.footprints
    areas = [_areas(shapes[ground.chips_of[place]], shapes[np.concatenate(chips)]) for place, chips in under.items()]
    whole, shared = np.array(areas).T
    # Two unions of the same lines can differ by a rounding.
    shares = np.minimum(shared / whole, 1)
    return Leak(float(shared.sum() / whole.sum()), float((shares > 0).mean()), float(shares.max()), deposits)


def _areas(own: Floats, other: Floats) -> tuple[float, float]:
    """Area in km2 of the union of the footprints ``own`` (n, v, 2), and of its part under ``other`` (m, v, 2)."""
    vectors = sphere.unit_vectors(np.concatenate([own, other]))
    plane = overlap.tangent_planes(vectors[: len(own)].sum(axis=(0, 1)))
    flat = overlap.to_plane(vectors, np.broadcast_to(plane, (len(vectors), 3, 3)))
    polygons = shapely.make_valid(shapely.polygons(flat))
    ground = shapely.union_all(polygons[: len(own)])
    shared = shapely.intersection(ground, shapely.union_all(polygons[len(own) :]))
    return _area(ground), _area(shared)


def _area(shape: shapely.Geometry) -> float:
    return float(shapely.area(shapely.transform(shape, _equal_area)) * sphere.EARTH_RADIUS_KM**2)


def _equal_area(flat: Floats) -> Floats:
    """Points of a gnomonic plane in Lambert's azimuthal equal-area projection with the same centre."""
    tangent = np.linalg.norm(flat, axis=1, keepdims=True)
    chord = 2 * np.sin(np.arctan(tangent) / 2)
    return np.asarray(flat * np.divide(chord, tangent, out=np.ones_like(tangent), where=tangent > 0))


def deposits_inside(footprints: Floats, deposits: Floats) -> Flags:
    """Which deposits (m, 2) lie inside any of the footprints (n, v, 2); closed polygons of great circles."""
    vectors = sphere.unit_vectors(deposits)
    inside = np.zeros(len(vectors), dtype=bool)
    if len(vectors) == 0:
        return inside
    tree, (centres, radii) = cKDTree(vectors), sphere.enclosing_circles(footprints)
    shapes = sphere.half_spaces(footprints)
    reach = 2 * np.sin(radii / 2) + sphere.TOLERANCE
    for centre, chord, normals, valid in zip(centres, reach, shapes.normals, shapes.valid, strict=True):
        if not valid:
            continue
        near: Integers = np.array(tree.query_ball_point(centre, chord), dtype=np.int64)
        near = near[~inside[near]]
        inside[near] = (vectors[near] @ normals.T >= -sphere.TOLERANCE).all(axis=1)
    return inside
