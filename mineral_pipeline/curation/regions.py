"""Regions: continents, or polygons of the user's, and which of them each location lies in."""

from __future__ import annotations

import warnings
from pathlib import Path

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd

from mineral_pipeline.curation.chips import find_locations
from mineral_pipeline.curation.polygon_file import read_polygons
from mineral_pipeline.curation.polygons import find_containing
from mineral_pipeline.errors import SettingsError
from mineral_pipeline.geometry import Flags, Integers
from mineral_pipeline.settings import Curate

CONTINENTS = Path(__file__).with_name("continents.geojson")
"""Coarse continents, which go on into the sea and together cover the Earth; docs/science.md tells their boundaries."""

NOWHERE = ""
"""Region of a location that lies in none: these are a region of their own."""


def read_regions(config: Curate) -> gpd.GeoDataFrame:
    """Read the regions of the settings: ``name`` and polygons, in the order of their file; a name may have many rows.

    Raises:
        SettingsError: the file cannot be read, has no column of names, or a row without a name.
        DataError: it holds no polygons.
    """
    path, column = config.regions or str(CONTINENTS), config.region_column or "name"
    table = read_polygons(path, "curate.regions")
    if column not in table or column == table.geometry.name:
        known = ", ".join(map(str, table.columns.drop(table.geometry.name)))
        raise SettingsError(f"curate.region_column: {path} has no column {column}: choose among {known or 'none'}")
    names = table[column].astype("string").str.strip().fillna("")
    if unnamed := table.index[names == ""].tolist():
        raise SettingsError(f"curate.regions: rows {unnamed[:10]} of {path} have no name in {column}: give them one")
    return gpd.GeoDataFrame({"name": names.astype(str)}, geometry=table.geometry)


def check_test_regions(config: Curate) -> None:
    """Refuse ``curate.test_regions`` that the regions do not have.

    Raises:
        SettingsError: as `read_regions`, or a name is unknown; the message lists those there are.
    """
    if config.test_regions:
        known = sorted(set(read_regions(config)["name"]))
        if unknown := [name for name in config.test_regions if name not in known]:
            raise SettingsError(
                f"curate.test_regions: unknown {', '.join(map(repr, unknown))}: choose among {', '.join(known)}"
            )


def assign_regions(chips: gpd.GeoDataFrame, regions: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Add the column ``region``, the name of the region in which the centre of a chip's location lies.

    A location in several regions is in the first of the file, with a warning; one in none, and a chip without a
    footprint, have `NOWHERE`.

    Args:
        chips: chips as `read_chips` gives them.
        regions: regions as `read_regions` gives them.
    """
    locations = find_locations(chips)
    names, several = find_regions(locations.get_coordinates().to_numpy(), regions)
    if several.any():
        warnings.warn(
            f"curate.regions: {several.sum():,} of {len(names):,} locations lie in several regions, such as"
            f" {locations['location_id'][several].iloc[0]}: each is in the first of the file",
            stacklevel=2,
        )
    by_location = pd.Series(names, index=locations["location_id"])
    return chips.assign(region=chips["location_id"].map(by_location).fillna(NOWHERE).astype(str))


def find_regions(points: npt.ArrayLike, regions: gpd.GeoDataFrame) -> tuple[npt.NDArray[np.object_], Flags]:
    """The region in which each point lies.

    Args:
        points: (n, 2) longitude and latitude, as for `find_containing`.
        regions: ``name`` and polygons.

    Returns:
        Names (n,) of the first region of the file that a point lies in, or `NOWHERE`; flags (n,) where there are more.
    """
    count, names = len(np.asarray(points)), np.append(regions["name"].to_numpy(dtype=object), NOWHERE)
    point, row = find_containing(points, regions)
    first: Integers = np.full(count, len(regions))
    np.minimum.at(first, point, row)
    several = np.zeros(count, dtype=bool)
    several[point[names[row] != names[first[point]]]] = True
    return names[first], several
