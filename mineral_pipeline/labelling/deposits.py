"""Known deposits: read from several tables, with WGS 84 coordinates, and without duplicates.

Rows whose position is not known (`coordinates`) are counted and shown, not silently dropped; rows that are the same
deposit (`deduplication`) become one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd

from mineral_pipeline.errors import DataError, one_line
from mineral_pipeline.geometry import CRS, Integers
from mineral_pipeline.labelling.commodities import is_known, list_commodities, split_commodities, vocabulary
from mineral_pipeline.labelling.coordinates import Conversion, ResolvedCoordinates, to_wgs84
from mineral_pipeline.labelling.deduplication import PRIORITY, deduplicate, sort_by_priority
from mineral_pipeline.labelling.formats import file_name, read_rows
from mineral_pipeline.settings import DepositFile

COLUMNS = [
    "id", "name", "lon", "lat", "commodities", "source", "sources", "records", "open_mine", "year", "size", "status",
    "position_error_m",
]  # fmt: skip
"""Columns of a deposit table, beside the geometry."""

BARREN_COLUMNS = ["id", "name", "lon", "lat", "source"]
"""Columns of a table of barren places, beside the geometry."""

FACTS = ["year", "size", "status"]
"""Columns of which a deposit has what is not empty in the first of its rows."""

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
    a large surface mine), year (of discovery), size and status (as they are written), position_error_m (in metres, of
    the position that is kept), geometry."""
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
    remarks: dict[str, list[str]] = field(default_factory=dict)
    """What else is to be told, by file name: columns that seem to hold commodities and are not read."""
    hidden: int = 0
    """Deposits that were left out as if no one had found them, for a back-test."""

    def reading(self) -> dict[str, Any]:
        """Return what was read, left out and merged, to be kept as JSON."""
        return {
            "rows": self.rows,
            "rejected": self.rejected,
            "examples": self.examples,
            "encodings": self.encodings,
            "remarks": self.remarks,
            "conversions": [asdict(conversion) for conversion in self.conversions],
            "merged": self.merged,
            "hidden": self.hidden,
        }

    def report(self) -> dict[str, Any]:
        """Return what was read, left out and merged, and counts of the deposits, to be kept as JSON."""
        names = list_commodities(self.table["commodities"])
        common = names.value_counts()
        known = np.array([is_known(name) for name in common.index], dtype=bool)
        groups = vocabulary().groups
        members = {group: names.index[names.isin(list(group_names))] for group, group_names in groups.items()}
        return self.reading() | {
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


def read_deposits(
    files: Sequence[str | DepositFile], merge_km: float = MERGE_KM, encoding: str | None = None
) -> DepositTable:
    """Read and merge deposit tables.

    Args:
        files: local paths or fsspec URLs, or what the settings say of them; each in any of the formats of `formats`.
            The tables that come first have priority.
        merge_km: largest distance between deposits of one name that are the same, see `deduplication`.
        encoding: of the texts of all tables that have none of their own; None where it is to be found out.

    Raises:
        DataError: a file is absent, cannot be read or lacks a coordinate column; no deposit is left.
    """
    return _read("label.deposits", files, encoding, lambda rows: _merge(rows, merge_km)[COLUMNS])


def read_barren(files: Sequence[str | DepositFile], encoding: str | None = None) -> DepositTable:
    """Read tables of places that were explored and hold no deposit; places at one position become one.

    Args:
        files: as for `read_deposits`.
        encoding: as for `read_deposits`.

    Returns:
        A table of id, name, lon, lat, source and the geometry, and what else `read_deposits` tells.

    Raises:
        DataError: as for `read_deposits`; no place is left.
    """
    return _read("label.barren", files, encoding, lambda rows: rows.drop_duplicates(["lon", "lat"])[BARREN_COLUMNS])


def _read(
    setting: str,
    files: Sequence[str | DepositFile],
    encoding: str | None,
    unite: Callable[[pd.DataFrame], pd.DataFrame],
) -> DepositTable:
    """Read tables, locate their rows, and unite those that are the same.

    Args:
        setting: name of the setting that lists the files, for messages.
        files: paths, or what the settings say of them.
        encoding: of the texts of all tables that have none of their own.
        unite: function that makes the result of the rows that have a position.

    Raises:
        DataError: as for `read_deposits`.
    """
    given = [one if isinstance(one, DepositFile) else DepositFile(path=one) for one in files]
    try:
        tables = [_read_table(file, rank, encoding) for rank, file in enumerate(given)]
        rows = pd.concat(tables, ignore_index=True)
        resolved = to_wgs84(rows)
    except DataError as error:
        raise DataError(f"{setting}: {error}") from error
    is_located = resolved.reasons == ""
    rejected = _counts(pd.Series(resolved.reasons[~is_located]))
    located = rows.assign(lon=resolved.lonlat[:, 0], lat=resolved.lonlat[:, 1])[is_located]
    if located.empty:
        found = ", ".join(f"{count:,} {reason}" for reason, count in rejected.items()) or "no rows"
        paths = ", ".join(file.path for file in given)
        raise DataError(f"{setting}: no deposit in {paths} ({found}): give a table with deposits")
    deposits = unite(located.assign(id=_identifiers(located)))
    geometry = gpd.points_from_xy(deposits["lon"], deposits["lat"])
    by_name = {file_name(file.path): table.attrs for file, table in zip(given, tables, strict=True)}
    return DepositTable(
        table=gpd.GeoDataFrame(deposits.reset_index(drop=True), geometry=geometry, crs=CRS),
        rejected=rejected,
        merged=len(located) - len(deposits),
        rows=_counts(rows["source"]),
        examples=_examples(rows, resolved),
        conversions=resolved.conversions,
        encodings={name: attrs["encoding"] for name, attrs in by_name.items() if "encoding" in attrs},
        remarks={name: told for name, attrs in by_name.items() if (told := _remarks(attrs))},
    )


def _read_table(file: DepositFile, rank: int, encoding: str | None) -> pd.DataFrame:
    """Read one table; ``rank`` is its number among all tables, 0 for the one with the highest priority."""
    rows = read_rows(file if file.encoding else file.model_copy(update={"encoding": encoding}))
    sources = (rows["source"] + "/" + rows["dataset"]).where(rows["dataset"] != "", rows["source"])
    return rows.assign(rank=rank, sources=sources)


def _remarks(attrs: Mapping[Any, Any]) -> list[str]:
    """What a format tells of a file, beside its encoding."""
    unread = [
        f"column {one_line(repr(name), 80)} seems to hold commodities and is not read: name those that do in columns:"
        " {commodities: [NAME, ...]}"
        for name in attrs.get("unread", [])
    ]
    return [*attrs.get("remarks", []), *unread]


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
    keys = zip(*(rows.loc[is_absent, column].tolist() for column in ("name", "lon", "lat")), strict=True)
    identifiers[is_absent] = [hashlib.sha256(repr(key).encode()).hexdigest()[:16] for key in keys]
    return identifiers


def _merge(rows: pd.DataFrame, merge_km: float) -> pd.DataFrame:
    """Merge the rows of each deposit: position and name of the first by priority, commodities and sources of all.

    Year, size and status are those of the first row that has them.
    """
    ordered = sort_by_priority(rows[[*PRIORITY, "source", "open_mine", *FACTS, "position_error"]])
    kept, group, counts = np.unique(deduplicate(ordered, merge_km), return_inverse=True, return_counts=True)
    deposits = ordered.iloc[kept].assign(
        records=counts, open_mine=np.bincount(group, weights=ordered["open_mine"], minlength=len(kept)) > 0
    )
    for column, split in (("commodities", split_commodities), ("sources", _split_sources)):
        texts = _united(ordered[column].to_numpy(dtype=object), kept, group, split)
        deposits[column] = pd.Series(texts, index=deposits.index, dtype="str")
    for column in FACTS:
        known = ordered[column].to_numpy()[positions := np.flatnonzero(ordered[column] != "")]
        first = pd.Series(known).groupby(group[positions]).first()
        deposits[column] = first.reindex(range(len(kept)), fill_value="").to_numpy()
    deposits["year"] = pd.to_numeric(deposits["year"]).astype("Int64")
    deposits["position_error_m"] = pd.to_numeric(deposits["position_error"], errors="coerce").astype(np.float64)
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
