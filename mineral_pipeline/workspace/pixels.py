"""What the whole numbers of a store of images mean: digital numbers, or reflectance in CF's packed form."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from mineral_pipeline.geometry import Floats

REFLECTANCE_DTYPE = "uint16"
"""Type of the pixels of a store of reflectance."""

STEPS = 10_000
"""Numbers to a reflectance of 1."""

BLACK = 1_001
"""Number of a reflectance of 0. Below lie those down to -0.1, which coefficients give for the darkest pixels, and 0 is
fill."""


@dataclass(frozen=True)
class PixelScale:
    """The numbers that pixels have, of which 0 is fill."""

    dtype: str
    """Type: ``uint8`` or ``uint16``."""
    black: int
    """Number of a pixel without light."""
    white: int
    """Number of a white pixel: the largest digital number, or a reflectance of 1, which snow and clouds may exceed."""

    @classmethod
    def of_numbers(cls, dtype: Any) -> PixelScale:
        """The scale of digital numbers of a type."""
        return cls(str(np.dtype(dtype)), 0, int(np.iinfo(dtype).max))

    @classmethod
    def of_attributes(cls, dtype: Any, attributes: Mapping[str, Any]) -> PixelScale:
        """The scale of the array of a store, by its attributes."""
        if "scale_factor" not in attributes:
            return cls.of_numbers(dtype)
        black = round(-attributes["add_offset"] / attributes["scale_factor"])
        return cls(str(np.dtype(dtype)), black, black + round(1 / attributes["scale_factor"]))

    @property
    def attributes(self) -> dict[str, Any]:
        """Attributes by which readers of CF's conventions, such as xarray, make reflectance of numbers and nan of fill.

        Digital numbers have none.
        """
        if self == self.of_numbers(self.dtype):
            return {}
        steps = self.white - self.black
        return {
            "scale_factor": 1 / steps,
            "add_offset": -self.black / steps,
            "_FillValue": 0,
            "units": "1",
            "long_name": "reflectance at the top of the atmosphere",
        }

    def share(self, images: np.ndarray) -> Floats:
        """Share of white of pixels of any shape; what fill gives means nothing."""
        return np.asarray((images.astype(np.float64) - self.black) / (self.white - self.black))


REFLECTANCE = PixelScale(REFLECTANCE_DTYPE, BLACK, BLACK + STEPS)
"""The scale of a store of reflectance: ``clip(round(10,000 rho) + 1,001, 1, 65,535)``."""
