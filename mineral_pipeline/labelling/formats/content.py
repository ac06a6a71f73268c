"""The bytes of a file of deposits, wherever it is: bounded, from regular files only, decompressed by the suffix."""

from __future__ import annotations

import os
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast

import fsspec
from fsspec.implementations.local import LocalFileSystem

from mineral_pipeline.errors import DataError

HEADER_BYTES = 4096
"""Bytes at the beginning of a file from which its format is recognised."""

MAX_BYTES = 2**30
"""Size of the largest file, decompressed."""

PROSE = (".txt", ".md", ".pdf", ".xml", ".html", ".htm", ".rtf", ".doc", ".docx", ".qmd", ".qml")
"""Suffixes of what lies beside a table in a zip file and tells about it."""

ZIP_MAGIC = b"PK\x03\x04"

SHAPEFILE_PARTS = (".shp", ".shx", ".dbf", ".prj", ".cpg")
"""Suffixes of the files that make a shapefile."""


def read_header(path: str) -> bytes:
    """The first bytes of a file, decompressed; see `read_content`."""
    with _open(path) as file:
        return cast(bytes, file.read(HEADER_BYTES))


def read_content(path: str) -> bytes:
    """The bytes of a file, decompressed by its suffix; those of a zipped shapefile as they are.

    Args:
        path: local path or fsspec URL.

    Raises:
        DataError: it is no regular file, or larger than `MAX_BYTES`.
        OSError, EOFError, ImportError, ValueError: it is absent, or damaged.
    """
    with _open(path) as file:
        content = cast(bytes, file.read(MAX_BYTES + 1))
    if len(content) > MAX_BYTES:
        raise DataError(f"{path} has more than {MAX_BYTES:,} bytes: divide it into several tables")
    return content


def file_name(path: str) -> str:
    """Last part of a path or URL."""
    return path.rstrip("/").rsplit("/", 1)[-1]


def parts_of(path: str) -> list[str]:
    """All files of a table: one, or those that make a shapefile, each in the case of its suffix."""
    stem, suffix = path[:-4], path[-4:]
    if suffix.lower() != SHAPEFILE_PARTS[0]:
        return [path]
    return [stem + (part.upper() if suffix.isupper() else part) for part in SHAPEFILE_PARTS]


def check_members(archive: zipfile.ZipFile, path: str) -> None:
    """Refuse a zip file whose members together are too large; none is ever read beyond the size that it states.

    Raises:
        DataError: they are larger than `MAX_BYTES`.
    """
    if sum(member.file_size for member in archive.infolist()) > MAX_BYTES:
        raise DataError(f"{path} has more than {MAX_BYTES:,} bytes, unpacked: divide it")


def _open(path: str) -> Any:
    system, local = fsspec.core.url_to_fs(path)
    # Opening a pipe could take for ever, and a device has no end.
    if isinstance(system, LocalFileSystem) and os.path.exists(local) and not os.path.isfile(local):
        raise DataError(f"{path} is no regular file: give a table of deposits")
    return _open_zip(path) if path.lower().endswith(".zip") else fsspec.open(path, "rb", compression="infer")


@contextmanager
def _open_zip(path: str) -> Iterator[Any]:
    """The one table of a zip file, or the zip file itself where that is a shapefile.

    Raises:
        DataError: it holds several tables, or none.
    """
    with fsspec.open(path, "rb") as file, zipfile.ZipFile(file) as archive:
        names = [name for name in archive.namelist() if not _is_hidden(name)]
        if any(name.lower().endswith(SHAPEFILE_PARTS[0]) for name in names):
            file.seek(0)
            yield file
            return
        tables = [name for name in names if not name.lower().endswith(PROSE)] if len(names) > 1 else names
        if len(tables) != 1:
            found = ", ".join(tables or names) or "none"
            raise DataError(
                f"{path} must hold one table, and holds {len(tables)} ({found[:200]}): unpack it, and name each table"
            )
        with archive.open(tables[0]) as member:
            yield member


def _is_hidden(name: str) -> bool:
    """Whether a member of a zip file is a folder, or what a system adds: ``__MACOSX/._table.csv``, ``.DS_Store``."""
    return name.endswith("/") or name.startswith("__MACOSX/") or name.rsplit("/", 1)[-1].startswith(".")
