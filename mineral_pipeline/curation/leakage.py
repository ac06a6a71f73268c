"""The leakage check: how much ground and how many deposits the subsets of a split share, measured on their chips.

Ground is measured location by location (`coverage`): what several footprints of the other subset cover, or several
footprints of one location, counts once. Ground where two locations of a subset overlap counts for both.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import geopandas as gpd
import numpy as np
from scipy.spatial import cKDTree

from mineral_pipeline import geometry
from mineral_pipeline.curation import _numba, overlap
from mineral_pipeline.curation.coverage import Coverage
from mineral_pipeline.errors import LeakageError
from mineral_pipeline.geometry import CRS, Flags, Floats, Footprints, Integers, Shapes
from mineral_pipeline.learning import SUBSETS, TEST, TRAIN, VALIDATION
from mineral_pipeline.workspace import Workspace, artefacts

LOCATIONS_PER_QUERY = 1000
"""Locations whose deposits are looked up together: some hundred thousand candidates."""


@dataclass(frozen=True)
class SubsetLeakage:
    """What one subset shares with another."""

    area: float
    """Share of the subset's ground that lies under footprints of the other."""
    locations: float
    """Share of the subset's locations of which some ground does."""
    worst: float
    """The largest share of one location's ground that does."""
    deposits: int
    """Deposits inside footprints of both subsets."""


def measure_leakage(samples: gpd.GeoDataFrame, deposits: Floats, max_leakage: float) -> dict[str, Any]:
    """Measure what the subsets of a sample set share; see `SplitLeakage.measure`."""
    return SplitLeakage(samples).measure(deposits, max_leakage)


class SharedGround:
    """The ground of locations in several subsets, and how much of it each subset shares with others.

    Args:
        footprints: (n,) polygons in lon/lat.
        location: (n,) number of the location of each footprint, 0 to p - 1, each number in use.
        subset: (p,) number of the subset of each location.
        compared: pairs of a subset, whose ground is measured, and of the other.

    Raises:
        DataError: a footprint is no polygon.
    """

    def __init__(
        self, footprints: Shapes, location: Integers, subset: Integers, compared: Sequence[tuple[int, int]]
    ) -> None:
        self.subset = subset
        pairs = overlap.overlapping_pairs(footprints, location)
        self.pairs = np.concatenate([pairs, pairs[:, ::-1]])
        """(k, 2) numbers of locations that overlap, in both orders."""
        crosses_subsets = subset[pairs[:, 0]] != subset[pairs[:, 1]]
        # Without an overlap across subsets, as under a split with a buffer, there is nothing to measure.
        coverage = Coverage.of(footprints, location) if crosses_subsets.any() else None
        self._areas = coverage.areas() if coverage else np.ones(len(subset))
        self._shared = {
            pair: coverage.shared_areas(self._between(*pair)) if coverage else np.zeros(len(subset))
            for pair in compared
        }

    def shares(self, subset: int, other: int) -> Floats:
        """Share of the ground of every location (p,) of a subset that lies under footprints of another."""
        # Two unions of the same footprints can differ by a rounding error.
        return np.asarray(np.minimum(self._shared[subset, other] / self._areas, 1))

    def compare(self, subset: int, other: int, contained: Flags) -> SubsetLeakage:
        """What a subset shares with another; ``contained`` is that of `contained_by_subset`."""
        own, deposits = self.subset == subset, int((contained[subset] & contained[other]).sum())
        if not own.any():
            return SubsetLeakage(0.0, 0.0, 0.0, deposits)
        shares = self.shares(subset, other)[own]
        area = float(self._shared[subset, other][own].sum() / self._areas[own].sum())
        return SubsetLeakage(area, float((shares > 0).mean()), float(shares.max()), deposits)

    def _between(self, subset: int, other: int) -> Integers:
        """Overlapping pairs of a location of one subset and a location of another."""
        first, second = self.subset[self.pairs].T
        return np.asarray(self.pairs[(first == subset) & (second == other)])


