"""Digital numbers of a band to reflectance, as the numbers that a store of reflectance holds."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from mineral_pipeline.imagery.raster import Raster
from mineral_pipeline.workspace.pixels import BLACK, REFLECTANCE_DTYPE, STEPS


def to_reflectance(raster: Raster, gain: float, offset: float) -> Raster:
    """A band as reflectance, ``gain * number + offset``, stored as ``clip(round(10,000 rho) + 1,001, 1, 65,535)``.

    It comes before the downsampling. Both are linear, so that they could change places but for rounding and clipping:
    an average of digital numbers would be rounded to a whole one, of which 8 bits have 255, before it became a
    reflectance, to half a number or some 0.001; and an overshoot of Lanczos' filter would be cut off where the digital
    numbers end.

    Args:
        raster: the band, (y, x) uint8 or uint16, 0 = fill.
        gain: reflectance of one digital number.
        offset: reflectance at a digital number of 0.

    Returns:
        The band in 16 bits, 0 = fill.
    """
    numbers = np.arange(np.iinfo(raster.pixels.dtype).max + 1)
    table = np.clip(np.rint(STEPS * (gain * numbers + offset)) + BLACK, 1, np.iinfo(REFLECTANCE_DTYPE).max)
    table[0] = 0
    return replace(raster, pixels=table.astype(REFLECTANCE_DTYPE)[raster.pixels])
