"""Rows of an archive's index, or made from its files: the settings' filters, and checks of each row's identity.

Rows come in batches and are dropped as soon as a filter excludes them: memory holds an identifier and five numbers of
each row that is kept, and one number of each that is of the spacecraft and sensors of the settings.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from mineral_pipeline import settings
from mineral_pipeline.errors import DataError
from mineral_pipeline.sensors import SENSORS
from mineral_pipeline.sensors.landsat import BUCKET, PRODUCT_ID, acquisition_days, product_folders, split_ids
from mineral_pipeline.workspace.identities import location_ids

TEXTS = ["PRODUCT_ID", "SPACECRAFT_ID", "SENSOR_ID", "DATE_ACQUIRED", "COLLECTION_CATEGORY", "DATA_TYPE", "BASE_URL"]
NUMBERS = ["WRS_PATH", "WRS_ROW", "CLOUD_COVER", "NORTH_LAT", "SOUTH_LAT", "WEST_LON", "EAST_LON"]
MISSION = ["SPACECRAFT_ID", "SENSOR_ID"]
INDEX_ONLY = ["CLOUD_COVER", "NORTH_LAT", "SOUTH_LAT", "WEST_LON", "EAST_LON"]
"""Columns that do not follow from a product's identifier."""

MAX_MISSIONS = 8
"""Spacecraft and sensors that are named when the settings' filters leave none of them."""

MIN_VISITS_PER_MERGE = 2**16
"""Visits that are gathered before they are compared with each other."""

WRS1 = 1000
"""Added to the paths of WRS-1 in `Visits`; no path is as large."""

MIN_ROWS_PER_CHECK = 2**14
"""Rows that are gathered before they are checked: after the filters, a batch of the index holds few."""

ProgressCallback = Callable[[int, int], None]
"""Called after every batch with the number of rows read so far, and of those that all filters kept."""

Check = Callable[[pd.DataFrame], "pd.Series[bool]"]
"""Function from rows and the fields of their identifiers to the rows that are wrong."""


@dataclass(frozen=True)
class Listing:
    """The products of an archive that the settings ask for."""

    rows: pd.DataFrame
    """PRODUCT_ID and the columns `INDEX_ONLY`, which are nan where unknown; one row per product. BASE_URL, too, where a
    product lies elsewhere than in the bucket's layout."""
    matched: int
    """Number of rows that all filters kept, those that a check dropped included."""
    visits: pd.Series
    """Days on which a location was photographed by the spacecraft and sensors of the settings, whatever their other
    filters, by `identities.location_ids`."""
    dropped: Mapping[str, int] = field(default_factory=dict)
    """Number of rows that each check dropped, by reason."""
    is_index: bool = True
    """Whether the rows are from an index, which has clouds and bounds, or from the names of files."""


class Filter(NamedTuple):
    """One setting of `settings.Catalogue` that restricts the rows."""

    setting: str
    """Name and value of the setting, for messages."""
    keeps: Callable[[pa.RecordBatch], Any]
    """Function from rows to a mask of those that the setting keeps."""


def mission_filters(config: settings.Catalogue) -> Iterator[Filter]:
    """Make a filter for each setting that says by whom a scene was photographed."""
    yield from _list_filters(
        {"spacecraft": ("SPACECRAFT_ID", config.spacecraft), "sensors": ("SENSOR_ID", config.sensors)}
    )


def scene_filters(config: settings.Catalogue) -> Iterator[Filter]:
    """Make a filter for each other setting that restricts the rows, the cheapest first."""
    yield from _list_filters({"tiers": ("COLLECTION_CATEGORY", config.tiers), "levels": ("DATA_TYPE", config.levels)})
    if config.start is not None:
        start = config.start.isoformat()  # ISO dates sort as text
        yield Filter(f"catalogue.start: {start}", lambda rows: pc.greater_equal(rows["DATE_ACQUIRED"], start))
    if config.end is not None:
        end = config.end.isoformat()
        yield Filter(f"catalogue.end: {end}", lambda rows: pc.less_equal(rows["DATE_ACQUIRED"], end))
    if config.max_cloud_cover is not None:
        percent = config.max_cloud_cover
        yield Filter(
            f"catalogue.max_cloud_cover: {percent:g}", lambda rows: pa.array(~(numbers(rows["CLOUD_COVER"]) > percent))
        )
    if config.bounds is not None:
        bounds = config.bounds
        yield Filter(f"catalogue.bounds: {list(bounds)}", lambda rows: pa.array(intersects(rows, bounds)))


