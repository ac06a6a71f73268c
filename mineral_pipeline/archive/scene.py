"""The files of one scene, checked: what the archive gives must be what it promises."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, TypeVar

from mineral_pipeline.archive.errors import CorruptError, CorruptionDetails
from mineral_pipeline.archive.source import FetchedObject, Source
from mineral_pipeline.archive.throttling import ByteLimiter, Reservation
from mineral_pipeline.errors import MetadataError, RasterError
from mineral_pipeline.sensors.landsat import TIFF_MAGIC, SceneMetadata, band_file, metadata_file, read_metadata

T = TypeVar("T")

EDGES = ("left", "bottom", "right", "top")
TOLERANCE = 0.01
"""Largest distance between an edge of a raster and that in its metadata, as a share of its width or height."""


@dataclass(frozen=True)
class SceneFiles:
    """A scene's metadata and bands."""

    metadata: SceneMetadata
    """From the MTL."""
    bands: tuple[FetchedObject, ...]
    """The band files, in the order asked for."""
    attempts: int
    """Most requests that one of the files took."""
    bytes: int
    """Bytes of all files, the metadata's included."""
    evidence: CorruptionDetails
    """Of the band files as one object, in their order."""


def fetch_scene(
    source: Source,
    base_url: str,
    product_id: str,
    bands: Sequence[str],
    *,
    reservation: Reservation | None = None,
    deadline: float | None = None,
) -> SceneFiles:
    """Fetch the metadata and the band files of a scene.

    Args:
        source: the archive.
        base_url: the product's folder.
        product_id: the product.
        bands: such as ``B7``.
        reservation: of the bytes in flight; all bands are claimed with the first, taken to be as large.
        deadline: when to give up, on the monotonic clock; by default ``archive.deadline_s`` from now.

    Raises:
        Missing: the metadata or a band is not there.
        Unreachable: transient errors outlasted the retries or the deadline.
        Corrupt: a file is not what it should be.
    """
    deadline = time.monotonic() + source.archive.deadline_s if deadline is None else deadline
    name = metadata_file(product_id)
    text = source.fetch(f"{base_url}/{name}", deadline)
    metadata = check_metadata(text, product_id, bands, name)
    reservation = reservation or Reservation(ByteLimiter(math.inf))
    files = []
    for band in bands:
        name = band_file(product_id, band)
        file = source.fetch(f"{base_url}/{name}", deadline, lambda size: reservation.reserve(size * len(bands)))
        check_tiff(file, name)
        files.append(file)
    fetched = [text, *files]
    attempts, total = max(file.attempts for file in fetched), sum(len(file.content) for file in fetched)
    evidence = CorruptionDetails.of(
        *(file.content for file in files), checksum_verified=all(file.checksum_verified for file in files)
    )
    return SceneFiles(metadata, tuple(files), attempts, total, evidence)


def confirm_corrupt(acquire: Callable[[], T], retries: int) -> T:
    """Let a verdict of corrupt stand only when the store vouches for the bytes, or gave them twice in a row.

    What a network or a proxy mangled is thus read again, and what lies damaged in the archive is not read for ever.

    Args:
        acquire: reads a scene and judges it.
        retries: further readings at most.

    Raises:
        Corrupt: confirmed.
    """
    seen, attempts = "", 0
    while True:
        try:
            return acquire()
        except CorruptError as error:
            attempts += error.attempts
            error.attempts = attempts
            if error.evidence.checksum_verified or error.evidence.sha256 == seen or retries < 1:
                raise
            seen, retries = error.evidence.sha256, retries - 1


def check_metadata(file: FetchedObject, product_id: str, bands: Sequence[str], name: str) -> SceneMetadata:
    """Read metadata and check that they are the product's own.

    Args:
        file: the MTL file.
        product_id: the product, from its path.
        bands: those wanted.
        name: of the file, for errors.

    Raises:
        Corrupt: they cannot be read, are another product's, or name other band files.
    """
    try:
        metadata = read_metadata(file.content, name)
    except MetadataError as error:
        raise file.corrupt(str(error) if file.content else f"{name} is empty") from error
    if metadata.product_id != product_id:
        raise file.corrupt(f"{name} describes {metadata.product_id}")
    for band in bands:
        named = metadata.band_files.get(band, "")
        if named != band_file(product_id, band):
            raise file.corrupt(f"{name} names {named or 'no file'} for {band}, not {band_file(product_id, band)}")
    return metadata


def check_tiff(file: FetchedObject, name: str) -> None:
    """Check that a file begins as a TIFF does, as far as can be seen without decoding.

    Args:
        file: of a band.
        name: of the file, for errors.

    Raises:
        Corrupt: they are empty, something else, or end before the first image directory.
    """
    content = file.content
    if not content:
        raise file.corrupt(f"{name} is empty")
    if content[:4] not in TIFF_MAGIC:
        raise file.corrupt(f"{name} is {_looks_like(content)}, not a TIFF ({len(content):,} bytes)")
    order: Literal["little", "big"] = "little" if content[:2] == b"II" else "big"
    offset = content[8:16] if content[2:4] in (b"+\0", b"\0+") else content[4:8]
    if int.from_bytes(offset, order) >= len(content):
        raise file.corrupt(f"{name} is cut off after {len(content):,} bytes")


def _looks_like(content: bytes) -> str:
    start = content[:1024].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if start.startswith((b"<!doctype html", b"<html")):
        return "an HTML page"
    if start.startswith(b"<?xml"):
        return "an XML document"
    return f"bytes that begin {content[:8].hex(' ')}"


def check_extent(
    metadata: SceneMetadata,
    bounds: tuple[float, float, float, float],
    shape: tuple[int, ...],
    reduced: bool,
    source: str,
) -> None:
    """Check that a raster lies where its metadata say, and is as large.

    Args:
        metadata: of the scene.
        bounds: outer edges of the raster in its projection: left, bottom, right, top in metres.
        shape: lines and samples of the raster, of a reflective band.
        reduced: the archive's rasters are reduced in resolution, so that the shape may differ.
        source: names the raster in errors.

    Raises:
        RasterError: an edge is further off than `TOLERANCE`, or the shape differs.
    """
    lines, samples = shape
    if not reduced and metadata.lines and (lines, samples) != (metadata.lines, metadata.samples):
        raise RasterError(
            f"{source} has {lines} lines x {samples} samples, its metadata say {metadata.lines} x {metadata.samples}"
            " (archive.reduced: true allows that)"
        )
    left, bottom, right, top = extent = metadata.extent
    if math.isnan(left + bottom + right + top):
        return
    spans = (right - left, top - bottom) * 2
    for edge, found, promised, span in zip(EDGES, bounds, extent, spans, strict=True):
        if not abs(found - promised) <= TOLERANCE * span:
            raise RasterError(f"{source}: its {edge} edge is at {found:.0f} m, its metadata say {promised:.0f} m")
