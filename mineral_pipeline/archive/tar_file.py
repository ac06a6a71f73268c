"""One member of a tar file, such as USGS delivers products in, plain or compressed by gzip, without unpacking it.

A header of 512 bytes tells name, type and size of each member (POSIX.1-1988, ustar); what lies before the wanted one is
passed over. Nothing is ever written, and names are only compared. Extended headers (pax, GNU), which can give the next
member another name and size, are passed over too: no file of a product needs one.
"""

from __future__ import annotations

import gzip
import os
import tarfile
from collections.abc import Callable, Iterator
from pathlib import PurePosixPath
from typing import BinaryIO

from mineral_pipeline.archive.validation import (
    MAX_OBJECT_BYTES,
    check_member,
    check_regular,
    check_size,
    check_tar_bytes,
    reading_tar,
)

SUFFIXES = (".tar", ".tar.gz", ".tgz")

GZIP_MAGIC = b"\x1f\x8b"

WITHOUT_DATA = (
    tarfile.LNKTYPE, tarfile.SYMTYPE, tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.DIRTYPE, tarfile.FIFOTYPE,
)  # fmt: skip
"""Types of members that no data follow, whatever size their header tells."""


def find_tar(path: str) -> str | None:
    """The tar file in which a path would lie, as if the tar file were a folder; None when it lies in none."""
    folder = os.path.dirname(path)
    return folder if folder.endswith(SUFFIXES) and not os.path.isdir(folder) else None


def read_member(path: str, name: str, reserve: Callable[[int], None]) -> bytes:
    """Read a file in a tar file, in whatever folder of it the file lies.

    Args:
        path: tar file; whether gzip has compressed it is seen from its first bytes.
        name: name of the member, without folders.
        reserve: called with the member's size in bytes before these are read; it may wait.

    Raises:
        FileNotFoundError: there is no such tar file, or no such member in it.
        CorruptError: the tar file is not whole, is larger than any product, or holds a name that leads out of it; or
            the member is no file, or too large.
    """
    source = os.path.basename(path)
    check_regular(os.stat(path).st_mode, source)
    with open(path, "rb") as file, reading_tar(source):
        is_compressed = file.read(len(GZIP_MAGIC)) == GZIP_MAGIC
        file.seek(0)
        stream: BinaryIO = gzip.GzipFile(fileobj=file) if is_compressed else file  # type: ignore[assignment]
        for member in _members(stream, source):
            if PurePosixPath(member.name).name == name:
                check_member(member, source)
                check_size(member.size, name, MAX_OBJECT_BYTES)
                reserve(member.size)
                content = stream.read(member.size)
                if len(content) < member.size:
                    raise EOFError
                return content
    raise FileNotFoundError(f"{name} is not in {source}")


def _members(stream: BinaryIO, source: str) -> Iterator[tarfile.TarInfo]:
    """Headers of the members in their order; the stream is at the data of each when it is yielded."""
    position = number = 0
    while header := _header(stream):
        number += 1
        blocks = 0 if header.type in WITHOUT_DATA else -(-header.size // tarfile.BLOCKSIZE)
        position += (1 + blocks) * tarfile.BLOCKSIZE
        check_tar_bytes(header, number, position, source)
        yield header
        stream.seek(position)


def _header(stream: BinaryIO) -> tarfile.TarInfo | None:
    """The next header; None at the end, which is a block of zeros."""
    try:
        return tarfile.TarInfo.frombuf(stream.read(tarfile.BLOCKSIZE), "utf-8", "surrogateescape")
    except tarfile.EOFHeaderError:  # type: ignore[attr-defined]
        return None
