"""The only place that judges what is corrupt: whatever fails a check here, or cannot be decoded.

The checks of bytes raise `CorruptError` themselves. The checks of a decoded raster raise `RasterError`, as `imagery`
does when it decodes; within `validating` such an error becomes the verdict.
"""

from __future__ import annotations

import hashlib
import math
import re
import stat
import tarfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from gzip import BadGzipFile
from pathlib import PurePosixPath
from typing import Any, Literal, Protocol

import numpy as np

from mineral_pipeline.archive.errors import CorruptError
from mineral_pipeline.archive.fetched import CorruptionDetails, FetchedObject
from mineral_pipeline.errors import MetadataError, RasterError, one_line
from mineral_pipeline.sensors.landsat import TIFF_MAGIC, SceneMetadata, band_file, read_metadata

MAX_OBJECT_BYTES = 2**30
"""Size of the largest object that is read: no band of any Landsat is larger, even uncompressed."""

MAX_TAR_BYTES = 2**32
"""Bytes of the largest tar file that is read, decompressed: a product of Landsat 8 takes 2 GB."""

MAX_MEMBERS = 1000
"""Members of the longest tar file that is read; a product has 10 to 25 files."""

MD5_ETAG = re.compile(r'"?([0-9a-f]{32})"?', re.ASCII)
"""Etag of an object that Google or S3 took in one piece; that of a multi-part one ends in ``-`` and a number."""

EDGES = ("left", "bottom", "right", "top")
EXTENT_TOLERANCE = 0.01
"""Largest distance between an edge of a raster and that in its metadata, as a fraction of its width or height."""


class Judged(Protocol):
    """What can be judged corrupt: a fetched object, or the files of a scene."""

    @property
    def attempts(self) -> int:
        """Requests made for it."""

    @property
    def details(self) -> CorruptionDetails:
        """What is kept of it."""


@contextmanager
def validating(judged: Judged) -> Iterator[None]:
    """A block in which an error of a raster means that its file, or the scene whose bands do not fit, is corrupt.

    Args:
        judged: the file that is decoded in the block, or the files of the scene.

    Raises:
        CorruptError: in place of a `RasterError`.
    """
    try:
        yield
    except RasterError as error:
        raise CorruptError(str(error), judged.details, judged.attempts) from error


def check_size(size: int, name: str, largest: int) -> None:
    """Check the size of an object before its bytes are read.

    Args:
        size: size of the object in bytes.
        name: name of the file in errors.
        largest: size of the largest such object.

    Raises:
        CorruptError: it is larger.
    """
    if size > largest:
        raise CorruptError(f"{name} has {size:,} bytes: no such file of a scene is that large", _unread(size))


def check_regular(mode: int, name: str) -> None:
    """Check that a path is that of a file before it is opened: a pipe could take for ever, and a device has no end.

    Args:
        mode: its mode, as `os.stat` gives it.
        name: name of the file in errors.

    Raises:
        CorruptError: it is something else than a file or a folder, which is no file of a scene either.
    """
    if not stat.S_ISREG(mode) and not stat.S_ISDIR(mode):
        raise CorruptError(f"{name} is not a regular file", _unread(0))


@contextmanager
def reading_tar(name: str) -> Iterator[None]:
    """A block in which an error of a tar file's structure means that it is corrupt.

    Args:
        name: name of the tar file in errors.

    Raises:
        CorruptError: in place of an error of `tarfile`, `gzip` or `zlib`, or of an `EOFError`.
    """
    try:
        yield
    except (tarfile.HeaderError, BadGzipFile, zlib.error, EOFError) as error:
        raise CorruptError(
            f"{name} is cut off or no tar file: {one_line(error, 80) or 'it ends'}", _unread(0)
        ) from error


def check_tar_bytes(member: tarfile.TarInfo, number: int, end: int, source: str) -> None:
    """Check a member of a tar file before its data are passed over.

    Args:
        member: its header.
        number: how many members there are up to this one.
        end: bytes up to the end of its data, decompressed.
        source: name of the tar file in errors.

    Raises:
        CorruptError: there are more bytes or members than any product has, or the name leads out of the tar file.
    """
    if not 0 <= member.size <= MAX_TAR_BYTES or end > MAX_TAR_BYTES or number > MAX_MEMBERS:
        reason = f"more than {MAX_MEMBERS:,} members or {MAX_TAR_BYTES / 2**30:.0f} GiB: no product is that large"
        raise CorruptError(f"{source} has {reason}", _unread(end))
    path = PurePosixPath(member.name)
    if path.is_absolute() or ".." in path.parts:
        reason = f"{one_line(member.name, 80)}, a name that leads out of it: no product has that"
        raise CorruptError(f"{source} holds {reason}", _unread(end))
    if member.type == tarfile.GNUTYPE_SPARSE:
        raise CorruptError(f"{source} holds sparse members: pack it again without --sparse", _unread(end))


def check_member(member: tarfile.TarInfo, source: str) -> None:
    """Check that a member of a tar file is a file, not a link to one or a device.

    Raises:
        CorruptError: it is not.
    """
    if member.type not in (tarfile.REGTYPE, tarfile.AREGTYPE):
        raise CorruptError(f"{one_line(member.name, 80)} in {source} is not a regular file", _unread(0))


