"""The leak gate: how much ground and how many deposits the sides of a split share, measured on the chips they hold.

Ground is measured place by place (`ground`): what several footprints of the other side cover, or several visits to a
place, counts once; ground where two places of a side overlap counts for both.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

import geopandas as gpd
import numpy as np
from scipy.spatial import cKDTree

from mineral_pipeline import geometry
from mineral_pipeline.curation import _numba, overlap
from mineral_pipeline.curation.coverage import Coverage
from mineral_pipeline.curation.splits.blocks import SUBSETS, TEST, TRAIN, VALIDATION, Flags, Floats, Integers
from mineral_pipeline.errors import LeakageError
from mineral_pipeline.geometry import CRS
from mineral_pipeline.workspace import Workspace

PLACES_AT_ONCE = 1000
"""Places whose deposits are looked for together: some hundred thousand candidates."""


@dataclass(frozen=True)
class SubsetLeakage:
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


def leak_name(task: str) -> str:
    """Name of the table of places that `curate` measures the leak on, to be drawn as a map."""
    return f"samples/{task}/leakage.parquet"


def measure_leakage(samples: gpd.GeoDataFrame, deposits: Floats, max_leakage: float) -> dict[str, Any]:
    """What the sides of a task share; `Overlap.leak` of its samples."""
    return SplitLeakage(samples).leak(deposits, max_leakage)


class SplitLeakage:
    """Which places of the sides of a task share ground, and how much.

    Args:
        samples: as `choose` gives them.
    """

    def __init__(self, samples: gpd.GeoDataFrame) -> None:
        kept = samples[samples["sample"] >= 0]
        # A place with chips on two sides is two places, one on each.
        grouped = kept.groupby(["subset", "location_id"], sort=True)
        self._keys, self._place = grouped.first().index, grouped.ngroup().to_numpy()
        self._side = np.array([SUBSETS.index(side) for side, _ in self._keys], dtype=np.int64)
        self._footprints = geometry.vertex_array(kept.geometry)
        pairs = overlap.neighbours(self._footprints, self._place)
        self._pairs = np.concatenate([pairs, pairs[:, ::-1]])
        across = self._side[pairs[:, 0]] != self._side[pairs[:, 1]]
        # Where no two sides meet, which is what blocks are for, nothing need be measured.
        ground = Coverage.of(self._footprints, self._place) if across.any() else None
        self._areas = ground.areas() if ground else np.ones(len(self._keys))
        self._shared = {
            (side, other): ground.shared(self._between(side, other)) if ground else np.zeros(len(self._keys))
            for side, other in ((TEST, TRAIN), (VALIDATION, TRAIN), (TEST, VALIDATION))
        }

    def leak(self, deposits: Floats, max_leakage: float) -> dict[str, Any]:
        """What the sides share.

        Args:
            deposits: (m, 2) lon/lat of the known deposits.
            max_leakage: share of the test area that may lie under training footprints; kept with the result.

        Returns:
            The fields of `Leak` of test against training, ``max_leakage``, and two more: ``validation`` against training,
            ``test_in_validation``.
        """
        held = contained_by_subset(self._footprints, self._place, self._side, deposits)
        return {
            **asdict(self._compare(TEST, TRAIN, held)),
            "max_leakage": max_leakage,
            "validation": asdict(self._compare(VALIDATION, TRAIN, held)),
            "test_in_validation": asdict(self._compare(TEST, VALIDATION, held)),
        }

    def places(self) -> gpd.GeoDataFrame:
        """The map of the leak: one row per place of a side.

        Returns:
            ``subset``, ``location_id``; ``shared``, the share of its ground that lies under training footprints (nan for those
            of training); ``meets_test``, whether it shares ground with a test place; its outline.
        """
        judged = (TEST, VALIDATION)
        shares = [self._shares(side, TRAIN) for side in judged]
        shared = np.select([self._side == side for side in judged], shares, np.nan)
        meets = np.isin(np.arange(len(self._side)), self._pairs[self._side[self._pairs[:, 1]] == TEST, 0])
        table = self._keys.to_frame(index=False).assign(shared=shared, meets_test=meets)
        return gpd.GeoDataFrame(table, geometry=overlap.outlines(self._footprints, self._place), crs=CRS)

    def _between(self, side: int, other: int) -> Integers:
        """Pairs of a place of ``subset`` and one of ``other`` that share ground."""
        one, two = self._side[self._pairs].T
        return np.asarray(self._pairs[(one == side) & (two == other)])

    def _shares(self, side: int, other: int) -> Floats:
        """Share of the ground of every place (p,) under footprints of ``other``."""
        return np.asarray(np.minimum(self._shared[side, other] / self._areas, 1))  # two unions can differ by a rounding

    def _compare(self, side: int, other: int, held: Flags) -> SubsetLeakage:
        own, deposits = self._side == side, int((held[side] & held[other]).sum())
        if not own.any():
            return SubsetLeakage(0.0, 0.0, 0.0, deposits)
        shares = self._shares(side, other)[own]
        area = float(self._shared[side, other][own].sum() / self._areas[own].sum())
        return SubsetLeakage(area, float((shares > 0).mean()), float(shares.max()), deposits)


def check_leakage(workspace: Workspace, task: str, max_leakage: float) -> None:
    """Refuse to train on sides that share too much.

    Raises:
        LeakError: more of the test area than ``max_leakage`` lies under training footprints; or, when that is 0, a deposit
            is in footprints of both.
    """
    leak = workspace.read_json(summary_name(task))["leak"]
    if leak["area"] > max_leakage or (max_leakage == 0 and leak["deposits"]):
        enough = max(math.ceil(leak["area"] * 100) / 100, 0.01)
        raise LeakageError(
            f"{task}: {100 * leak['area']:.1f} % of the test area lies under training footprints, with"
            f" {leak['deposits']:,} deposits, more than curate.max_leakage {max_leakage:g} allows: set curate.split: blocks,"
            f" or curate.max_leakage: {enough:g} to train all the same; the report's map shows where"
        )


def contained_by_subset(footprints: Floats, place: Integers, side: Integers, deposits: Floats) -> Flags:
    """Which deposits lie inside footprints of which side; footprints are closed polygons of great circles.

    Args:
        footprints: (n, v, 2) lon/lat, all valid.
        place: (n,) number of the place of each, 0 to p - 1, each number in use.
        side: (p,) index into `SIDES` of each place.
        deposits: (m, 2) lon/lat.

    Returns:
        (3, m) flags, in the order of `SIDES`.
    """
    held, points = np.zeros((len(SUBSETS), len(deposits)), dtype=bool), geometry.unit_vectors(deposits)
    if not (len(points) and len(place)):
        return held
    places, normals, tree = overlap.Places.of(place), overlap.Polygons(footprints).normals, cKDTree(points)
    centres, radii = geometry.enclosing_circles(overlap.hulls(footprints, place))
    for start in range(0, len(side), PLACES_AT_ONCE):
        some = slice(start, start + PLACES_AT_ONCE)
        near = tree.query_ball_point(centres[some], overlap.chords(radii[some]))
        for number, names in enumerate(near, start):
            chips = places.chips[places.starts[number] : places.starts[number + 1]]
            _numba.mark_contained(held[side[number]], points, np.array(names, dtype=np.int64), chips, normals)
    return held
