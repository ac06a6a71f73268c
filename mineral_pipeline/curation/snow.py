"""Snow and ice in visible bands: bright in all of them, and without colour.

Clouds look the same, and so do whole crusts of salt; they are far smaller than the ice sheets. docs/science.md has what
the thresholds were measured on.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from mineral_pipeline.workspace import Workspace, artefacts, zarr_store
from mineral_pipeline.workspace.pixels import PixelScale

MIN_BRIGHTNESS = 0.7
"""Smallest value of snow in every band, as a share of white: of the largest digital number, or a reflectance."""

MAX_COLOUR = 0.1
"""Largest difference of snow between its brightest and its darkest band, as a fraction of the brightest."""


def snow_shares(
    workspace: Workspace, chips: Sequence[tuple[int, str]], bands: Sequence[int]
) -> npt.NDArray[np.float64]:
    """Share of the valid pixels of chips that look like snow or ice. Runs on a worker and holds the chips in memory.

    Args:
        workspace: the workspace.
        chips: ``chip_index`` and ``image_sha256`` of each chip, such as those of a shard.
        bands: positions of the visible bands.

    Returns:
        (n,) from 0 to 1; 0 for a chip without valid pixels.

    Raises:
        WorkspaceError: a chip is not what was acquired.
    """
    store = zarr_store.open_images(workspace, artefacts.CHIPS, dict(chips))
    images = store.read(np.array([index for index, _ in chips]))
    return np.array([snow_share(image[list(bands)], store.scale) for image in images])


def snow_share(image: npt.NDArray[np.unsignedinteger], scale: PixelScale | None = None) -> float:
    """Share of the valid pixels of visible bands (band, y, x) that look like snow or ice; a pixel of 0 is fill.

    Without ``scale`` pixels are digital numbers.
    """
    scale = scale or PixelScale.of_numbers(image.dtype)
    valid = image.min(axis=0) > 0
    darkest, brightest = (one.astype(np.int64) - scale.black for one in (image.min(axis=0), image.max(axis=0)))
    bright = darkest >= MIN_BRIGHTNESS * (scale.white - scale.black)
    colourless = brightest - darkest <= MAX_COLOUR * brightest
    return float((valid & bright & colourless).sum() / max(valid.sum(), 1))
