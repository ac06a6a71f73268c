"""Which rows of deposit tables are the same deposit.

The rule, in this order:

1. Rows of the same identifier are one deposit, wherever they lie: the source says so.
2. Deposits that share a name (`site_names`) and lie within ``merge_km`` of each other are linked, and so are those
   that are linked to the same third one. A name that tells nothing, such as ``Unnamed prospect``, links those at one
   and the same position only.
3. Linked deposits become one as far as they lie within ``merge_km`` of the most trusted of them, which keeps its
   place; of those farther away the most trusted keeps its own and takes what lies within ``merge_km`` of it, and
   so on. A chain of namesakes thus never draws a deposit farther than ``merge_km``.

The most trusted is that of the first table in ``label.deposits``; within a table the first by identifier, name, place
and commodities, so that the order of its rows does not matter. Deposits without any name are merged by rule 1 only.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

from mineral_pipeline import geometry
from mineral_pipeline.geometry import Floats
from mineral_pipeline.labelling.distinct import unique_rows
from mineral_pipeline.labelling.site_names import VAGUE, site_names

Integers = npt.NDArray[np.int64]

ORDER = ["rank", "id", "name", "lon", "lat", "commodities", "sources"]
"""By which rows are trusted; ``rank`` is that of their table."""


def sort_by_priority(rows: pd.DataFrame) -> pd.DataFrame:
    """Rows in `ORDER`; all of it is looked at where rank and identifier are the same only, which is much faster."""
    repeated = rows.duplicated(ORDER[:2], keep=False)
    rows = pd.concat([rows[~repeated], rows[repeated].sort_values(ORDER)]) if repeated.any() else rows
    return rows.sort_values(ORDER[:2], kind="stable")


def deduplicate(rows: pd.DataFrame, merge_km: float) -> Integers:
    """The row that each row becomes one with: itself, or the one that keeps its place.

    Args:
        rows: ``id``, ``name``, ``lon`` and ``lat``, the most trusted first.
        merge_km: how far apart deposits of one name may lie to be the same.

    Returns:
        (n,) row numbers, none larger than that of the row itself.
    """
    of_id, _ = pd.factorize(rows["id"])
    _, first = np.unique(of_id, return_index=True)
    kept = rows.iloc[first]
    keeper = _namesakes(kept["name"].tolist(), kept[["lon", "lat"]].to_numpy(np.float64), merge_km)
    return np.asarray(first[keeper[of_id]], dtype=np.int64)


def _namesakes(names: Sequence[str], lonlat: Floats, merge_km: float) -> Integers:
    """Keeper (n,) of deposits, the most trusted first."""
    keeper = np.arange(len(names))
    vectors = geometry.unit_vectors(lonlat)
    linked = _links(names, vectors, merge_km)
    waiting = np.flatnonzero(np.bincount(linked)[linked] > 1)
    while len(waiting):
        _, first, of_leader = np.unique(linked[waiting], return_index=True, return_inverse=True)
        leaders = waiting[first][of_leader]
        near = geometry.EARTH_RADIUS_KM * geometry.angles(vectors[waiting], vectors[leaders]) <= merge_km
        near |= waiting == leaders
        keeper[waiting[near]] = leaders[near]
        waiting = waiting[~near]
    return keeper


def _links(names: Sequence[str], vectors: Floats, merge_km: float) -> Integers:
    """Component (n,) of each deposit: those linked by name and distance, directly or through others.

    Positions of one name lie in a space of their own, by a fourth coordinate, so that one tree finds all pairs. What
    has the same name and position is one node: a thousand repetitions do not make a million pairs.
    """
    called = site_names(names)
    deposits = np.repeat(np.arange(len(names)), [len(called[name]) for name in names])
    label, labels = pd.factorize(np.array([one for name in names for one in called[name]], dtype=object))
    repeated = np.bincount(label, minlength=1)[label] > 1
    deposits, points = deposits[repeated], np.column_stack([vectors[deposits[repeated]], 4.0 * label[repeated]])
    node, nodes = unique_rows(points)
    chord = 2 * np.sin(merge_km / geometry.EARTH_RADIUS_KM / 2) + 1e-12
    telling = np.flatnonzero([not one.startswith(VAGUE) for one in labels[(nodes[:, 3] / 4).astype(np.int64)]])
    pairs = telling[cKDTree(nodes[telling]).query_pairs(chord, output_type="ndarray")]
    start = np.concatenate([deposits, len(names) + pairs[:, 0]])
    end = np.concatenate([len(names) + node, len(names) + pairs[:, 1]])
    size = len(names) + len(nodes)
    graph = csr_array((np.ones(len(start), dtype=np.int8), (start, end)), shape=(size, size))
    return np.asarray(connected_components(graph, directed=False)[1][: len(names)], dtype=np.int64)