def check_md5(content: bytes, etag: str, name: str) -> bool:
    """Check bytes against the MD5 that their store gives as the object's etag.

    Args:
        content: all bytes of the object.
        etag: etag of the object.
        name: name of the file in errors.

    Returns:
        Whether the etag is an MD5, which then confirms the bytes.

    Raises:
        CorruptError: the bytes have another MD5.
    """
    promised = MD5_ETAG.fullmatch(etag)
    if promised and hashlib.md5(content, usedforsecurity=False).hexdigest() != promised[1]:
        reason = f"{name} has not the MD5 that the store gives (archive.checksums: false ignores that)"
        raise CorruptError(reason, CorruptionDetails.of(content))
    return promised is not None


def check_metadata(file: FetchedObject, product_id: str, bands: Sequence[str], name: str) -> SceneMetadata:
    """Read a metadata file and check that it is the product's own.

    Args:
        file: the MTL file.
        product_id: identifier of the product, from its path.
        bands: bands that the metadata must name, such as ``B7``.
        name: name of the file in errors.

    Raises:
        CorruptError: the file cannot be read, is another product's, or names other band files.
    """
    try:
        metadata = read_metadata(file.content, name)
    except MetadataError as error:
        raise _corrupt(file, str(error) if file.content else f"{name} is empty") from error
    if metadata.product_id != product_id:
        raise _corrupt(file, f"{name} describes {one_line(metadata.product_id, 80)}")
    for band in bands:
        found, expected = metadata.band_files.get(band, ""), band_file(product_id, band)
        if found != expected:
            raise _corrupt(file, f"{name} names {one_line(found, 80) or 'no file'} for {band}, not {expected}")
    return metadata


def check_tiff(file: FetchedObject, name: str) -> None:
    """Check that a band file is a TIFF, as far as can be seen without decoding it.

    Args:
        file: the band file.
        name: name of the file in errors.

    Raises:
        CorruptError: the file is empty, something else, or ends before its first image directory.
    """
    content = file.content
    if not content:
        raise _corrupt(file, f"{name} is empty")
    if content[:4] not in TIFF_MAGIC:
        raise _corrupt(file, f"{name} is {_describe_content(content)}, not a TIFF ({len(content):,} bytes)")
    order: Literal["little", "big"] = "little" if content[:2] == b"II" else "big"
    offset = content[8:16] if content[2:4] in (b"+\0", b"\0+") else content[4:8]
    if int.from_bytes(offset, order) >= len(content):
        raise _corrupt(file, f"{name} is cut off after {len(content):,} bytes")


def check_extent(
    metadata: SceneMetadata,
    bounds: tuple[float, float, float, float],
    shape: tuple[int, ...],
    reduced: bool,
    source: str,
    *,
    is_panchromatic: bool = False,
) -> None:
    """Check that a raster has the extent and the shape that its metadata say. To be called within `validating`.

    Args:
        metadata: metadata of the scene.
        bounds: outer edges of the raster in its projection: left, bottom, right, top in metres.
        shape: lines and samples of the raster.
        reduced: the archive's rasters are reduced in resolution, so that the shape may differ.
        source: name of the raster in errors.
        is_panchromatic: whether the raster has the grid of the panchromatic band, not that of the reflective ones.

    Raises:
        RasterError: an edge is further off than `EXTENT_TOLERANCE`, or the shape differs.
    """
    lines, samples = metadata.panchromatic_shape if is_panchromatic else (metadata.lines, metadata.samples)
    if not reduced and lines and shape != (lines, samples):
        raise RasterError(
            f"{source} has {shape[0]} lines x {shape[1]} samples, its metadata say {lines} x {samples}"
            " (archive.reduced: true allows that)"
        )
    left, bottom, right, top = extent = metadata.extent
    if math.isnan(left + bottom + right + top):
        return
    spans = (right - left, top - bottom) * 2
    for edge, found, promised, span in zip(EDGES, bounds, extent, spans, strict=True):
        if not abs(found - promised) <= EXTENT_TOLERANCE * span:
            raise RasterError(f"{source}: its {edge} edge is at {found:.0f} m, its metadata say {promised:.0f} m")


def check_dtype(dtype: np.dtype[Any], expected: np.dtype[Any], source: str) -> None:
    """Check that the pixels of a raster mean the same as others. To be called within `validating`.

    Args:
        dtype: type of the raster's pixels.
        expected: type of the store's pixels, the sensor's.
        source: name of the raster in errors.

    Raises:
        RasterError: the types differ. Even 8 bits that fit in 16 would be scaled as if they were 16.
    """
    if dtype != expected:
        raise RasterError(f"{source}: {dtype} pixels among {expected} ones")


def _unread(size: int) -> CorruptionDetails:
    """Details of an object that is not read, and that another attempt would not change."""
    return CorruptionDetails(size, b"", "", checksum_verified=True)


def _corrupt(judged: Judged, reason: str) -> CorruptError:
    return CorruptError(reason, judged.details, judged.attempts)


def _describe_content(content: bytes) -> str:
    start = content[:1024].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if start.startswith((b"<!doctype html", b"<html")):
        return "an HTML page"
    if start.startswith(b"<?xml"):
        return "an XML document"
    return f"bytes that begin {content[:8].hex(' ')}"
