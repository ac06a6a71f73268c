"""Rows of an archive's index, or made from its files: those that are wanted and are scenes, a few numbers each.

Rows come in batches and go as soon as they are not wanted: memory holds an identifier and five numbers of those kept.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import pandas as pd
import pyarrow as pa

from mineral_pipeline.archive.filters import Filter, numbers
from mineral_pipeline.archive.identifiers import Check
from mineral_pipeline.errors import DataError
from mineral_pipeline.sensors.landsat import split_ids

TEXTS = ["PRODUCT_ID", "SPACECRAFT_ID", "SENSOR_ID", "DATE_ACQUIRED", "COLLECTION_CATEGORY", "DATA_TYPE", "BASE_URL"]
NUMBERS = ["WRS_PATH", "WRS_ROW", "CLOUD_COVER", "NORTH_LAT", "SOUTH_LAT", "WEST_LON", "EAST_LON"]
INDEX_ONLY = ["CLOUD_COVER", "NORTH_LAT", "SOUTH_LAT", "WEST_LON", "EAST_LON"]
"""What a product's identifier does not say."""

AT_ONCE = 2**14  # rows that are checked together: a block of the index holds few that are wanted


@dataclass(frozen=True)
class Listing:
    """What an archive has of what the settings ask for."""

    rows: pd.DataFrame
    """PRODUCT_ID and the columns `UNTOLD`, which are nan where unknown; one row per product."""
    matched: int
    """Rows that the settings ask for, those left out included."""
    dropped: Mapping[str, int] = field(default_factory=dict)
    """Rows left out because they are no scenes, by reason."""
    is_index: bool = True
    """Whether they are from an index, which knows of clouds and bounds, or from the names of files."""


@dataclass
class FilterCounts:
    """Counts rows while they stream by."""

    progress: Callable[[int, int], None]
    """Told after every batch how many rows were read, and how many are wanted, so far."""
    total: int = 0
    """Rows read."""
    left: dict[str, int] = field(default_factory=dict)
    """Rows that each filter in turn leaves, by its setting."""

    def count(self, batch: pa.RecordBatch, filters: Sequence[Filter]) -> pa.RecordBatch:
        """The rows of ``batch`` that all filters keep."""
        self.total += len(batch)
        for setting, keeps in filters:
            batch = batch.filter(keeps(batch))
            self.left[setting] = self.left.get(setting, 0) + len(batch)
        self.progress(self.total, self.matched)
        return batch

    @property
    def matched(self) -> int:
        """Rows that all filters leave."""
        return list(self.left.values())[-1] if self.left else self.total


def filter_rows(
    batches: Iterable[pa.RecordBatch],
    filters: Sequence[Filter],
    checks: Mapping[str, Check],
    place: str,
    progress: Callable[[int, int], None],
) -> Listing:
    """Keep the rows that are wanted and are scenes.

    Args:
        batches: rows with the columns `TEXTS` and `NUMBERS`.
        filters: what is wanted.
        checks: what is no scene, by reason.
        place: where the rows are from, for messages.
        progress: as `Tally` has it.

    Raises:
        DataError: there is no row, or none is wanted; the message names the setting that leaves none.
    """
    tally, dropped = FilterCounts(progress), dict.fromkeys(checks, 0)
    wanted = (tally.count(batch, filters) for batch in batches)
    parts = [_check(rows, checks, dropped) for rows in _gather(wanted)]
    if not tally.total:
        raise DataError(f"{place} holds no scene: mend archive.index or archive.url")
    if not parts:
        culprit = next(setting for setting, rows in tally.left.items() if not rows)
        raise DataError(f"{place}: none of {tally.total:,} scenes is left by {culprit}: loosen that setting")
    table = pa.concat_tables(parts)
    del parts  # so that each column can go as soon as it is copied
    return Listing(table.to_pandas(split_blocks=True, self_destruct=True), tally.matched, dropped)


def _gather(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.Table]:
    """The same rows, `AT_ONCE` and more together."""
    waiting: list[pa.RecordBatch] = []
    rows = 0
    for batch in batches:
        rows += len(batch)
        waiting += [batch] if len(batch) else []
        if rows >= AT_ONCE:
            yield pa.Table.from_batches(waiting).combine_chunks()
            waiting, rows = [], 0
    if waiting:
        yield pa.Table.from_batches(waiting).combine_chunks()


def _check(table: pa.Table, checks: Mapping[str, Check], dropped: dict[str, int]) -> pa.Table:
    """PRODUCT_ID and `UNTOLD` of the rows that no check finds wrong; ``dropped`` counts the others."""
    values = {name: numbers(table[name]) for name in NUMBERS}
    texts = table.select(TEXTS).to_pandas()
    rows = pd.concat([texts, pd.DataFrame(values), split_ids(texts["PRODUCT_ID"])], axis=1)
    for reason, is_wrong in checks.items():
        wrong = is_wrong(rows)
        if wrong.any():
            rows, dropped[reason] = rows[~wrong], dropped[reason] + int(wrong.sum())
    identifiers = table["PRODUCT_ID"].cast(pa.large_string())  # as pandas holds text, so that it need not copy all
    columns = {"PRODUCT_ID": identifiers} | {name: pa.array(values[name]) for name in INDEX_ONLY}
    return pa.table(columns).take(pa.array(rows.index))