def _list_filters(lists: Mapping[str, tuple[str, Sequence[str]]]) -> Iterator[Filter]:
    """Filters of settings that list the values of a column; an empty list means all."""
    for setting, (column, values) in lists.items():
        if values:
            yield Filter(f"catalogue.{setting}: {list(values)}", _one_of(column, values))


def _one_of(column: str, values: Sequence[str]) -> Callable[[pa.RecordBatch], Any]:
    allowed = pa.array(values, pa.string())
    return lambda rows: pc.is_in(rows[column], value_set=allowed)


def intersects(rows: pa.RecordBatch, bounds: tuple[float, float, float, float]) -> np.ndarray:
    """Whether the boxes of rows meet ``bounds``, on the circle of longitudes; true for unknown boxes.

    Args:
        rows: n rows of an index.
        bounds: west, south, east, north in degrees; west > east across the antimeridian.

    Returns:
        (n,) bool.
    """
    west, east = continuous_longitudes(numbers(rows["WEST_LON"]), numbers(rows["EAST_LON"]))
    south, north = numbers(rows["SOUTH_LAT"]), numbers(rows["NORTH_LAT"])
    width = bounds[2] - bounds[0] if bounds[2] >= bounds[0] else bounds[2] - bounds[0] + 360
    is_apart = (south > bounds[3]) | (north < bounds[1])
    is_apart |= ((bounds[0] - west) % 360 > east - west) & ((west - bounds[0]) % 360 > width)
    return ~is_apart


