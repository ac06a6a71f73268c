"""The polygon on the ground that a scene's image covers: not its raster, of which a third is fill."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyproj
from affine import Affine
from pyproj.exceptions import ProjError
from rasterio.crs import CRS
from scipy import ndimage

from mineral_pipeline.geometry import unit_vectors
from mineral_pipeline.imagery.polygon import Floats, Lattice, convex_hull, lattice_hull, simplify
from mineral_pipeline.imagery.raster import Pixels, UnusableRaster

Flags = npt.NDArray[np.bool_]

MASK_SIZE = 512
"""Longest edge in cells of the coarse mask that tells image from noise: a cell is one pixel of every so many."""

GAP = 4
"""Cells across which parts belong together: stripes of a broken scan-line corrector, dark water with many zeros."""

THIN = 128
"""The raster's longest edge over the thickness of lines of noise, which run from the image into the fill."""

STRAY = 0.01
"""Share of the image below which a part lying apart is not of it."""

DEPTH = 4
"""Cells from the coarse edge inwards in which the first valid pixel is sought."""


def find_footprint(valid: Flags | Pixels, transform: Affine, crs: CRS) -> Floats:
    """Fit a convex polygon to the valid pixels of a scene.

    The hull of the outermost valid pixels, reduced to `polygon.VERTICES` vertices. What a coarse mask shows to be
    noise (single pixels, thin lines, small parts lying apart) does not count; gaps within the image do no harm. A
    corner or a side that is all fill cannot be told from the fill around the image, and is left out.

    Args:
        valid: (y, x), true or not 0 where there is image; few of a band's pixels are looked at.
        transform: from (column, row) of pixel corners to coordinates of ``crs``.
        crs: of the raster.

    Returns:
        (v, 2) lon/lat WGS 84, convex, counter-clockwise; longitudes are continuous across the antimeridian, the
        smallest within -180..180.

    Raises:
        UnusableRaster: the valid pixels span no area, or lie around a pole or where the projection is not defined.
    """
    step = -(-max(valid.shape) // MASK_SIZE)
    image = _image(valid[::step, ::step] != 0)
    outline = np.concatenate([_ends(valid, image, step), _ends(valid.T, image.T, step)[:, ::-1]])
    return convex_ring(_to_lonlat(simplify(lattice_hull(outline)) + 0.5, transform, crs))


def _image(mask: Flags) -> Flags:
    """The cells of the image and those beside it: gaps closed, thin lines and small parts lying apart left out."""
    joined, thin = _grown(mask, GAP), 2 * (max(mask.shape) // THIN)
    image = _grown(_shrunk(joined, GAP + thin), thin)
    if not image.any():  # a sliver is all there is
        image = _shrunk(joined, GAP)
    parts, _ = ndimage.label(image, np.ones((3, 3)))
    cells = np.bincount(parts[image], minlength=1)
    return _grown(image & (cells >= STRAY * cells.sum())[parts], 2)


def _grown(mask: Flags, cells: int) -> Flags:
    """The mask grown by half of ``cells`` on every side; beyond its edges it goes on as at its edges."""
    return np.asarray(ndimage.maximum_filter(mask.view(np.uint8), cells + 1, mode="nearest").view(np.bool_))


def _shrunk(mask: Flags, cells: int) -> Flags:
    """The mask shrunk by half of ``cells`` on every side, except at its edges."""
    return np.asarray(ndimage.minimum_filter(mask.view(np.uint8), cells + 1, mode="nearest").view(np.bool_))


def _ends(valid: Flags | Pixels, image: Flags, step: int) -> Lattice:
    """Column and row (n, 2) of the first and the last valid pixel of every line of the image."""
    lines = np.flatnonzero(np.repeat(image.any(axis=1), step)[: len(valid)])
    left = image.argmax(axis=1) * step
    right = (image.shape[1] - image[:, ::-1].argmax(axis=1)) * step - 1
    ends = []
    for edge, inwards in ((left, 1), (right, -1)):
        columns = edge[lines // step, None] + inwards * np.arange(DEPTH * step)
        columns = columns.clip(0, valid.shape[1] - 1)
        seen = valid[lines[:, None], columns] != 0
        some = np.flatnonzero(seen.any(axis=1))  # a stripe may leave a line without
        ends.append(np.column_stack([columns[some, seen[some].argmax(axis=1)], lines[some]]))
    return np.concatenate(ends)


def _to_lonlat(pixels: Floats, transform: Affine, crs: CRS) -> Floats:
    """Positions (n, 2) in lon/lat of positions (n, 2) in columns and rows."""
    x, y = np.reshape(transform[:6], (2, 3)) @ np.column_stack([pixels, np.ones(len(pixels))]).T
    try:
        to_lonlat = pyproj.Transformer.from_crs(crs, "EPSG:4326", always_xy=True)
    except ProjError as error:
        raise UnusableRaster(f"its coordinates do not lead to the Earth: {' '.join(str(error).split())}") from error
    lonlat = np.column_stack(to_lonlat.transform(x, y))
    if not np.isfinite(lonlat).all():
        raise UnusableRaster("it lies where its projection is not defined")
    return lonlat


def convex_ring(lonlat: Floats) -> Floats:
    """Order the vertices (n, 2) of a footprint, less any that their neighbours' great circle leaves inside.

    A straight edge of a projection bends on the sphere. Seen from the Earth's centre on a plane that touches the
    sphere at the footprint, great circles are straight (the gnomonic projection).

    Returns:
        (v, 2) lon/lat, counter-clockwise, longitudes continuous, the smallest within -180..180.

    Raises:
        UnusableRaster: the positions span no area, are not on the Earth, or lie around a pole or half the Earth.
    """
    vectors = unit_vectors(lonlat)
    up = vectors.mean(axis=0)
    height = vectors @ up
    if (height <= 0).any():
        raise UnusableRaster("positions half around the Earth")
    side = np.cross(np.eye(3)[np.abs(up).argmin()], up)
    plane = vectors @ np.column_stack([side, np.cross(up, side) / np.linalg.norm(up)])
    ring = lonlat[convex_hull(plane / height[:, None])]
    longitudes = np.unwrap(np.append(ring[:, 0], ring[0, 0]), period=360)
    if abs(longitudes[-1] - longitudes[0]) > 180:
        raise UnusableRaster("positions around a pole, where no Landsat has been")
    longitudes = longitudes[:-1] - 360 * np.floor((longitudes.min() + 180) / 360)
    return np.column_stack([longitudes, ring[:, 1]])
