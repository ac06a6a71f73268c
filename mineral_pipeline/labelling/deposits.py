"""Known deposits: read from several tables, with WGS 84 coordinates, and without duplicates.

Rows whose position is not known (`coordinates`) are counted and shown, not silently dropped; rows that are the same
deposit (`deduplication`) become one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd

from mineral_pipeline.errors import DataError
from mineral_pipeline.geometry import CRS, Integers
from mineral_pipeline.labelling.commodities import is_known, split_commodities, vocabulary
from mineral_pipeline.labelling.coordinates import Conversion, ResolvedCoordinates, to_wgs84
from mineral_pipeline.labelling.deduplication import PRIORITY, deduplicate, sort_by_priority
from mineral_pipeline.labelling.formats import file_name, read_rows

COLUMNS = ["id", "name", "lon", "lat", "commodities", "source", "sources", "records", "open_mine"]
"""Columns of a deposit table, beside the geometry."""

MERGE_KM = 1.5
"""Distance up to which deposits of one name are nearly always the same site: see docs/deposits.md."""

N_EXAMPLES = 3
"""Rejected rows shown for each reason."""


@dataclass(frozen=True)
class DepositTable:
    """Deposits, and the rows that are not among them."""

    table: gpd.GeoDataFrame
    """One row per deposit: id, name, lon, lat, commodities (joined by ``;``), source (file name of the row whose
    position is kept), sources (of all its records, joined by ``;``), records (their number), open_mine (whether it is
    a large surface mine), geometry."""
    rejected: dict[str, int]
    """Rows left out, by reason."""
    merged: int
    """Rows that are the same deposit as another row and were merged with it."""
    rows: dict[str, int] = field(default_factory=dict)
    """Rows read, by file name."""
    examples: dict[str, list[dict[str, str]]] = field(default_factory=dict)
    """The first rejected rows of each reason: file, row (as its format counts them), id, name, and the text of
    latitude, longitude, crs and country."""
    conversions: tuple[Conversion, ...] = ()
    """Conversions from other reference systems to WGS 84."""
    encodings: dict[str, str] = field(default_factory=dict)
    """Encodings of the texts, by file name."""

    def report(self) -> dict[str, Any]:
        """Return what was read, left out and merged, and counts of the deposits, to be kept as JSON."""
        names = self.table["commodities"].str.split(";").explode()
        common = names[names != ""].value_counts()
        known = np.array([is_known(name) for name in common.index], dtype=bool)
        groups = vocabulary().groups
        members = {group: names.index[names.isin(list(group_names))] for group, group_names in groups.items()}
        return {
            "rows": self.rows,
            "rejected": self.rejected,
            "examples": self.examples,
            "encodings": self.encodings,
            "conversions": [asdict(conversion) for conversion in self.conversions],
            "merged": self.merged,
            "deposits": len(self.table),
            "deposits_by_source": self.table["source"].value_counts().to_dict(),
            "open_mines": int(self.table["open_mine"].sum()),
            "without_commodity": int((self.table["commodities"] == "").sum()),
            "commodities": common[known].to_dict(),
            "unknown_commodities": common[~known].to_dict(),
            "groups": {
                group: {"deposits": index.nunique(), "follows": vocabulary().sources[group]}
                for group, index in members.items()
            },
        }


def read_deposits(paths: Sequence[str], merge_km: float = MERGE_KM, encoding: str | None = None) -> DepositTable:
    """Read and merge deposit tables.

    Args:
        paths: local paths or fsspec URLs, each in any of the formats of `formats`. The tables that come first have
            priority.
        merge_km: largest distance between deposits of one name that are the same, see `deduplication`.
        encoding: of the texts of all tables; None where it is to be found out.

    Raises:
        DataError: a file is absent, cannot be read or lacks a coordinate column; no deposit is left.
    """
    tables = [_read_table(path, rank, encoding) for rank, path in enumerate(paths)]
    encodings = {
        file_name(path): table.attrs["encoding"]
        for path, table in zip(paths, tables, strict=True)
        if "encoding" in table.attrs
    }
    rows = pd.concat(tables, ignore_index=True)
    resolved = to_wgs84(rows)
    is_located = resolved.reasons == ""
    rejected = _counts(pd.Series(resolved.reasons[~is_located]))
    located = rows.assign(lon=resolved.lonlat[:, 0], lat=resolved.lonlat[:, 1])[is_located]
    if located.empty:
        found = ", ".join(f"{count:,} {reason}" for reason, count in rejected.items()) or "no rows"
        raise DataError(f"label.deposits: no deposit in {', '.join(paths)} ({found}): give a table with deposits")
    deposits = _merge(located.assign(id=_identifiers(located)), merge_km)
    geometry = gpd.points_from_xy(deposits["lon"], deposits["lat"])
    return DepositTable(
        table=gpd.GeoDataFrame(deposits[COLUMNS], geometry=geometry, crs=CRS),
        rejected=rejected,
        merged=len(located) - len(deposits),
        rows=_counts(rows["source"]),
        examples=_examples(rows, resolved),
        conversions=resolved.conversions,
        encodings=encodings,
    )


def _read_table(path: str, rank: int, encoding: str | None) -> pd.DataFrame:
    """Read one table; ``rank`` is its number among all tables, 0 for the one with the highest priority."""
    rows = read_rows(path, encoding)
    sources = (rows["source"] + "/" + rows["dataset"]).where(rows["dataset"] != "", rows["source"])
    return rows.assign(rank=rank, sources=sources)


def _counts(values: pd.Series[Any]) -> dict[str, int]:
    return {str(value): int(count) for value, count in values.value_counts(sort=False).items()}


def _examples(rows: pd.DataFrame, resolved: ResolvedCoordinates) -> dict[str, list[dict[str, str]]]:
    """Return the first rejected rows of each reason, as they are in their file."""
    rejected = rows[resolved.reasons != ""].assign(reason=resolved.reasons[resolved.reasons != ""])
    first = rejected[rejected.groupby("reason").cumcount() < N_EXAMPLES]
    shown = first.rename(columns={"source": "file", "lat": "latitude", "lon": "longitude"}).astype({"row": "str"})
    columns = ["file", "row", "id", "name", "latitude", "longitude", "crs", "country"]
    return {str(reason): part[columns].to_dict("records") for reason, part in shown.groupby("reason", sort=False)}


def _identifiers(rows: pd.DataFrame) -> pd.Series[str]:
    """Return identifiers of the rows; a digest of name and position where the source gives none."""
    identifiers = rows["id"].copy()
    is_absent = identifiers == ""
    keys = zip(*(rows.loc[is_absent, column] for column in ("name", "lon", "lat")), strict=True)
    identifiers[is_absent] = [hashlib.sha256(repr(key).encode()).hexdigest()[:16] for key in keys]
    return identifiers


def _merge(rows: pd.DataFrame, merge_km: float) -> pd.DataFrame:
    """Merge the rows of each deposit: position and name of the first by priority, commodities and sources of all."""
    ordered = sort_by_priority(rows[[*PRIORITY, "source", "open_mine"]])
    kept, group, counts = np.unique(deduplicate(ordered, merge_km), return_inverse=True, return_counts=True)
    deposits = ordered.iloc[kept].assign(
        records=counts, open_mine=np.bincount(group, weights=ordered["open_mine"], minlength=len(kept)) > 0
    )
    for column, split in (("commodities", split_commodities), ("sources", _split_sources)):
        texts = _united(ordered[column].to_numpy(dtype=object), kept, group, split)
        deposits[column] = pd.Series(texts, index=deposits.index, dtype="str")
    return deposits.sort_index(ignore_index=True)


def _united(texts: np.ndarray, kept: Integers, group: Integers, split: Callable[[str], list[str]]) -> np.ndarray:
    """Return the union of the lists of each deposit's rows, joined by ``;``.

    Args:
        texts: (n,) lists of the rows, as texts that ``split`` understands.
        kept: (d,) row of each deposit that comes first by priority.
        group: (n,) deposit of each row.
        split: function that splits a text and removes repetitions.
    """
    united = texts[kept]
    several: dict[int, dict[str, None]] = {}
    differing = np.flatnonzero(texts != united[group])
    for deposit, text in zip(group[differing].tolist(), texts[differing], strict=True):
        several.setdefault(deposit, {united[deposit]: None})[text] = None
    for deposit, different in several.items():
        united[deposit] = ";".join(split(";".join(different)))
    return united


def _split_sources(text: str) -> list[str]:
    return list(dict.fromkeys(text.split(";")))
