"""The list of prospects as it was when it was made: a hash that changes with any of its values.

Whoever keeps the hash can show later that the list was not made with the discoveries by which it is judged.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from mineral_pipeline.errors import DataError, WorkspaceError
from mineral_pipeline.workspace import Workspace, artefacts
from mineral_pipeline.workspace.digests import ABSENT, digest_artefacts


def canonical(prospects: gpd.GeoDataFrame) -> Iterator[bytes]:
    """The lines of a list of prospects, in the order of their ranks, whatever the order of rows and columns.

    The first line is a JSON array of the columns' names, sorted; each of the others one of a location's values, as
    text: numbers in the shortest form that gives them back, geometries as hexadecimal little-endian WKB.
    """
    ordered = prospects.sort_values("rank", kind="stable")
    names = sorted(map(str, ordered.columns))
    yield json.dumps(names).encode() + b"\n"
    for values in zip(*(ordered[name].tolist() for name in names), strict=True):
        yield json.dumps([_text(value) for value in values]).encode() + b"\n"


def digest(prospects: gpd.GeoDataFrame) -> str:
    """SHA-256 of the list of prospects, hexadecimal."""
    found = hashlib.sha256()
    for line in canonical(prospects):
        found.update(line)
    return found.hexdigest()


def freeze(workspace: Workspace, prospects: gpd.GeoDataFrame) -> str:
    """Write the hash of the list, and the digest of the deposits that were known then; returns the hash."""
    found = digest(prospects)
    known = digest_artefacts(workspace, [artefacts.DEPOSITS])[artefacts.DEPOSITS]
    document = {
        "list": found,
        "locations": len(prospects),
        "columns": list(prospects.columns),
        "deposits": known,
        "frozen": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    workspace.write_json(artefacts.PROSPECTS_FROZEN, document)
    return found


def read_frozen(workspace: Workspace, expected: str | None = None) -> tuple[gpd.GeoDataFrame, dict[str, Any]]:
    """The list of prospects, if it is the one that was frozen, and the document of `freeze`.

    Args:
        workspace: the workspace.
        expected: the hash that the user has kept; None for the one that stands beside the list.

    Raises:
        WorkspaceError: there is no list, or a file is damaged.
        DataError: the list, or the deposits of which it was made, are others.
    """
    if not workspace.exists(artefacts.PROSPECTS_FROZEN):
        raise WorkspaceError(f"{workspace.url} holds no frozen list of prospects: run the job prospect there first")
    frozen = workspace.read_json(artefacts.PROSPECTS_FROZEN)
    prospects = workspace.read_table(artefacts.PROSPECTS)
    wanted, found = (expected or frozen["list"]).lower(), digest(prospects)
    if found != wanted:
        raise DataError(
            f"{workspace.uri(artefacts.PROSPECTS)} is not the list that was frozen: its SHA-256 is {found}, not"
            f" {wanted}: restore that list from a copy; a changed one cannot be judged"
        )
    known = digest_artefacts(workspace, [artefacts.DEPOSITS])[artefacts.DEPOSITS]
    if frozen["deposits"] in (ABSENT, known):
        return prospects, frozen
    raise DataError(
        f"{workspace.uri(artefacts.DEPOSITS)} has changed since the prospects were made of it: restore it from a copy,"
        " or run prospect again and judge the new list by what is found from now on"
    )


def _text(value: Any) -> str:
    if isinstance(value, shapely.Geometry):
        return str(shapely.to_wkb(value, hex=True, byte_order=1, output_dimension=2))
    if isinstance(value, bool | np.bool_):
        return str(bool(value)).lower()
    if isinstance(value, float | np.floating) and not pd.isna(value):
        return repr(float(value))
    return "" if pd.isna(value) else str(value)