class SplitLeakage:
    """Which locations of the subsets of a sample set overlap, and how much.

    Args:
        samples: samples as `select` gives them.
    """

    def __init__(self, samples: gpd.GeoDataFrame) -> None:
        kept = samples[samples["sample"] >= 0]
        # A location with chips in two subsets counts as two locations, one in each.
        grouped = kept.groupby(["subset", "location_id"], sort=True)
        self._keys, self._location = grouped.first().index, grouped.ngroup().to_numpy()
        subset = np.array([SUBSETS.index(subset) for subset, _ in self._keys], dtype=np.int64)
        self._footprints = geometry.to_shapes(kept.geometry)
        compared = ((TEST, TRAIN), (VALIDATION, TRAIN), (TEST, VALIDATION))
        self._ground = SharedGround(self._footprints, self._location, subset, compared)

    def measure(self, deposits: Floats, max_leakage: float) -> dict[str, Any]:
        """Measure what the subsets share.

        Args:
            deposits: (m, 2) lon/lat of the known deposits.
            max_leakage: largest allowed share of the test area under training footprints; kept with the result.

        Returns:
            The fields of `SubsetLeakage` of test against training, ``max_leakage``, and the same fields of two more
            pairs: ``validation`` against training, and ``test_in_validation``.
        """
        contained = contained_by_subset(self._footprints, self._location, self._ground.subset, deposits)
        compare = self._ground.compare
        return {
            **asdict(compare(TEST, TRAIN, contained)),
            "max_leakage": max_leakage,
            "validation": asdict(compare(VALIDATION, TRAIN, contained)),
            "test_in_validation": asdict(compare(TEST, VALIDATION, contained)),
        }

    def locations(self) -> gpd.GeoDataFrame:
        """The locations of all subsets, to be drawn as a map of the leakage.

        Returns:
            One row per location of a subset: ``subset``, ``location_id``; ``shared``, the share of its ground that lies
            under training footprints (nan for the locations of training); ``meets_test``, whether it overlaps a test
            location; its outline.
        """
        compared, subset, pairs = (TEST, VALIDATION), self._ground.subset, self._ground.pairs
        shares = [self._ground.shares(one, TRAIN) for one in compared]
        shared = np.select([subset == one for one in compared], shares, np.nan)
        near_test = pairs[subset[pairs[:, 1]] == TEST, 0]
        meets_test = np.isin(np.arange(len(subset)), near_test)
        table = self._keys.to_frame(index=False).assign(shared=shared, meets_test=meets_test)
        return gpd.GeoDataFrame(table, geometry=overlap.outlines(self._footprints, self._location), crs=CRS)


def check_leakage(workspace: Workspace, sample_set: str, max_leakage: float) -> None:
    """Refuse to train on subsets that share too much.

    Args:
        workspace: the workspace.
        sample_set: name as `artefacts.sample_set` gives it.
        max_leakage: largest allowed share of the test area under training footprints.

    Raises:
        LeakageError: a larger share of the test area lies under training footprints; or, when ``max_leakage`` is 0, a
            deposit is in footprints of both.
    """
    leakage = workspace.read_json(artefacts.samples_summary(sample_set))["leakage"]
    if leakage["area"] > max_leakage or (max_leakage == 0 and leakage["deposits"]):
        enough = max(math.ceil(leakage["area"] * 100) / 100, 0.01)
        raise LeakageError(
            f"{sample_set}: {100 * leakage['area']:.1f} % of the test area lies under training footprints, with"
            f" {leakage['deposits']:,} deposits, more than curate.max_leakage {max_leakage:g} allows: set"
            f" curate.split: blocks, or curate.max_leakage: {enough:g} to train all the same; the report's map shows"
            " where"
        )


def contained_by_subset(
    footprints: Footprints, location: Integers, subset: Integers, deposits: Floats, count: int = len(SUBSETS)
) -> Flags:
    """Which deposits lie inside footprints of which subset; footprints are closed polygons of great circles.

    Args:
        footprints: n polygons in any form of `geometry.Footprints`.
        location: (n,) number of the location of each footprint, 0 to p - 1, each number in use.
        subset: (p,) number of the subset of each location, such as the index into `SUBSETS`.
        deposits: (m, 2) lon/lat.
        count: number of subsets.

    Returns:
        (count, m) flags.
    """
    contained = np.zeros((count, len(deposits)), dtype=bool)
    if not (len(deposits) and len(location)):
        return contained
    points, polygons = geometry.unit_vectors(deposits), geometry.checked(footprints, "raise")
    members, parts, tree = overlap.group_members(location[polygons.owner]), overlap.parts_of(polygons), cKDTree(points)
    centres, radii = geometry.enclosing_circles(overlap.hulls(footprints, location))
    for start in range(0, len(subset), LOCATIONS_PER_QUERY):
        rows = slice(start, start + LOCATIONS_PER_QUERY)
        near = tree.query_ball_point(centres[rows], overlap.chords(radii[rows]))
        for number, found in enumerate(near, start):
            own = members.footprints[members.offsets[number] : members.offsets[number + 1]]
            candidates = np.array(found, dtype=np.int64)
            _numba.mark_contained(contained[subset[number]], points, candidates, own, parts)
    return contained