def continuous_longitudes(west: np.ndarray, east: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Make western and eastern edges in degrees continuous: a box across the antimeridian ends beyond 180.

    An index may name the edges of such a box in either order; no scene is wider than half the globe.
    """
    is_wide = east - west > 180
    west, east = np.where(is_wide, east, west), np.where(is_wide, west, east)
    return west, np.where(east < west, east + 360, east)


def numbers(column: pa.Array | pa.ChunkedArray) -> np.ndarray:
    """Convert a column to float64, nan where its text is no number."""
    try:
        return np.asarray(pc.cast(column, pa.float64()).to_numpy(zero_copy_only=False))
    except pa.ArrowInvalid:  # one odd value; slower
        return np.asarray(pd.to_numeric(column.to_pandas(), errors="coerce"), float)


def _has_no_identifier(rows: pd.DataFrame) -> pd.Series:
    return ~rows["PRODUCT_ID"].str.fullmatch(PRODUCT_ID, na=False)


def _is_mismatched(rows: pd.DataFrame) -> pd.Series:
    """Whether the identifier contradicts its row: another satellite, sensor, path, row, day, level or tier."""
    spacecraft = rows["sensor"].map({code: sensor.spacecraft for code, sensor in SENSORS.items()})
    instruments = rows["sensor"].map({code: sensor.instrument for code, sensor in SENSORS.items()})
    agrees = (
        (spacecraft == rows["SPACECRAFT_ID"])
        & (instruments == rows["SENSOR_ID"])
        & (rows["path"].astype(float) == rows["WRS_PATH"])
        & (rows["row"].astype(float) == rows["WRS_ROW"])
        & (acquisition_days(rows) == rows["DATE_ACQUIRED"])
        & pd.to_datetime(rows["acquired"], format="%Y%m%d", errors="coerce").notna()
        & (rows["level"] == rows["DATA_TYPE"])
        & (rows["tier"] == rows["COLLECTION_CATEGORY"])
    )
    return ~agrees


def _is_elsewhere(rows: pd.DataFrame) -> pd.Series:
    """Whether the product lies in another folder than its own."""
    return rows["BASE_URL"].str.rstrip("/") != f"{BUCKET}/" + product_folders(rows["PRODUCT_ID"], rows)


def _has_no_bounds(rows: pd.DataFrame) -> pd.Series:
    """Whether the box is absent or impossible."""
    latitudes = (rows["SOUTH_LAT"] >= -90) & (rows["SOUTH_LAT"] < rows["NORTH_LAT"]) & (rows["NORTH_LAT"] <= 90)
    longitudes = rows[["WEST_LON", "EAST_LON"]].abs().max(axis=1, skipna=False) <= 180
    return ~(latitudes & longitudes)


ANYWHERE_CHECKS: dict[str, Check] = {
    "no product identifier": _has_no_identifier,
    "mismatched identifier": _is_mismatched,
}
"""Checks of every row, by the reason for which a row is dropped; all for products that may lie in any folder."""

IDENTITY_CHECKS: dict[str, Check] = ANYWHERE_CHECKS | {"mismatched folder": _is_elsewhere}
"""Checks of products that must lie in the bucket's layout."""

INDEX_CHECKS: dict[str, Check] = IDENTITY_CHECKS | {"no bounds": _has_no_bounds}
"""Checks of the rows of an index, which also has bounds."""


def filter_rows(
    batches: Iterable[pa.RecordBatch],
    config: settings.Catalogue,
    checks: Mapping[str, Check],
    source: str,
    progress: ProgressCallback,
) -> Listing:
    """Keep the rows that all filters keep and no check drops.

    Args:
        batches: rows with the columns `TEXTS` and `NUMBERS`, as text.
        config: filters of the products; ``limit`` is not one of them.
        checks: checks, by the reason for which a row is dropped.
        source: name of the index or the archive in errors.
        progress: called after every batch.

    Raises:
        DataError: there is no row, or none is left; the message names the setting that leaves none.
    """
    counts = FilterCounts(list(mission_filters(config)), list(scene_filters(config)), progress)
    dropped = dict.fromkeys(checks, 0)
    kept = (counts.count(batch) for batch in batches)
    columns = INDEX_ONLY if _is_elsewhere in checks.values() else [*INDEX_ONLY, "BASE_URL"]
    parts = [_apply_checks(rows, checks, dropped, columns) for rows in _gather(kept)]
    if not counts.total:
        raise DataError(f"{source} holds no scene: fix archive.index or archive.url")
    if not parts:
        culprit = next(setting for setting, rows in counts.left.items() if not rows)
        raise DataError(
            f"{source}: none of {counts.total:,} scenes is left by {culprit}: loosen that setting"
            f"{counts.describe_missions(culprit)}"
        )
    table = pa.concat_tables(parts)
    del parts  # so that each column can be freed as soon as it is copied
    rows = table.to_pandas(split_blocks=True, self_destruct=True)
    return Listing(rows, counts.matched, counts.visits.count(), dropped)


@dataclass
class Visits:
    """The days on which each location was photographed, eight bytes each."""

    days: np.ndarray = field(default_factory=lambda: np.empty(0, np.int64))
    """(visit,) sorted: path, row and day as one number, 181053 19880130; `WRS1` is added to the paths of WRS-1."""
    waiting: list[np.ndarray] = field(default_factory=list)
    """Further ones, among which some are there already."""

    def add(self, batch: pa.RecordBatch) -> None:
        """Note the visits of rows; rows of the same day, such as two processings of a scene, are one."""
        columns = batch["WRS_PATH"], batch["WRS_ROW"], pc.replace_substring(batch["DATE_ACQUIRED"], "-", "")
        parts = np.stack([numbers(column) for column in columns])
        parts[~((parts >= 0) & (parts < [[1000], [1000], [10**8]]))] = np.nan
        early = {sensor.spacecraft for sensor in SENSORS.values() if sensor.wrs == 1}
        parts[0] += WRS1 * np.asarray(_one_of("SPACECRAFT_ID", sorted(early))(batch))
        path, row, day = parts[:, (parts % 1 == 0).all(axis=0)].astype(np.int64)
        self.waiting.append((path * 1000 + row) * 10**8 + day)
        if sum(map(len, self.waiting)) >= max(MIN_VISITS_PER_MERGE, len(self.days)):
            self._merge()

    def count(self) -> pd.Series:
        """Number of visits of each location, by `identities.location_ids`."""
        self._merge()
        location, visits = np.unique(self.days // 10**8, return_counts=True)
        path, row = (pd.Series(one) for one in np.divmod(location, 1000))
        return pd.Series(visits, index=location_ids(path % WRS1, row, path >= WRS1).to_numpy())

    def _merge(self) -> None:
        self.days, self.waiting = np.unique(np.concatenate([self.days, *self.waiting])), []


@dataclass
class FilterCounts:
    """Filters batches of rows and counts them."""

    mission: Sequence[Filter]
    """Filters on spacecraft and sensor, by which visits are counted."""
    scene: Sequence[Filter]
    """All other filters."""
    progress: ProgressCallback
    """Called after every batch."""
    total: int = 0
    """Rows read."""
    left: dict[str, int] = field(default_factory=dict)
    """Rows that each filter in turn leaves, by its setting."""
    visits: Visits = field(default_factory=Visits)
    """Of the rows that the filters on spacecraft and sensor leave."""
    missions: Counter[tuple[str, str]] = field(default_factory=Counter)
    """Rows of each spacecraft and sensor, as long as the filters on them leave none."""

    def count(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """Return the rows of ``batch`` that all filters keep."""
        self.total += len(batch)
        every, batch = batch, self._filter(batch, self.mission)
        if self.mission and not self.left[self.mission[-1].setting]:
            self.missions.update(zip(*(every[name].to_pylist() for name in MISSION), strict=True))
        self.visits.add(batch)
        batch = self._filter(batch, self.scene)
        self.progress(self.total, self.matched)
        return batch

    def _filter(self, batch: pa.RecordBatch, filters: Sequence[Filter]) -> pa.RecordBatch:
        for setting, keeps in filters:
            batch = batch.filter(keeps(batch))
            self.left[setting] = self.left.get(setting, 0) + len(batch)
        return batch

    def describe_missions(self, culprit: str) -> str:
        """The spacecraft and sensors that there are, when a filter on them hides all scenes; else nothing."""
        if culprit not in [one.setting for one in self.mission]:
            return ""
        found = [
            f"{count:,} of {' '.join(map(str, names))}" for names, count in self.missions.most_common(MAX_MISSIONS)
        ]
        return f" (there are {', '.join(found)})"

    @property
    def matched(self) -> int:
        """Rows that all filters leave."""
        return list(self.left.values())[-1] if self.left else self.total


def _gather(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.Table]:
    """Join batches to tables of at least `MIN_ROWS_PER_CHECK` rows; the last may have fewer."""
    waiting: list[pa.RecordBatch] = []
    rows = 0
    for batch in batches:
        rows += len(batch)
        waiting += [batch] if len(batch) else []
        if rows >= MIN_ROWS_PER_CHECK:
            yield pa.Table.from_batches(waiting).combine_chunks()
            waiting, rows = [], 0
    if waiting:
        yield pa.Table.from_batches(waiting).combine_chunks()


def _apply_checks(
    table: pa.Table, checks: Mapping[str, Check], dropped: dict[str, int], columns: Sequence[str]
) -> pa.Table:
    """PRODUCT_ID and ``columns`` of the rows that no check finds wrong; the others are counted in ``dropped``."""
    values = {name: numbers(table[name]) for name in NUMBERS}
    texts = table.select(TEXTS).to_pandas()
    rows = pd.concat([texts, pd.DataFrame(values), split_ids(texts["PRODUCT_ID"])], axis=1)
    for reason, is_wrong in checks.items():
        wrong = is_wrong(rows)
        if wrong.any():
            rows, dropped[reason] = rows[~wrong], dropped[reason] + int(wrong.sum())
    identifiers = table["PRODUCT_ID"].cast(pa.large_string())  # as pandas holds text, so that it need not copy it
    kept = {name: pa.array(values[name]) if name in values else table[name] for name in columns}
    return pa.table({"PRODUCT_ID": identifiers} | kept).take(pa.array(rows.index))
