"""Digests of what artefacts hold: the key of a job is made of those that it reads, and its record has those it wrote.

Tables are told apart by their values, because two Parquet files of one table may differ in their bytes: geopandas
writes the coordinate system as PROJ words it. Parts of a table and files of the report have digests of their own. Any
other folder, a store or a model, is known by the names and sizes of its files, because to read a store takes as long as
to make it: `jobs.verify` reads them, and compares pixels with the digests that the job that wrote them has left.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from typing import Any

import numpy as np
import pandas as pd
import shapely
from geopandas.array import GeometryDtype

from mineral_pipeline.workspace import artefacts, ledger, tables
from mineral_pipeline.workspace.documents import digest_document
from mineral_pipeline.workspace.workspace import THREADS, Workspace

ABSENT = ""
"""Digest of what is not there."""

_OF_TABLES: dict[str, str] = {}
"""Digests of tables by those of their files' bytes: a run asks several times, and the second is ten times as fast."""


def digest_artefacts(workspace: Workspace, names: Iterable[str]) -> dict[str, str]:
    """Digest of every artefact by its name; a table in parts, and the report, have one for each of their files.

    Args:
        workspace: the workspace.
        names: tables, documents, files of any kind, and folders. Of the ledger counts what later jobs read of it.

    Returns:
        By name; `ABSENT` for what is not there.

    Raises:
        WorkspaceError: the workspace cannot be read.
    """
    with ThreadPoolExecutor(THREADS) as pool:
        found = list(pool.map(lambda name: _digest(workspace, name), names))
    return {name: digest for digests in found for name, digest in digests.items()}


def digest_table(table: pd.DataFrame) -> str:
    """Digest of a table's content: names, types and values of its columns and the order of its rows, no metadata."""
    plain = pd.DataFrame(table).copy(deep=False)
    shapes = plain.columns[[isinstance(dtype, GeometryDtype) for dtype in plain.dtypes]]
    for name in shapes:
        plain[name] = shapely.to_wkb(plain[name])
    return _digest_plain(plain, shapes)


def _digest_plain(table: pd.DataFrame, shapes: Collection[str]) -> str:
    """`digest_table`, of a table whose shapes are WKB."""
    kinds = [(name, "geometry" if name in shapes else str(dtype)) for name, dtype in table.dtypes.items()]
    rows = pd.util.hash_pandas_object(table, index=False)
    return hashlib.sha256(json.dumps(kinds).encode() + rows.to_numpy().tobytes()).hexdigest()


def digest_array(array: np.ndarray) -> str:
    """Digest of an array: its type, its shape and its values."""
    digest = _digest_kind(array.dtype, array.shape).copy()
    digest.update(np.ascontiguousarray(array).reshape(-1).view(np.uint8).data)
    return str(digest.hexdigest())


@lru_cache(maxsize=64)  # which takes longer than to digest a small image
def _digest_kind(dtype: np.dtype[Any], shape: tuple[int, ...]) -> Any:
    return hashlib.sha256(json.dumps([str(dtype), shape]).encode())


def _digest(workspace: Workspace, name: str) -> dict[str, str]:
    if name == artefacts.LEDGER:
        has_parts = bool(ledger.finished_shards(workspace))
        return {name: digest_table(ledger.read_content(workspace)) if has_parts else ABSENT}
    if workspace.is_file(name):
        return {name: _digest_file(workspace, name)}
    files = workspace.sizes(name)
    if files and (name.endswith(".parquet") or name == artefacts.REPORT_FOLDER):
        return {part: _digest_file(workspace, part) for part in (f"{name}/{file}" for file in files)}
    return {name: digest_document(files) if files else ABSENT}


def _digest_file(workspace: Workspace, name: str) -> str:
    """Digest of a table's content; of another file's bytes, also of what should be a table and is none."""
    content = workspace.read_bytes(name)
    digest = hashlib.sha256(content).hexdigest()
    if not name.endswith(".parquet"):
        return digest
    if digest not in _OF_TABLES:
        try:
            _OF_TABLES[digest] = _digest_plain(*tables.decode_plain(content))
        except ValueError:  # damaged: its bytes are not what was recorded
            return digest
    return _OF_TABLES[digest]
