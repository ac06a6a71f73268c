"""Known deposits: read from several tables, placed on the Earth, and each of them once.

Rows that cannot be placed (`coordinates`) are counted and shown, not silently dropped; rows that are the same deposit
(`merging`) become one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd

from mineral_pipeline.errors import DataError
from mineral_pipeline.geometry import CRS
from mineral_pipeline.labelling.commodities import is_known, split_commodities, vocabulary
from mineral_pipeline.labelling.coordinates import Conversion, ResolvedCoordinates, to_wgs84
from mineral_pipeline.labelling.deduplication import deduplicate, sort_by_priority
from mineral_pipeline.labelling.formats.mrds import read_table

COLUMNS = ["id", "name", "lon", "lat", "commodities", "source", "sources", "records", "open_mine"]
"""Columns of a deposit table, beside the geometry."""

MERGE_KM = 1.5
"""Up to here the same name is nearly always the same site: see docs/deposits.md."""

EXAMPLES = 3
"""Rejected rows shown for each reason."""


@dataclass(frozen=True)
class DepositTable:
    """Deposits, and what became of the rows that are not among them."""

    table: gpd.GeoDataFrame
    """One row per deposit: id, name, lon, lat, commodities (joined by ``;``), source (file name of the row that keeps
    its place), sources (of all its records, joined by ``;``), records, open_mine (a large surface mine), geometry."""
    rejected: dict[str, int]
    """Rows left out, by reason."""
    merged: int
    """Rows that are the same deposit as another one and were joined to it."""
    rows: dict[str, int] = field(default_factory=dict)
    """Rows read, by file name."""
    examples: dict[str, list[dict[str, str]]] = field(default_factory=dict)
    """The first rejected rows of each reason: file, row (1 is the header), id, name, and the text of latitude,
    longitude, crs and country."""
    conversions: tuple[Conversion, ...] = ()
    """From other reference systems."""

    def report(self) -> dict[str, Any]:
        """What was read and what became of it, to be kept beside the table as JSON."""
        names = self.table["commodities"].str.split(";").explode()
        common = names[names != ""].value_counts()
        known = np.array([is_known(name) for name in common.index], dtype=bool)
        groups = vocabulary().groups
        members = {group: names.index[names.isin(list(group_names))] for group, group_names in groups.items()}
        return {
            "rows": self.rows,
            "rejected": self.rejected,
            "examples": self.examples,
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


def read_deposits(paths: Sequence[str], merge_km: float = MERGE_KM) -> DepositTable:
    """Read and join deposit tables.

    Args:
        paths: local paths or fsspec URLs of CSV files, compressed or not by their suffix, the most trusted first.
        merge_km: how far apart deposits of one name may lie to be the same, see `merging`.

    Raises:
        DataError: a file is absent, is not CSV or lacks a coordinate column; no deposit is left.
    """
    rows = pd.concat([read_table(path, rank) for rank, path in enumerate(paths)], ignore_index=True)
    placement = to_wgs84(rows)
    rejected = _counts(pd.Series(placement.reasons[placement.reasons != ""]))
    placed = rows.assign(lon=placement.lonlat[:, 0], lat=placement.lonlat[:, 1])[placement.reasons == ""]
    if placed.empty:
        found = ", ".join(f"{count:,} {reason}" for reason, count in rejected.items()) or "no rows"
        raise DataError(f"label.deposits: no deposit in {', '.join(paths)} ({found}): give a table with deposits")
    deposits = _merge(placed.assign(id=_named_by_place(placed)), merge_km)
    geometry = gpd.points_from_xy(deposits["lon"], deposits["lat"])
    return DepositTable(
        gpd.GeoDataFrame(deposits[COLUMNS], geometry=geometry, crs=CRS),
        rejected, len(placed) - len(deposits), _counts(rows["source"]), _examples(rows, placement),
        placement.conversions,
    )  # fmt: skip


def _counts(values: pd.Series[Any]) -> dict[str, int]:
    return {str(value): int(count) for value, count in values.value_counts(sort=False).items()}


def _examples(rows: pd.DataFrame, placement: ResolvedCoordinates) -> dict[str, list[dict[str, str]]]:
    """The first rejected rows of each reason, as they are in their file."""
    rejected = rows[placement.reasons != ""].assign(reason=placement.reasons[placement.reasons != ""])
    first = rejected[rejected.groupby("reason").cumcount() < EXAMPLES]
    shown = first.rename(columns={"source": "file", "lat": "latitude", "lon": "longitude"}).astype({"row": "str"})
    columns = ["file", "row", "id", "name", "latitude", "longitude", "crs", "country"]
    return {str(reason): part[columns].to_dict("records") for reason, part in shown.groupby("reason", sort=False)}


def _named_by_place(rows: pd.DataFrame) -> pd.Series[str]:
    """Identifiers of the rows; a digest of name and place where the source gives none."""
    identifiers = rows["id"].copy()
    anonymous = identifiers == ""
    places = zip(*(rows.loc[anonymous, column] for column in ("name", "lon", "lat")), strict=True)
    identifiers[anonymous] = [hashlib.sha256(repr(to_wgs84).encode()).hexdigest()[:16] for to_wgs84 in places]
    return identifiers


def _merge(rows: pd.DataFrame, merge_km: float) -> pd.DataFrame:
    """Join the rows that are one deposit: the most trusted keeps its place and name, the rest is united."""
    trusted = sort_by_priority(rows[[*COLUMNS[:-2], "rank", "open_mine"]])
    kept, group, counts = np.unique(deduplicate(trusted, merge_km), return_inverse=True, return_counts=True)
    deposits = trusted.iloc[kept].assign(
        records=counts, open_mine=np.bincount(group, weights=trusted["open_mine"], minlength=len(kept)) > 0
    )
    for column, split in (("commodities", split_commodities), ("sources", _split_sources)):
        united, all_texts = deposits[column].to_numpy(dtype=object), trusted[column].to_numpy(dtype=object)
        differing = np.flatnonzero(all_texts != united[group])
        texts: dict[int, dict[str, None]] = {}
        for number, text in zip(group[differing].tolist(), all_texts[differing], strict=True):
            texts.setdefault(number, {united[number]: None})[text] = None
        for number, several in texts.items():
            united[number] = ";".join(split(";".join(several)))
        deposits[column] = pd.Series(united, index=deposits.index, dtype="str")
    return deposits.sort_index(ignore_index=True)


def _split_sources(text: str) -> list[str]:
    return list(dict.fromkeys(text.split(";")))
