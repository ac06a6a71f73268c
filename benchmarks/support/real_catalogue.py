"""The real catalogue at the mission's scale: the study's product identifiers on their WRS-2 polygons, with deposits.

The files are in the folder that the environment variable MINERAL_PIPELINE_DATA names. The polygons are the nominal ones
of path and row (USGS), so that all scenes of a location have the same footprint. Brightness, which needs the images, is
drawn at random; it only decides which scene of a location comes first.
"""

from __future__ import annotations

import os
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd

from benchmarks.support.synthetic_catalogue import BenchmarkCatalogue
from mineral_pipeline import geometry, labelling
from mineral_pipeline.curation import overlap
from mineral_pipeline.geometry import CRS, SphericalPolygons
from mineral_pipeline.labelling.deposits import MERGE_KM
from mineral_pipeline.workspace import identities

DATA = "MINERAL_PIPELINE_DATA"
"""Environment variable that names the folder of real data."""

IDENTIFIER = r"LT04_\w{4}_(\d{3})(\d{3})_.*"
"""Product identifiers of Landsat 4; the study's list contains some of Landsat 5 as well."""


def data_folder() -> Path:
    """Return the folder of real data.

    Raises:
        SystemExit: no folder is named.
    """
    folder = os.environ.get(DATA)
    if not folder:
        raise SystemExit(f"{DATA} is not set: it names the folder of real data")
    return Path(folder)


def read_deposits(folder: Path) -> np.ndarray:
    """Read the positions (m, 2) lon/lat of the real deposits, duplicates merged."""
    return _positions(_read_table(folder, MERGE_KM))


def read_catalogue(folder: Path) -> BenchmarkCatalogue:
    """Read every scene with its location, and every record of a deposit, duplicates included.

    Footprints are the convex hulls of the polygons, because most rivals know half-spaces only.
    """
    scenes, table = _read_scenes(folder), _read_table(folder, merge_km=0)
    return BenchmarkCatalogue(
        geometry.vertex_array(overlap.outlines(scenes.geometry, np.arange(len(scenes)))),
        pd.factorize(scenes["location_id"])[0],
        _positions(table).repeat(table["records"], axis=0),
    )


def _read_table(folder: Path, merge_km: float) -> pd.DataFrame:
    files = ("mrds-complete-records.csv", "mrds-partial.csv.gz", "other-sources.csv.gz")
    table: pd.DataFrame = labelling.read_deposits([str(folder / "deposits" / file) for file in files], merge_km).table
    return table


def _positions(table: pd.DataFrame) -> np.ndarray:
    return np.asarray(table[["lon", "lat"]], dtype=np.float64)


def _read_scenes(folder: Path) -> gpd.GeoDataFrame:
    """Return ``scene_id``, ``location_id`` and polygon of every scene of Landsat 4."""
    listed = pd.read_csv(folder / "index/product-ids-32371.txt.gz", header=None, names=["scene_id"])
    path_row = listed["scene_id"].str.extract(f"^{IDENTIFIER}$").dropna()
    scenes = pd.DataFrame({"scene_id": listed["scene_id"][path_row.index], "location_id": path_row[0] + path_row[1]})
    scenes = scenes.merge(_polygons(folder), on="location_id").sort_values(
        ["location_id", "scene_id"], ignore_index=True
    )
    return gpd.GeoDataFrame(scenes, geometry="geometry", crs=CRS)


def read_chips(folder: Path, deposits: np.ndarray) -> gpd.GeoDataFrame:
    """Make one labelled chip per scene, as `curation.assign_regions` returns them."""
    scenes = _read_scenes(folder)
    chips = scenes.assign(chip_id=scenes["scene_id"], chip_index=np.arange(len(scenes)))
    footprints = SphericalPolygons.of(chips.geometry)
    chips["lon"], chips["lat"] = geometry.lonlat(footprints.centres).T
    location = pd.factorize(chips["location_id"])[0]
    chips["n_deposits"] = np.diff(labelling.membership(footprints, deposits, location).indptr)
    chips["has_deposit"] = chips["n_deposits"] > 0
    chips["richness"] = np.log1p(chips["n_deposits"]) / np.log1p(chips["n_deposits"].max())
    chips["brightness"] = np.random.default_rng(0).uniform(20, 200, len(chips))
    chips["image_sha256"] = chips["drop_reason"] = chips["region"] = ""
    return chips


def _polygons(folder: Path) -> gpd.GeoDataFrame:
    """Return ``location_id`` and polygon of every path/row, as USGS draws it: in two parts across the antimeridian."""
    grid = gpd.read_file(folder / "wrs2/WRS2_descending.zip", columns=["PATH", "ROW"])
    keys = identities.location_ids(grid["PATH"], grid["ROW"])
    return gpd.GeoDataFrame({"location_id": keys}, geometry=grid.geometry, crs=CRS)
