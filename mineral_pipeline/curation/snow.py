"""Snow and ice in visible bands: bright in all of them, and without colour.

Clouds look the same, and so do whole crusts of salt; they are far smaller than the ice sheets. docs/science.md has what
the thresholds were measured on.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from mineral_pipeline.geometry import Floats
from mineral_pipeline.workspace import Workspace, artefacts, zarr_store

MIN_BRIGHTNESS = 0.7
"""Smallest value of snow in every band, as a fraction of the largest value that its type holds."""

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
    images = zarr_store.open_images(workspace, artefacts.CHIPS, dict(chips)).read(
        np.array([index for index, _ in chips])
    )
    return np.array([snow_share(image[list(bands)]) for image in images])


def snow_share(image: npt.NDArray[np.unsignedinteger]) -> float:
    """Share of the valid pixels of visible bands (band, y, x) that look like snow or ice; a pixel of 0 is fill."""
    darkest, brightest = image.min(axis=0), image.max(axis=0)
    valid: Floats = darkest > 0
    bright = darkest >= MIN_BRIGHTNESS * np.iinfo(image.dtype).max
    colourless = brightest - darkest <= MAX_COLOUR * brightest
    return float((valid & bright & colourless).sum() / max(valid.sum(), 1))
