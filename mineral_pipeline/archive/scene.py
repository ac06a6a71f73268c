"""The files of one scene, checked: what the archive gives must be what it promises."""

from __future__ import annotations

import hashlib
import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from mineral_pipeline.archive.failures import Corrupt
from mineral_pipeline.archive.source import Source
from mineral_pipeline.errors import MetadataError
from mineral_pipeline.landsat import SceneMetadata, band_file, metadata_file, read_metadata

TIFF_MAGIC = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")  # TIFF 6.0 section 2, and BigTIFF
EDGES = ("left", "bottom", "right", "top")
TOLERANCE = 0.01
"""Largest distance between an edge of a raster and that in its metadata, as a share of its width or height."""


@dataclass(frozen=True)
class SceneFiles:
    """A scene's metadata and bands."""

    metadata: SceneMetadata
    """From the MTL."""
    bands: tuple[bytes, ...]
    """Content of the band files, in the order asked for."""
    attempts: int
    """Requests made for the last object, retries included."""
    bytes: int
    """Bytes read, the metadata's included."""
    seconds: float
    """Wall time, pauses included."""
    sha256: str
    """Digest of the band files' bytes, in their order."""


def fetch_scene(source: Source, base_url: str, product_id: str, bands: Sequence[str]) -> SceneFiles:
    """Fetch the metadata and the band files of a scene.

    Args:
        source: the archive.
        base_url: the product's folder.
        product_id: the product.
        bands: such as ``B7``.

    Raises:
        Missing: the metadata or a band is not there.
        Unreachable: transient errors outlasted the retries.
        Corrupt: a file is not what it should be.
    """
    started = time.monotonic()
    name = metadata_file(product_id)
    last = source.fetch(f"{base_url}/{name}")
    metadata = check_metadata(last.content, product_id, bands, name, last.attempts)
    contents, total, digest = [], len(last.content), hashlib.sha256()
    for band in bands:
        name = band_file(product_id, band)
        last = source.fetch(f"{base_url}/{name}")
        check_tiff(last.content, name, last.attempts)
        contents.append(last.content)
        digest.update(last.content)
        total += len(last.content)
    seconds = time.monotonic() - started
    return SceneFiles(metadata, tuple(contents), last.attempts, total, seconds, digest.hexdigest())


def check_metadata(
    content: bytes, product_id: str, bands: Sequence[str], name: str, attempts: int = 1
) -> SceneMetadata:
    """Read metadata and check that they are the product's own.

    Args:
        content: of the MTL file.
        product_id: the product, from its path.
        bands: those wanted.
        name: of the file, for errors.
        attempts: requests made for it, for errors.

    Raises:
        Corrupt: they cannot be read, are another product's, or name other band files.
    """
    try:
        metadata = read_metadata(content, name)
    except MetadataError as error:
        raise Corrupt(str(error) if content else f"{name} is empty", attempts) from error
    if metadata.product_id != product_id:
        raise Corrupt(f"{name} describes {metadata.product_id}", attempts)
    for band in bands:
        file = metadata.band_files.get(band, "")
        if file != band_file(product_id, band):
            raise Corrupt(f"{name} names {file or 'no file'} for {band}, not {band_file(product_id, band)}", attempts)
    return metadata


def check_tiff(content: bytes, name: str, attempts: int = 1) -> None:
    """Check that bytes begin as a TIFF does, as far as can be seen without decoding.

    Args:
        content: of the file.
        name: of the file, for errors.
        attempts: requests made for it, for errors.

    Raises:
        Corrupt: they are empty, something else, or end before the first image directory.
    """
    if not content:
        raise Corrupt(f"{name} is empty", attempts)
    if content[:4] not in TIFF_MAGIC:
        raise Corrupt(f"{name} is {_looks_like(content)}, not a TIFF ({len(content):,} bytes)", attempts)
    order: Literal["little", "big"] = "little" if content[:2] == b"II" else "big"
    offset = content[8:16] if content[2:4] in (b"+\0", b"\0+") else content[4:8]
    if int.from_bytes(offset, order) >= len(content):
        raise Corrupt(f"{name} is cut off after {len(content):,} bytes", attempts)


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
        Corrupt: an edge is further off than `TOLERANCE`, or the shape differs.
    """
    lines, samples = shape
    if not reduced and metadata.lines and (lines, samples) != (metadata.lines, metadata.samples):
        raise Corrupt(
            f"{source} has {lines} lines x {samples} samples, its metadata say {metadata.lines} x {metadata.samples}"
            " (archive.reduced: true allows that)"
        )
    left, bottom, right, top = extent = metadata.extent
    if math.isnan(left + bottom + right + top):
        return
    spans = (right - left, top - bottom) * 2
    for edge, found, promised, span in zip(EDGES, bounds, extent, spans, strict=True):
        if not abs(found - promised) <= TOLERANCE * span:
            raise Corrupt(f"{source}: its {edge} edge is at {found:.0f} m, its metadata say {promised:.0f} m")
