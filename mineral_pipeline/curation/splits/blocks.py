"""The default split: blocks of equal area on the sphere, which keep neighbouring locations together."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.spatial.transform import Rotation

from mineral_pipeline.curation.splits.split import Locations, Split, register
from mineral_pipeline.geometry import EARTH_RADIUS_KM, Floats, Integers
from mineral_pipeline.settings import Curate

N_GRIDS = 32
"""Grids tried, each turned at random: where a block's edge runs through the sea, the buffer drops nothing."""


def turned_grids(locations: Locations, config: Curate, rng: np.random.Generator) -> Sequence[Integers]:
    """Blocks of the locations under `N_GRIDS` grids turned at random."""
    rotations = Rotation.random(N_GRIDS, rng=rng)
    return [equal_area_blocks(rotation.apply(locations.centres), config.block_size_km) for rotation in rotations]


def equal_area_blocks(vectors: Floats, block_size_km: float) -> Integers:
    """Number of the block in which each unit vector (n, 3) lies.

    Zones about ``block_size_km`` high are cut into equally wide blocks, and the zones' edges are moved so that every
    block has the same area, as near to ``block_size_km`` squared as a whole number of blocks allows. After P. Leopardi,
    A partition of the unit sphere into regions of equal area and small diameter, ETNA 25 (2006) 309-327.
    """
    zones = max(round(np.pi * EARTH_RADIUS_KM / block_size_km), 1)
    total = max(round(4 * np.pi * (EARTH_RADIUS_KM / block_size_km) ** 2), zones)
    edges = (1 + np.sin(np.linspace(-np.pi / 2, np.pi / 2, zones + 1))) / 2  # share of the area south of each edge
    before = np.maximum.accumulate(np.maximum(np.round(edges * total).astype(np.int64), np.arange(zones + 1)))
    south = (1 + np.clip(vectors[:, 2], -1, 1)) / 2 * total
    zone = np.clip(np.searchsorted(before, south, side="right") - 1, 0, zones - 1)
    width = np.diff(before)[zone]
    turn = (np.arctan2(vectors[:, 1], vectors[:, 0]) / (2 * np.pi)) % 1.0
    return np.asarray(before[zone] + np.minimum((turn * width).astype(np.int64), width - 1))


register(Split("blocks", turned_grids, buffered=True))
