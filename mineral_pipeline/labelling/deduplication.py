"""Deduplication of deposit tables: which rows are the same deposit.

The rule, in this order:

1. Rows of the same identifier are one deposit, wherever they are: the source says so.
2. Deposits that share a name (`site_names`) and are within ``merge_km`` of each other are linked, and so are those
   that are linked to the same third one. A vague name, such as ``Unnamed prospect``, links deposits at exactly the same
   position only.
3. Linked deposits become one where they are within ``merge_km`` of that with the highest priority, whose position is
   kept. The rule is repeated for the remaining deposits. A chain of namesakes thus never moves a deposit by more than
   ``merge_km``.

The first table in ``label.deposits`` has the highest priority; within a table the order is by identifier, name,
position and commodities, so that the order of its rows does not matter. Deposits without any name are merged by rule 1
only.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

from mineral_pipeline import geometry
from mineral_pipeline.geometry import Floats, Integers
from mineral_pipeline.labelling.site_names import VAGUE, site_names

PRIORITY = ["rank", "id", "name", "lon", "lat", "commodities", "sources"]
"""Columns by which rows are sorted, highest priority first; ``rank`` is the number of a row's table."""


def unique_rows(rows: Floats) -> tuple[Integers, Floats]:
    """Find the unique rows of an array (n, k), ten times as fast as `np.unique`.

    Returns:
        Index (n,) of each row among the unique ones; the unique rows in order of their first appearance.
    """
    table = pd.DataFrame(rows)
    numbers = table.groupby(list(table.columns), sort=False).ngroup()
    return np.asarray(numbers, dtype=np.int64), np.asarray(table.drop_duplicates(), dtype=np.float64)


def sort_by_priority(rows: pd.DataFrame) -> pd.DataFrame:
    """Sort rows by `PRIORITY`.

    Only rows that share rank and identifier are compared by the other columns too, which is much faster.
    """
    repeated = rows.duplicated(PRIORITY[:2], keep=False)
    rows = pd.concat([rows[~repeated], rows[repeated].sort_values(PRIORITY)]) if repeated.any() else rows
    return rows.sort_values(PRIORITY[:2], kind="stable")


def deduplicate(rows: pd.DataFrame, merge_km: float) -> Integers:
    """Find the rows that are the same deposit.

    Args:
        rows: ``id``, ``name``, ``lon`` and ``lat``, sorted by priority.
        merge_km: largest distance between deposits of one name that are the same, in kilometres.

    Returns:
        Row number (n,) of each row's deposit: that of its row with the highest priority.
    """
    of_id, _ = pd.factorize(rows["id"])
    _, first = np.unique(of_id, return_index=True)
    kept = rows.iloc[first]
    leader = _merge_namesakes(kept["name"].tolist(), kept[["lon", "lat"]].to_numpy(np.float64), merge_km)
    return np.asarray(first[leader[of_id]], dtype=np.int64)


def _merge_namesakes(names: Sequence[str], lonlat: Floats, merge_km: float) -> Integers:
    """Apply rules 2 and 3 to deposits sorted by priority; return the number (n,) of that which each is merged into."""
    leader = np.arange(len(names))
    vectors = geometry.unit_vectors(lonlat)
    component = _components(names, vectors, merge_km)
    remaining = np.flatnonzero(np.bincount(component)[component] > 1)
    while len(remaining):
        _, first, group = np.unique(component[remaining], return_index=True, return_inverse=True)
        leaders = remaining[first][group]
        distances = geometry.EARTH_RADIUS_KM * geometry.angles(vectors[remaining], vectors[leaders])
        is_merged = (distances <= merge_km) | (remaining == leaders)
        leader[remaining[is_merged]] = leaders[is_merged]
        remaining = remaining[~is_merged]
    return leader


def _components(names: Sequence[str], vectors: Floats, merge_km: float) -> Integers:
    """Number the connected components (n,) of deposits that are linked by name and distance.

    A fourth coordinate keeps positions of different names apart, so that one k-d tree finds all pairs. Deposits of the
    same name and position are one node, because a thousand repetitions would otherwise make a million pairs.
    """
    chord = geometry.chord_length(merge_km) + 1e-12
    nearest, _ = cKDTree(vectors).query(vectors, k=[2], distance_upper_bound=chord)  # the first is the deposit itself
    near = np.flatnonzero(np.isfinite(nearest[:, 0]))  # the names of others link nothing
    named = [names[one] for one in near.tolist()]
    names_of = site_names(named, names)
    deposits = np.repeat(near, [len(names_of[name]) for name in named])
    label, labels = pd.factorize(np.array([one for name in named for one in names_of[name]], dtype=object))
    is_shared = np.bincount(label, minlength=1)[label] > 1
    deposits, points = deposits[is_shared], np.column_stack([vectors[deposits[is_shared]], 4.0 * label[is_shared]])
    node, nodes = unique_rows(points)
    node_names = labels[(nodes[:, 3] / 4).astype(np.int64)]
    specific = np.flatnonzero([not name.startswith(VAGUE) for name in node_names])
    pairs = specific[cKDTree(nodes[specific]).query_pairs(chord, output_type="ndarray")]
    start = np.concatenate([deposits, len(names) + pairs[:, 0]])
    end = np.concatenate([len(names) + node, len(names) + pairs[:, 1]])
    size = len(names) + len(nodes)
    graph = csr_array((np.ones(len(start), dtype=np.int8), (start, end)), shape=(size, size))
    return np.asarray(connected_components(graph, directed=False)[1][: len(names)], dtype=np.int64)
