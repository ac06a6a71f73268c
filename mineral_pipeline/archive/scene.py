"""The files of one scene: its metadata and its bands, fetched and validated."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from mineral_pipeline.archive.fetched import CorruptionDetails, FetchedObject
from mineral_pipeline.archive.retry import scene_deadline
from mineral_pipeline.archive.source import Source
from mineral_pipeline.archive.throttling import ByteLimiter, Reservation
from mineral_pipeline.archive.validation import check_metadata, check_size, check_tiff
from mineral_pipeline.sensors.landsat import SceneMetadata, band_file, metadata_file
from mineral_pipeline.sensors.mtl import MAX_METADATA_BYTES


@dataclass(frozen=True)
class SceneFiles:
    """The metadata and the band files of a scene."""

    metadata: SceneMetadata
    """Content of the MTL file."""
    bands: tuple[FetchedObject, ...]
    """Band files, in the order asked for."""
    attempts: int
    """Largest number of requests that one of the files took."""
    bytes: int
    """Bytes of all files, the metadata's included."""
    details: CorruptionDetails
    """Details of the band files as one object, in their order."""


def fetch_scene(
    source: Source,
    base_url: str,
    product_id: str,
    bands: Sequence[str],
    *,
    reservation: Reservation | None = None,
    deadline: float | None = None,
) -> SceneFiles:
    """Fetch the metadata and the band files of a scene, and validate them as far as can be done without decoding.

    Args:
        source: the archive.
        base_url: URL of the product's folder.
        product_id: identifier of the product.
        bands: names of the bands, such as ``B7``.
        reservation: share of the bytes that a task may hold. The bytes of all bands are reserved with the first band,
            as if all were of its size.
        deadline: time on the monotonic clock after which no further attempt is made; by default ``archive.deadline_s``
            from now.

    Raises:
        MissingError: the metadata or a band does not exist.
        UnreachableError: transient errors outlasted the retries or the deadline.
        CorruptError: a file is not what it should be.
    """
    deadline = scene_deadline(source.archive) if deadline is None else deadline
    reservation = reservation or Reservation(ByteLimiter(math.inf))
    name = metadata_file(product_id)
    text = source.fetch(f"{base_url}/{name}", deadline, partial(check_size, name=name, largest=MAX_METADATA_BYTES))
    metadata = check_metadata(text, product_id, bands, name)
    files = []
    for band in bands:
        name = band_file(product_id, band)
        file = source.fetch(f"{base_url}/{name}", deadline, lambda size: reservation.reserve(size * len(bands)))
        check_tiff(file, name)
        files.append(file)
    fetched = [text, *files]
    attempts, total = max(file.attempts for file in fetched), sum(len(file.content) for file in fetched)
    details = CorruptionDetails.of(
        *(file.content for file in files), checksum_verified=all(file.checksum_verified for file in files)
    )
    return SceneFiles(metadata, tuple(files), attempts, total, details)
