"""Finds the polygon on the ground that the valid pixels of a scene cover; about a third of its raster is fill."""

from __future__ import annotations

import numpy as np
import pyproj
from affine import Affine
from pyproj.exceptions import ProjError
from rasterio.crs import CRS
from scipy import ndimage

from mineral_pipeline.errors import one_line
from mineral_pipeline.geometry import Flags, Floats, Integers, unit_vectors
from mineral_pipeline.imagery.plane_polygons import convex_hull, lattice_hull, simplify
from mineral_pipeline.imagery.raster import Pixels, UnusableRaster

MASK_SIZE = 512
"""Maximum edge of the coarse mask that tells image from noise, in cells: one pixel out of every ``step`` x ``step``."""

MAX_GAP = 4
"""Width in cells of gaps that are closed: stripes of a broken scan-line corrector, dark water with many zeros."""

THIN_RATIO = 128
"""Ratio of the raster's longest edge to the thickness of lines of noise, which run from the image into the fill."""

MIN_PART_FRACTION = 0.01
"""Fraction of the image below which a separate part does not belong to it."""

SEARCH_DEPTH = 4
"""Cells from the coarse edge inwards in which the first valid pixel is sought."""


def find_footprint(valid: Flags | Pixels, transform: Affine, crs: CRS) -> Floats:
    """Fit a convex polygon to the valid pixels of a scene.

    It is the hull of the outermost valid pixels, reduced to `plane_polygons.MAX_VERTICES` vertices. Noise (single
    pixels, thin lines, small separate parts) is found on a coarse mask and left out; gaps within the image do no harm.
    A corner or a side that is all fill cannot be told from the fill around the image, and is left out too.

    Args:
        valid: (y, x), true or not 0 where there is image; only few of its pixels are read.
        transform: from (column, row) of pixel corners to coordinates of ``crs``.
        crs: coordinate reference system of the raster.

    Returns:
        (v, 2) lon/lat WGS 84, convex, counter-clockwise; longitudes are continuous across the antimeridian, the
        smallest within -180..180.

    Raises:
        UnusableRaster: the valid pixels span no area, surround a pole, or lie where the projection is not defined.
    """
    step = -(-max(valid.shape) // MASK_SIZE)
    image = _image_mask(valid[::step, ::step] != 0)
    outline = np.concatenate([_line_ends(valid, image, step), _line_ends(valid.T, image.T, step)[:, ::-1]])
    return convex_ring(_to_lonlat(simplify(lattice_hull(outline)) + 0.5, transform, crs))


def _image_mask(mask: Flags) -> Flags:
    """Return the cells of the image and their neighbours, with gaps closed, thin lines and small parts left out."""
    joined, thin = _dilate(mask, MAX_GAP), 2 * (max(mask.shape) // THIN_RATIO)
    image = _dilate(_erode(joined, MAX_GAP + thin), thin)
    if not image.any():  # the image itself is as thin as noise
        image = _erode(joined, MAX_GAP)
    parts, _ = ndimage.label(image, np.ones((3, 3)))
    cells = np.bincount(parts[image], minlength=1)
    return _dilate(image & (cells >= MIN_PART_FRACTION * cells.sum())[parts], 2)


def _dilate(mask: Flags, cells: int) -> Flags:
    """Grow a mask by half of ``cells`` on every side; beyond the raster it continues as at its edges."""
    return np.asarray(ndimage.maximum_filter(mask.view(np.uint8), cells + 1, mode="nearest").view(np.bool_))


def _erode(mask: Flags, cells: int) -> Flags:
    """Shrink a mask by half of ``cells`` on every side, except at the edges of the raster."""
    return np.asarray(ndimage.minimum_filter(mask.view(np.uint8), cells + 1, mode="nearest").view(np.bool_))


def _line_ends(valid: Flags | Pixels, image: Flags, step: int) -> Integers:
    """Return column and row (n, 2) of the first and the last valid pixel of every line of the image.

    Args:
        valid: (y, x), true or not 0 where there is image.
        image: cells of the image as in `_image_mask`.
        step: edge of a cell in pixels.
    """
    lines = np.flatnonzero(np.repeat(image.any(axis=1), step)[: len(valid)])
    left = image.argmax(axis=1) * step
    right = (image.shape[1] - image[:, ::-1].argmax(axis=1)) * step - 1
    ends = []
    for edge, inwards in ((left, 1), (right, -1)):
        columns = edge[lines // step, None] + inwards * np.arange(SEARCH_DEPTH * step)
        columns = columns.clip(0, valid.shape[1] - 1)
        seen = valid[lines[:, None], columns] != 0
        found = np.flatnonzero(seen.any(axis=1))  # a stripe of fill may cover a line
        ends.append(np.column_stack([columns[found, seen[found].argmax(axis=1)], lines[found]]))
    return np.concatenate(ends)


def _to_lonlat(pixels: Floats, transform: Affine, crs: CRS) -> Floats:
    """Convert positions (n, 2) from columns and rows to lon/lat."""
    x, y = np.reshape(transform[:6], (2, 3)) @ np.column_stack([pixels, np.ones(len(pixels))]).T
    try:
        to_lonlat = pyproj.Transformer.from_crs(crs, "EPSG:4326", always_xy=True)
    except ProjError as error:
        raise UnusableRaster(f"its coordinates do not lead to the Earth: {one_line(error)}") from error
    lonlat = np.column_stack(to_lonlat.transform(x, y))
    if not np.isfinite(lonlat).all():
        raise UnusableRaster("it lies where its projection is not defined")
    return lonlat


def convex_ring(lonlat: Floats) -> Floats:
    """Order the vertices (n, 2) lon/lat of a footprint, without those inside of their spherical convex hull.

    A straight edge of a map projection bends on the sphere, so that vertices along it may lie inside of the hull. In
    the gnomonic plane that touches the sphere at the footprint great circles are straight lines.

    Returns:
        (v, 2) lon/lat, counter-clockwise, longitudes continuous, the smallest within -180..180.

    Raises:
        UnusableRaster: the positions span no area, are not on the Earth, or surround a pole or half the Earth.
    """
    vectors = unit_vectors(lonlat)
    up = vectors.mean(axis=0)
    height = vectors @ up
    if (height <= 0).any():
        raise UnusableRaster("positions half around the Earth")
    # Not by geometry.gnomonic, whose rounding differs: the hull would start at another vertex of some footprints.
    right = np.cross(np.eye(3)[np.abs(up).argmin()], up)
    plane = vectors @ np.column_stack([right, np.cross(up, right) / np.linalg.norm(up)])
    ring = lonlat[convex_hull(plane / height[:, None])]
    longitudes = np.unwrap(np.append(ring[:, 0], ring[0, 0]), period=360)
    if abs(longitudes[-1] - longitudes[0]) > 180:
        raise UnusableRaster("positions around a pole, where no Landsat has been")
    longitudes = longitudes[:-1] - 360 * np.floor((longitudes.min() + 180) / 360)
    return np.column_stack([longitudes, ring[:, 1]])
