"""Validates the header of a file before memory is allocated: a file of kilobytes can declare gigabytes of pixels."""

from __future__ import annotations

import numpy as np
from rasterio.enums import MaskFlags
from rasterio.io import DatasetReader

from mineral_pipeline.errors import RasterError

MAX_PIXELS = 20_000**2
"""Maximum pixels of a band: the largest of Landsat (panchromatic, 15 m) has 18,000 x 18,000."""

MAX_PADDING = 4096**2
"""Maximum pixels of all tiles beyond the image: a tile is decoded whole, however little of it is image."""

MAX_RATIO = 1500
"""Maximum ratio of decompressed bytes to bytes of the file.

Deflate reaches 1032 (RFC 1951: 258 bytes from two bits), LZW 1390 (4096 ever longer repeats). A file that declares
more lacks parts of its data."""


def validate_header(dataset: DatasetReader, size: int, source: str) -> None:
    """Refuse a file that is not a Landsat band, or cannot be decoded in bounded memory.

    Args:
        dataset: the open file, of which no pixel has been read.
        size: size of the file in bytes.
        source: name of the file in errors.

    Raises:
        RasterError: the file does not hold exactly one band of 8- or 16-bit integers and no mask, or declares more
            pixels, larger tiles or a higher compression than allowed.
    """
    dtype, lines, samples = dataset.dtypes[0], dataset.height, dataset.width
    if dataset.count != 1:
        raise RasterError(f"{source}: holds {dataset.count} bands: a Landsat band file holds one")
    if MaskFlags.per_dataset in dataset.mask_flag_enums[0]:  # its tiles could be of any size
        raise RasterError(f"{source}: holds a mask: a Landsat band file holds one band and nothing else")
    if dtype not in ("uint8", "uint16", "int16"):
        raise RasterError(f"{source}: holds {dtype} pixels: a Landsat band holds 8- or 16-bit integers")
    declared = f"{source}: declares {lines:,} x {samples:,} pixels"
    if lines * samples > MAX_PIXELS:
        raise RasterError(f"{declared}: no Landsat band has more than {MAX_PIXELS:,}")
    high, wide = dataset.block_shapes[0]
    if -(-lines // high) * high * -(-samples // wide) * wide > lines * samples + MAX_PADDING:
        raise RasterError(
            f"{declared} in tiles of {high:,} x {wide:,}: they would take much more memory than the image"
        )
    if lines * samples * np.dtype(dtype).itemsize > MAX_RATIO * size:
        raise RasterError(
            f"{declared} in a file of {size:,} bytes: no compression goes so far, so that parts are missing"
        )
