"""Blocks of equal area on the sphere, and their assignment to the sides of a split."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy.spatial.transform import Rotation

from mineral_pipeline.geometry import EARTH_RADIUS_KM

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

SUBSETS: Final = ("train", "validation", "test")
TRAIN, VALIDATION, TEST = range(3)

CANDIDATES = 32
"""Grids tried: a block's edge that runs through the sea costs no place."""


@dataclass(frozen=True)
class Split:
    """Where every place goes, before the guard."""

    block: Integers
    """(n,) number of the block of a place."""
    side: Integers
    """(n,) index into `SIDES`."""


def split_buckets(strata: Integers, shares: Floats, rng: np.random.Generator) -> Split:
    """Every place by itself, as in the study: neighbours overlap, so this leaks.

    Args:
        strata: (n,) number of the kind of place; every side gets its share of each.
        shares: (3,) of the places, in the order of `SIDES`.
        rng: decides between equals.
    """
    block = np.arange(len(strata))
    return Split(block, assign(block, strata, shares, rng))


def split_blocks(
    centres: Floats, strata: Integers, pairs: Integers, shares: Floats, block_size_km: float, rng: np.random.Generator
) -> Split:
    """Places by equal-area blocks, which keep neighbours together.

    Of `CANDIDATES` grids, turned at random, that one is taken under which the guard leaves most places: of the side and
    stratum that fares worst, then of all.

    Args:
        centres: (n, 3) unit vectors of the places.
        strata: as in `split_buckets`.
        pairs: (k, 2) places that share ground.
        shares: as in `split_buckets`.
        block_size_km: edge of a block.
        rng: turns the grids and decides between equals.
    """
    turned = [equal_area_blocks(turn.apply(centres), block_size_km) for turn in Rotation.random(CANDIDATES, rng=rng)]
    splits = [split for block in turned for split in _two_tries(block, strata, pairs, shares, rng)]
    return max(splits, key=lambda split: _left_by_the_guard(split.subset, strata, pairs, shares))


def split_folds(
    centres: Floats, strata: Integers, pairs: Integers, folds: int, validation_fraction: float, block_size_km: float | None,
    rng: np.random.Generator,
) -> list[Split]:  # fmt: skip
    """So many splits that every place is in the test side of exactly one.

    Args:
        centres: as in `split_blocks`.
        strata: as in `split_buckets`; every fold gets its share of each.
        pairs: as in `split_blocks`.
        folds: how many.
        validation_fraction: of the places that are not in test.
        block_size_km: edge of the blocks that stay together; None for every place by itself.
        rng: turns the grids and decides between equals.
    """
    even, rest = np.full(folds, 1 / folds), np.array([1 - validation_fraction, validation_fraction])
    turned = [np.arange(len(centres))]
    if block_size_km is not None:
        turned = [equal_area_blocks(turn.apply(centres), block_size_km) for turn in Rotation.random(CANDIDATES, rng=rng)]
    grids = [(block, assign(block, strata, even, rng)) for block in turned]
    # The grid is taken under which the fold that fares worst keeps most places.
    block, fold = max(grids, key=lambda grid: min(_kept_with(grid[1] == number, pairs) for number in range(folds)))
    splits = []
    for number in range(folds):
        others, side = fold != number, np.full(len(fold), TEST)
        side[others] = assign(block[others], strata[others], rest, rng)
        splits.append(Split(block, side))
    return splits


def _kept_with(test: Flags, pairs: Integers) -> float:
    """The part of the places that the guard keeps when these are in test."""
    return float(outside_buffer(np.where(test, TEST, TRAIN), pairs).mean())


def _two_tries(
    block: Integers, strata: Integers, pairs: Integers, shares: Floats, rng: np.random.Generator
) -> tuple[Split, Split]:
    """A grid's sides by ``shares``, then by shares that make good what the guard took from each side at first."""
    first = assign(block, strata, shares, rng)
    kept = outside_buffer(first, pairs)
    left = np.array([kept[first == side].mean() if (first == side).any() else 1.0 for side in range(len(SUBSETS))])
    aim = shares / np.maximum(left, 0.1)
    return Split(block, first), Split(block, assign(block, strata, aim / aim.sum(), rng))


def equal_area_blocks(vectors: Floats, block_size_km: float) -> Integers:
    """Number of the block in which each unit vector (n, 3) lies.

    Zones about ``block_size_km`` high are cut into equally wide blocks, and the zones' edges are moved so that every block
    has the same area, as near to ``block_size_km`` squared as a whole number of blocks allows. After P. Leopardi, A
    partition of the unit sphere into regions of equal area and small diameter, ETNA 25 (2006) 309-327.
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


def assign(block: Integers, strata: Integers, shares: Floats, rng: np.random.Generator) -> Integers:
    """Sides of the places: whole blocks, in random order, each to the side that is left nearest to its due.

    A side's due is its share of every stratum. The squared distance to it, summed over sides and strata, is what each
    step makes smallest.

    Returns:
        (n,) index into `SIDES`.
    """
    _, block = np.unique(block, return_inverse=True)
    _, strata = np.unique(strata, return_inverse=True)
    content = np.zeros((block.max(initial=-1) + 1, strata.max(initial=-1) + 1))
    np.add.at(content, (block, strata), 1)
    content /= content.sum(axis=0)
    missing = np.repeat(shares[:, None], content.shape[1], axis=1)
    side = np.empty(len(content), dtype=np.int64)
    for number in rng.permutation(len(content)):
        # |missing - content|^2 - |missing|^2, of which only this depends on the side
        side[number] = np.argmax(missing @ content[number])
        missing[side[number]] -= content[number]
    return side[block]


def overlapping(pairs: Integers, places: Flags) -> Flags:
    """Which places share ground with one of ``places``.

    Args:
        pairs: (k, 2) numbers of places that share ground.
        places: (n,) flags.

    Returns:
        (n,) flags.
    """
    a, b = pairs.T
    meets = np.zeros(len(places), dtype=bool)
    meets[a[places[b]]] = True
    meets[b[places[a]]] = True
    return meets


def outside_buffer(side: Integers, pairs: Integers) -> Flags:
    """Which places stay when training gives way to validation and both to test, wherever they share ground."""
    kept: Flags = side == TEST
    for lower in (VALIDATION, TRAIN):
        kept |= (side == lower) & ~overlapping(pairs, kept)
    return kept


def _left_by_the_guard(side: Integers, strata: Integers, pairs: Integers, shares: Floats) -> tuple[float, float]:
    """The least part of its due that a side keeps of a stratum (at most 1), then the part of all places kept."""
    kept = outside_buffer(side, pairs)
    _, strata = np.unique(strata, return_inverse=True)
    due = shares[:, None] * np.bincount(strata)
    left = np.zeros_like(due)
    np.add.at(left, (side[kept], strata[kept]), 1)
    return float(np.minimum(left / due, 1).min()), float(kept.mean())
