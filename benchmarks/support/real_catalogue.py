"""The real catalogue at the mission's scale: the study's product identifiers on their WRS-2 polygons, with deposits.

The files are those of the folder that the environment variable MINERAL_PIPELINE_DATA names. The polygons are the
nominal ones of their path and row (USGS): every visit to a place has the same footprint. Brightness, which needs the
images, is drawn at random; it only decides which visit to a place comes first.
"""

from __future__ import annotations

import os
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from benchmarks.support.synthetic_catalogue import World
from mineral_pipeline import geometry, labelling
from mineral_pipeline.curation import overlap
from mineral_pipeline.geometry import CRS
from mineral_pipeline.labelling.deposits import MERGE_KM

DATA = "MINERAL_PIPELINE_DATA"
"""Names the folder of real data."""

IDENTIFIER = r"LT04_\w{4}_(\d{3})(\d{3})_.*"
"""Landsat-4 scenes; the study's listing holds some of Landsat 5 as well."""

STRAIGHT = 1e-4
"""Degrees (11 m) by which a vertex may lie off the line of its neighbours: what is nearer is left out."""


def data_folder() -> Path:
    """The folder of real data.

    Raises:
        SystemExit: none is named.
    """
    folder = os.environ.get(DATA)
    if not folder:
        raise SystemExit(f"{DATA} is not set: it names the folder of real data")
    return Path(folder)


def read_deposits(folder: Path) -> np.ndarray:
    """Positions (m, 2) lon/lat of the real deposits, duplicates merged."""
    return _positions(_read_table(folder, MERGE_KM))


def read_world(folder: Path) -> World:
    """Every scene with its place, and every record of a deposit, repeated ones too."""
    scenes, table = _read_scenes(folder), _read_table(folder, merge_km=0)
    return World(
        geometry.vertex_array(scenes.geometry),
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
    """``product_id``, ``location_id`` and polygon of every identifier of Landsat 4."""
    identifiers = pd.read_csv(folder / "index/product-ids-32371.txt.gz", header=None, names=["product_id"])
    places = identifiers["product_id"].str.extract(f"^{IDENTIFIER}$").dropna()
    scenes = pd.DataFrame({"product_id": identifiers["product_id"][places.index], "location_id": places[0] + places[1]})
    scenes = scenes.merge(_polygons(folder), on="location_id").sort_values(["location_id", "product_id"], ignore_index=True)
    return gpd.GeoDataFrame(scenes, geometry="geometry", crs=CRS)


def read_chips(folder: Path, deposits: np.ndarray) -> gpd.GeoDataFrame:
    """One chip per scene, labelled, as `curation.read_chips` gives them."""
    chips = _read_scenes(folder)
    chips.insert(0, "chip", np.arange(len(chips)))
    footprints = geometry.vertex_array(chips.geometry)
    centres, _ = geometry.enclosing_circles(footprints)
    chips["lon"], chips["lat"] = geometry.lonlat(centres).T
    place = pd.factorize(chips["location_id"])[0]
    chips["n_deposits"] = np.diff(labelling.membership(footprints, deposits, place).indptr)
    chips["has_deposit"] = chips["n_deposits"] > 0
    chips["richness"] = np.log1p(chips["n_deposits"]) / np.log1p(chips["n_deposits"].max())
    chips["brightness"] = np.random.default_rng(0).uniform(20, 200, len(chips))
    chips["drop_reason"] = ""
    return chips


def _polygons(folder: Path) -> gpd.GeoDataFrame:
    """``location_id`` and polygon of every path/row, the spherical hull of the drawn one.

    Those in two parts are cut at the antimeridian and made whole. A few in the far south have vertices halfway along
    an edge that is straight in longitude and latitude, and so dented on the sphere.
    """
    grid = gpd.read_file(folder / "wrs2/WRS2_descending.zip", columns=["PATH", "ROW"])
    shapes = grid.geometry.to_numpy()
    cut = np.flatnonzero(shapely.get_num_geometries(shapes) > 1)
    shapes[cut] = shapely.union_all(_eastwards(shapes[cut])[:, None], axis=1)
    bucket = grid["PATH"].astype(int).map("{:03d}".format) + grid["ROW"].astype(int).map("{:03d}".format)
    drawn = gpd.GeoDataFrame({"location_id": bucket}, geometry=shapely.simplify(shapes, STRAIGHT), crs=CRS)
    return drawn.set_geometry(overlap.outlines(geometry.vertex_array(drawn.geometry), np.arange(len(drawn))), crs=CRS)


def _eastwards(shapes: np.ndarray) -> np.ndarray:
    """The shapes with longitudes of 0 to 360, continuous across the antimeridian."""
    moved: np.ndarray = shapely.transform(shapes, lambda lonlat: lonlat + 360 * (lonlat * [1, 0] < 0))
    return moved
