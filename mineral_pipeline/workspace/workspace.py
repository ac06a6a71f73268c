"""One place for everything that a pipeline makes: reads and writes by name below one URL, every write atomic.

A workspace is a folder or any fsspec URL (``s3://``, ``gs://``, ``memory://``). Objects are written in one piece: to a
temporary name that is renamed on a local disk, in a single PUT elsewhere. An object that exists is therefore whole.
"""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from typing import Any, TypeVar

import fsspec
import pandas as pd
import pyarrow as pa
from fsspec.implementations.local import LocalFileSystem
from zarr.abc.store import Store
from zarr.storage import FsspecStore, LocalStore

from mineral_pipeline.errors import WorkspaceError, one_line
from mineral_pipeline.workspace import artefacts, documents, tables
from mineral_pipeline.workspace._files import advise, create_file, describe, is_io_failure, is_taken, replace_file

THREADS = 16
"""Parts of a table read at the same time: on an object store a request takes tens of milliseconds."""

REPAIR = "run `mineral-pipeline repair SETTINGS`"
"""What to do about damage."""

MARKS = (
    "size", "mtime", "created", "ino", "ETag", "LastModified", "etag", "generation", "updated", "last_modified",
)  # fmt: skip
"""What file systems tell of a file in a listing that changes with it, by fsspec's names; every one tells the size."""

EMPTY = "not satisfiable"
"""Words in the answer of an object store that is asked for the first byte of an empty object."""

_BACKTEST = re.compile(rf"(.+)/{artefacts.BACKTESTS}/[^/]+/?")
"""URL of a back-test, with that of the workspace around it."""

_Decoded = TypeVar("_Decoded")


