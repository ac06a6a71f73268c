"""Names and places of every artefact under one URL, atomic writes, and the record of every run.

A workspace is a folder or any fsspec URL (``s3://``, ``gs://``, ``memory://``). Objects are written in one
piece: to a temporary name and renamed on a local disk, in a single PUT elsewhere, so that what exists is whole.
"""

from __future__ import annotations

import io
import json
import os
import re
import secrets
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import fsspec
import geopandas as gpd
import pandas as pd
import pyarrow.parquet as pq
from fsspec.implementations.local import LocalFileSystem
from zarr.abc.store import Store
from zarr.storage import FsspecStore, LocalStore

from mineral_pipeline.errors import WorkspaceError

CRS = "EPSG:4326"
"""WGS 84 longitude/latitude, the reference system of every table."""

CATALOGUE = "catalogue.parquet"
CHIPS = "chips.zarr"
LEDGER = "chips.parquet"
DEPOSITS = "deposits.parquet"
LABELS = "labels.parquet"
PROSPECTS = "prospects.parquet"
REPORT = "report/index.html"
RUNS = "runs"


def samples(task: str, side: str | None = None) -> str:
    """Name of a task's sample table, or of the training store of one of its sides."""
    return f"samples/{task}/{side}.zarr" if side else f"samples/{task}/samples.parquet"


def model(task: str, name: str, file: str = "") -> str:
    """Name of a model's folder, or of a file in it."""
    return f"models/{task}/{name}/{file}".rstrip("/")


def evaluation(task: str, file: str) -> str:
    """Name of a file that ``evaluate`` writes for a task."""
    return f"evaluation/{task}/{file}"


