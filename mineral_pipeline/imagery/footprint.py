"""The polygon on the ground that a scene's image covers: not its raster, of which a third is fill."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyproj
from affine import Affine
from pyproj.exceptions import ProjError
from rasterio.crs import CRS
from scipy import ndimage

from mineral_pipeline.imagery.downsampling import half_valid
from mineral_pipeline.imagery.polygon import Floats, convex_hull, simplify
from mineral_pipeline.imagery.raster import UnusableRaster
from mineral_pipeline.sphere import unit_vectors

Flags = npt.NDArray[np.bool_]

MASK_SIZE = 512
"""Longest edge in pixels of the mask that a footprint is fitted to; larger ones are made that small."""

GAP = 4
"""Pixels of the mask across which parts belong together (the stripes that a broken scan-line corrector leaves)."""

STRAY = 0.01
"""Share of the valid pixels below which a part lying apart is not of the image."""


def find_footprint(valid: Flags, transform: Affine, crs: CRS) -> Floats:
    """Fit a convex polygon to the valid pixels of a scene.

    The hull of the centres of the valid pixels of a mask of at most `MASK_SIZE`, reduced to `polygon.VERTICES`
    vertices. Stray pixels apart from the image do not count.

    Args:
        valid: (y, x), true where there is image.
        transform: from (column, row) of pixel corners to coordinates of ``crs``.
        crs: of the raster.

    Returns:
        (v, 2) lon/lat WGS 84, convex, counter-clockwise; longitudes are continuous across the antimeridian, the
        smallest within -180..180.

    Raises:
        UnusableRaster: the valid pixels span no area, or lie where the projection is not defined.
    """
    mask = half_valid(valid, MASK_SIZE)
    outline = _outline(_without_strays(mask))
    hull = simplify(outline[convex_hull(outline)])
    pixels = hull * np.divide(valid.shape, mask.shape)[::-1]
    return convex_ring(_to_lonlat(pixels, transform, crs))


def _without_strays(mask: Flags) -> Flags:
    """The mask without parts that are small and lie apart."""
    joined = ndimage.binary_dilation(mask, np.ones((3, 3)), iterations=GAP // 2)
    parts, _ = ndimage.label(joined, np.ones((3, 3)))
    pixels = np.bincount(parts[mask], minlength=1)
    return np.asarray(mask & (pixels >= STRAY * pixels.sum())[parts])


def _outline(mask: Flags) -> Floats:
    """Centres (n, 2), as column and row, of the first and the last pixel of every line that has one."""
    rows = np.flatnonzero(mask.any(axis=1))
    first = mask[rows].argmax(axis=1)
    last = mask.shape[1] - 1 - mask[rows, ::-1].argmax(axis=1)
    return np.column_stack([np.concatenate([first, last]), np.concatenate([rows, rows])]) + 0.5


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
        UnusableRaster: the positions span no area, or are not on the Earth.
    """
    vectors = unit_vectors(lonlat)
    up = vectors.mean(axis=0)
    east = np.array([-up[1], up[0], 0.0])
    north = np.cross(up, east)
    plane = vectors @ np.column_stack([east / np.linalg.norm(east), north / np.linalg.norm(north)])
    ring = lonlat[convex_hull(plane / (vectors @ up)[:, None])]
    longitudes = np.unwrap(ring[:, 0], period=360)
    longitudes -= 360 * np.floor((longitudes.min() + 180) / 360)
    return np.column_stack([longitudes, ring[:, 1]])