@dataclass(frozen=True)
class Workspace:
    """One place for everything that a pipeline makes. Cheap to build and to send to a worker."""

    url: str
    """Folder or fsspec URL. One in the folder ``backtests`` of a workspace takes `artefacts.SHARED` from that."""

    @property
    def _fs(self) -> fsspec.AbstractFileSystem:
        return self._filesystem()[0]

    def _filesystem(self) -> tuple[fsspec.AbstractFileSystem, str]:
        try:
            # No listing is cached, because what other processes write must be seen.
            return fsspec.core.url_to_fs(  # type: ignore[no-any-return]
                self.url, use_listings_cache=False, **_client_options(self.url)
            )
        except (ValueError, ImportError, OSError) as error:
            raise WorkspaceError(f"workspace {self.url}: {error}") from error

    @property
    def is_local(self) -> bool:
        """Whether the workspace is a folder of this machine (or of a shared file system)."""
        return isinstance(self._fs, LocalFileSystem)

    def path(self, name: str) -> str:
        """Path of ``name`` as the workspace's own file system understands it."""
        return f"{Workspace(self._holder(name))._filesystem()[1].rstrip('/')}/{name}"

    def _holder(self, name: str) -> str:
        """URL of the workspace that holds ``name``: of a back-test's shared artefacts, the one around it."""
        around = _BACKTEST.fullmatch(self.url)
        return around[1] if around and name.partition("/")[0] in artefacts.SHARED else self.url

    def uri(self, name: str) -> str:
        """Full path or URL of ``name``, to show to a person or to open elsewhere."""
        return self.path(name) if self.is_local else f"{self._holder(name).rstrip('/')}/{name}"

    def exists(self, name: str) -> bool:
        """Whether ``name`` is there; of the folders of an object store those among `artefacts.FOLDERS` are known."""
        if not self.is_local and name not in artefacts.FOLDERS:
            return self.is_file(name)
        with self._translating_errors(name, "read"):
            return bool(self._fs.exists(self.path(name)))

    def is_file(self, name: str) -> bool:
        """Whether ``name`` is there and no folder: one request to an object store, whose clients would list, too."""
        with self._translating_errors(name, "read"):
            if self.is_local:
                return bool(self._fs.isfile(self.path(name)))
            try:
                self._fs.cat_file(self.path(name), start=0, end=1)
            except (FileNotFoundError, IsADirectoryError):
                return False
            except OSError as error:
                if EMPTY not in str(error):
                    raise
        return True

    def list(self, folder: str) -> list[str]:
        """Sorted names (without the folder) of what lies directly in ``folder``; empty when it is absent."""
        with self._translating_errors(folder, "listed"):
            try:
                found = self._fs.ls(self.path(folder), detail=False)
            except FileNotFoundError:
                return []
        names = (entry.rstrip("/").rsplit("/", 1)[-1] for entry in found)
        return sorted(name for name in names if not name.startswith("."))

    def sizes(self, folder: str) -> dict[str, int]:
        """Bytes of every file below ``folder``, by its sorted name in it; empty when it is absent or no folder."""
        root = f"{self.path(folder)}/"
        with self._translating_errors(folder, "listed"):
            found = self._fs.find(root, detail=True)
        files = {path.removeprefix(root): int(entry["size"]) for path, entry in found.items() if path.startswith(root)}
        return {name: files[name] for name in sorted(files) if "/." not in f"/{name}"}

    def marks(self, folder: str) -> dict[str, str]:
        """What tells each file directly in ``folder`` from any other that has had its name, by its sorted name.

        Size and what else the file system tells in a listing: times, inode, tag or generation. Empty where it tells
        none of these, and when the folder is absent.
        """
        with self._translating_errors(folder, "listed"):
            try:
                found = self._fs.ls(self.path(folder), detail=True)
            except FileNotFoundError:
                return {}
        marks = {
            entry["name"].rsplit("/", 1)[-1]: {key: str(entry[key]) for key in MARKS if entry.get(key) is not None}
            for entry in found
            if entry["type"] == "file"
        }
        if not all(len(mark) > 1 for mark in marks.values()):
            return {}
        return {
            name: documents.digest_document(mark)[:16]
            for name, mark in sorted(marks.items())
            if not name.startswith(".")
        }

    def remove(self, name: str) -> None:
        """Remove ``name``, a folder with all it holds; nothing happens when it is absent."""
        with self._translating_errors(name, "removed"), suppress(FileNotFoundError):
            self._fs.rm(self.path(name), recursive=True)

    def remove_file(self, name: str) -> None:
        """Remove a file of which the whole name is known: one request; nothing happens when it is absent."""
        with self._translating_errors(name, "removed"), suppress(FileNotFoundError):
            self._fs.rm_file(self.path(name))

    def move(self, folder: str, name: str, last: str) -> None:
        """Give a folder of files another name, in place of what had it: at once on a disk, file by file elsewhere.

        Args:
            folder: the folder.
            name: its new name.
            last: file whose presence tells that the folder is whole: it goes first and comes last.
        """
        self.remove_file(f"{name}/{last}")
        self.remove(name)
        if self.is_local:
            with self.writing(name):
                os.makedirs(os.path.dirname(self.path(name)), exist_ok=True)
                os.rename(self.path(folder), self.path(name))
            return
        for file in sorted(self.list(folder), key=lambda file: file == last):
            self.write_bytes(f"{name}/{file}", self.read_bytes(f"{folder}/{file}"))
        self.remove(folder)

    def read_bytes(self, name: str) -> bytes:
        """Content of ``name``.

        Raises:
            WorkspaceError: it is absent or cannot be read.
        """
        with self._translating_errors(name, "read"):
            return bytes(self._fs.cat_file(self.path(name)))

    def read_range(self, name: str, start: int, stop: int) -> bytes:
        """Some bytes of ``name``, in one request; errors as in `read_bytes`."""
        with self._translating_errors(name, "read"):
            return bytes(self._fs.cat_file(self.path(name), start=start, end=stop))

    def write_bytes(self, name: str, content: bytes) -> None:
        """Write ``name`` in one piece.

        Raises:
            WorkspaceError: it cannot be written (read-only, disk full, no permission).
        """
        fs, path = self._fs, self.path(name)
        with self.writing(name):
            if isinstance(fs, LocalFileSystem):
                replace_file(path, content)
            else:
                fs.pipe_file(path, content)

    def create_bytes(self, name: str, content: bytes) -> bool:
        """Write ``name`` unless it exists: of several that try at once exactly one does, whatever its host.

        A local disk has exclusive creation, an object store a conditional PUT: S3's ``If-None-Match: *``, Google's
        ``ifGenerationMatch=0``. On a disk the file is there a moment before its content.

        Returns:
            Whether it was this call that created it.

        Raises:
            WorkspaceError: it cannot be written.
        """
        fs, path = self._fs, self.path(name)
        with self.writing(name):
            if isinstance(fs, LocalFileSystem):
                return create_file(path, content)
            try:
                fs.pipe_file(path, content, mode="create")
            except OSError as error:
                if is_taken(error):
                    return False
                raise
        return True

    def writing(self, name: str) -> AbstractContextManager[None]:
        """A block in which ``name`` is written, by whatever library.

        Raises:
            WorkspaceError: in place of the error of the disk or of the object store's client, in one line.
        """
        return self._translating_errors(name, "written")

    def reading(self, name: str) -> AbstractContextManager[None]:
        """A block in which ``name`` is read, by whatever library; errors as in `writing`."""
        return self._translating_errors(name, "read")

    @contextmanager
    def _translating_errors(self, name: str, done: str) -> Iterator[None]:
        """Errors of disks and clients in the block become a `WorkspaceError` that names ``name``."""
        if done in ("written", "removed") and self._holder(name) != self.url:
            raise WorkspaceError(
                f"{self.uri(name)} cannot be {done} from {self.url}, a back-test that shares it: run the job in the"
                f" workspace that holds it, or give a --workspace that is in no folder {artefacts.BACKTESTS}"
            )
        try:
            yield
        except Exception as error:
            if not is_io_failure(error):
                raise
            raise WorkspaceError(
                f"{self.uri(name)} cannot be {done}: {describe(error)}: {advise(error, done)}"
            ) from error

    @contextmanager
    def upload_from_local(self, name: str) -> Iterator[str]:
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
        self.write_bytes(name, tables.encode(table))

    def read_table(self, name: str, columns: Sequence[str] | None = None) -> Any:
        """Read a table, or a folder of parts in the order of their names, as (Geo)DataFrame.

        Raises:
            WorkspaceError: it is absent or damaged, or lacks a column.
        """
        content = None if name in artefacts.FOLDERS else self._read_file(name)
        if content is not None:
            return self._decoded(name, lambda content: tables.decode(content, columns), content)
        if not (parts := self._parts(name)):
            raise WorkspaceError(f"{self.uri(name)} is absent: run the job that makes it")
        return self.read_tables(parts, columns)

    def _read_file(self, name: str) -> bytes | None:
        """Content of ``name``; None when it is absent or a folder."""
        with self._translating_errors(name, "read"):
            try:
                return bytes(self._fs.cat_file(self.path(name)))
            except (FileNotFoundError, IsADirectoryError):
                return None

    def read_tables(self, names: Sequence[str], columns: Sequence[str] | None = None) -> Any:
        """Read tables of the same columns, one or more, as one (Geo)DataFrame.

        Raises:
            WorkspaceError: one is absent or damaged, or lacks a column.
        """
        return tables.to_frame([self._decode_arrow(name, content, columns) for name, content in self._read_all(names)])

    def read_parts(
        self, folder: str, columns: Sequence[str] | None = None, names: Sequence[str] | None = None
    ) -> dict[str, pa.Table | WorkspaceError]:
        """Parts of a table by their names in ``folder``, as Arrow table; in place of a damaged one, the reason.

        Args:
            folder: name of the table.
            columns: columns to read, by default all.
            names: names of the parts, by default all that are there.

        Raises:
            WorkspaceError: the workspace cannot be read at all.
        """
        parts: dict[str, pa.Table | WorkspaceError] = {}
        files = self._parts(folder) if names is None else [f"{folder}/{name}" for name in names]
        for file, content in self._read_all(files):
            try:
                part = self._decode_arrow(file, content, columns)
            except WorkspaceError as error:
                part = error
            parts[file.rsplit("/", 1)[-1]] = part
        return parts

    def _read_all(self, names: Sequence[str]) -> Iterator[tuple[str, bytes]]:
        """Names and contents, in order; read by threads, and decoded by none: small tables take twice as long there."""
        with ThreadPoolExecutor(THREADS) as pool:
            yield from zip(names, pool.map(self.read_bytes, names), strict=True)

    def _decode_arrow(self, name: str, content: bytes, columns: Sequence[str] | None) -> pa.Table:
        return self._decoded(name, lambda content: tables.decode_arrow(content, columns), content)

    def _parts(self, folder: str) -> Sequence[str]:
        return [f"{folder}/{part}" for part in self.list(folder) if part.endswith(".parquet")]

    def write_json(self, name: str, content: Mapping[str, Any]) -> None:
        """Write ``content`` as indented JSON, with its digest; see `documents`."""
        self.write_bytes(name, documents.encode(content))

    def read_json(self, name: str, with_digest: bool = True) -> dict[str, Any]:
        """Read a JSON document, without its digest.

        Args:
            name: name of the document.
            with_digest: refuse a document without a digest; earlier versions of this program wrote none.

        Raises:
            WorkspaceError: it is absent or damaged.
        """
        return self._decoded(name, lambda content: documents.decode(content, with_digest), self.read_bytes(name))

    def _decoded(self, name: str, decode: Callable[[bytes], _Decoded], content: bytes) -> _Decoded:
        try:
            return decode(content)
        except ValueError as error:
            raise WorkspaceError(f"{self.uri(name)} {one_line(error)}: {REPAIR}") from error

    def zarr(self, name: str) -> Store:
        """The Zarr store of ``name``."""
        if self.is_local:
            return LocalStore(self.path(name))
        return FsspecStore.from_url(self.uri(name), storage_options=_client_options(self.url))


def _client_options(url: str) -> dict[str, Any]:
    """Options of an object store's client. Of one that reads by several requests at once s3fs asks the size before."""
    return {"max_concurrency": 1} if url.startswith(("s3://", "s3a://")) else {}