@dataclass(frozen=True)
class Workspace:
    """One place for everything that a pipeline makes. Cheap to build and to send to a worker."""

    url: str
    """Folder or fsspec URL."""

    @property
    def _fs(self) -> fsspec.AbstractFileSystem:
        return self._filesystem()[0]

    def _filesystem(self) -> tuple[fsspec.AbstractFileSystem, str]:
        try:
            return fsspec.core.url_to_fs(self.url)  # type: ignore[no-any-return]
        except (ValueError, ImportError, OSError) as error:
            raise WorkspaceError(f"workspace {self.url}: {error}") from error

    @property
    def is_local(self) -> bool:
        """Whether the workspace is a folder of this machine (or of a shared file system)."""
        return isinstance(self._fs, LocalFileSystem)

    def place(self, name: str) -> str:
        """Path of ``name`` as the workspace's own file system understands it."""
        return f"{self._filesystem()[1].rstrip('/')}/{name}"

    def link(self, name: str) -> str:
        """Full path or URL of ``name``, to show to a person or to open elsewhere."""
        return self.place(name) if self.is_local else f"{self.url.rstrip('/')}/{name}"

    def exists(self, name: str) -> bool:
        """Whether ``name`` is there."""
        return bool(self._fs.exists(self.place(name)))

    def list(self, folder: str) -> list[str]:
        """Sorted names (without the folder) of what lies directly in ``folder``; empty when it is absent."""
        fs, place = self._fs, self.place(folder)
        try:
            fs.invalidate_cache(place)
            found = fs.ls(place, detail=False)
        except FileNotFoundError:
            return []
        names = (entry.rstrip("/").rsplit("/", 1)[-1] for entry in found)
        return sorted(name for name in names if not name.startswith("."))

    def remove(self, name: str) -> None:
        """Remove ``name``, a folder with all it holds; nothing happens when it is absent."""
        if self.exists(name):
            self._fs.rm(self.place(name), recursive=True)

    def read_bytes(self, name: str) -> bytes:
        """Content of ``name``.

        Raises:
            WorkspaceError: it is absent or cannot be read.
        """
        try:
            return bytes(self._fs.cat_file(self.place(name)))
        except OSError as error:
            raise WorkspaceError(
                f"{self.link(name)} cannot be read ({_why(error)}): run the job that makes it"
            ) from error

    def write_bytes(self, name: str, content: bytes) -> None:
        """Write ``name`` in one piece.

        Raises:
            WorkspaceError: it cannot be written (read-only, disk full, no permission).
        """
        fs, place = self._fs, self.place(name)
        try:
            if isinstance(fs, LocalFileSystem):
                _replace(place, content)
            else:
                fs.pipe_file(place, content)
        except OSError as error:
            raise WorkspaceError(f"{self.link(name)} cannot be written: {_why(error)}") from error

    @contextmanager
    def local_copy(self, name: str) -> Iterator[str]:
        """A local path whose content becomes ``name`` when the block ends without an error.

        For libraries that write to a path only, by its suffix.
        """
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, os.path.basename(name))
            yield path
            with open(path, "rb") as file:
                self.write_bytes(name, file.read())

    def write_table(self, name: str, table: pd.DataFrame) -> None:
        """Write a table as one Parquet object; a GeoDataFrame as GeoParquet."""
        buffer = io.BytesIO()
        table.to_parquet(buffer, index=False)
        self.write_bytes(name, buffer.getvalue())

    def read_table(self, name: str, columns: Sequence[str] | None = None) -> Any:
        """Read a table, or a folder of parts in the order of their names, as (Geo)DataFrame.

        Raises:
            WorkspaceError: it is absent or not a Parquet table.
        """
        names = [name]
        if not self.exists(name) or self._fs.isdir(self.place(name)):
            names = [f"{name}/{part}" for part in self.list(name) if part.endswith(".parquet")]
        if not names:
            raise WorkspaceError(f"{self.link(name)} is absent: run the job that makes it")
        parts = [self._read_part(part, columns) for part in names]
        return pd.concat(parts, ignore_index=True) if len(parts) > 1 else parts[0]

    def _read_part(self, name: str, columns: Sequence[str] | None) -> Any:
        content = io.BytesIO(self.read_bytes(name))
        try:
            metadata: dict[bytes, bytes] | None = pq.read_schema(content).metadata
            is_geo = metadata is not None and b"geo" in metadata
            content.seek(0)
            if is_geo and (columns is None or "geometry" in columns):
                return gpd.read_parquet(content, columns=columns)
            return pd.read_parquet(content, columns=None if columns is None else list(columns))
        except (ValueError, OSError) as error:  # pyarrow's ArrowInvalid is a ValueError
            raise WorkspaceError(
                f"{self.link(name)} is not a whole Parquet table ({_why(error)}): remove it and rerun"
            ) from error

    def write_json(self, name: str, content: object) -> None:
        """Write ``content`` as indented JSON."""
        self.write_bytes(name, json.dumps(content, indent=1, default=str).encode())

    def read_json(self, name: str) -> Any:
        """Read a JSON document."""
        return json.loads(self.read_bytes(name))

    def zarr(self, name: str) -> Store:
        """The Zarr store of ``name``."""
        if self.is_local:
            return LocalStore(self.place(name))
        return FsspecStore.from_url(f"{self.url.rstrip('/')}/{name}")

    def add_run(self, record: dict[str, Any]) -> None:
        """Keep the record of one run of a job: ``runs/<time>-<job>.json``."""
        time = re.sub(r"[^0-9TZ]", "", str(record["started"]))
        self.write_json(f"{RUNS}/{time}-{secrets.token_hex(2)}-{record['job']}.json", record)

    def runs(self) -> Sequence[dict[str, Any]]:
        """The records of all runs, oldest first."""
        return [self.read_json(f"{RUNS}/{name}") for name in self.list(RUNS) if name.endswith(".json")]

    def last_run(self, job: str) -> dict[str, Any] | None:
        """The record of the newest finished run of ``job``."""
        names = [name for name in self.list(RUNS) if name.endswith(f"-{job}.json")]
        return self.read_json(f"{RUNS}/{names[-1]}") if names else None


def _replace(path: str, content: bytes) -> None:
    """Write to a temporary name beside ``path``, flush to the disk, rename."""
    os.makedirs(os.path.dirname(path), exist_ok=True)
    temporary = f"{os.path.dirname(path)}/.{os.path.basename(path)}.{secrets.token_hex(4)}"
    try:
        with open(temporary, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        if os.path.exists(temporary):
            os.remove(temporary)
        raise


def _why(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error) or type(error).__name__
