"""The tables of a simulated archive: the index of its scenes, known deposits, land, and the ground truth."""

from __future__ import annotations

import gzip
from collections.abc import Mapping, Sequence

import geopandas as gpd
import numpy as np
import pandas as pd

from mineral_pipeline.geometry import CRS, cut_at_antimeridian
from mineral_pipeline.sensors.landsat import BUCKET, parse_product_id, product_folder
from mineral_pipeline.simulation.metadata import sensing_time
from mineral_pipeline.simulation.planet import Planet
from mineral_pipeline.simulation.scene import SENSOR, SimulatedScene
from mineral_pipeline.workspace.identities import location_ids

INDEX_COLUMNS = (
    "SCENE_ID", "PRODUCT_ID", "SPACECRAFT_ID", "SENSOR_ID", "DATE_ACQUIRED", "COLLECTION_NUMBER", "COLLECTION_CATEGORY",
    "SENSING_TIME", "DATA_TYPE", "WRS_PATH", "WRS_ROW", "CLOUD_COVER", "NORTH_LAT", "SOUTH_LAT", "WEST_LON", "EAST_LON",
    "TOTAL_SIZE", "BASE_URL",
)  # fmt: skip
"""Columns of the public bucket's ``index.csv.gz``."""

DEPOSIT_COLUMNS = (
    "site_name", "latitude", "longitude", "region", "country", "state", "county", "com_type", "commod1", "commod2",
    "commod3", "oper_type", "prod_size", "dev_stat", "ore", "gangue", "work_type", "hrock_type", "arock_type",
)  # fmt: skip
"""Columns of the USGS Mineral Resources Data System (MRDS)."""

SUITES = (
    ("Copper, Molybdenum", "Gold, Silver"), ("Gold", "Silver"), ("Lead, Zinc", "Silver"), ("Gold, Silver", "Antimony"),
    ("Tin, Tungsten", "Fluorine-Fluorite"), ("Uranium", "Vanadium"), ("Iron", "Copper, Gold"), ("Mercury", ""),
)  # fmt: skip
"""Major and minor commodities of a mineral system, in the names of MRDS."""

DEVELOPMENT_STATUSES = ("Occurrence", "Prospect", "Past Producer", "Producer")
SUITE_SALT = 20


def index(scenes: Sequence[SimulatedScene], sizes: Mapping[str, int]) -> bytes:
    """``index.csv.gz``: one row per scene; ``sizes`` are the bytes of each product."""
    rows = (_index_row(scene, sizes[scene.product_id]) for scene in scenes)
    return gzip.compress(_csv(pd.DataFrame(rows, columns=INDEX_COLUMNS)), mtime=0)


def _index_row(scene: SimulatedScene, size: int) -> tuple[object, ...]:
    product = parse_product_id(scene.product_id)
    longitudes, latitudes = scene.grid.corners.T.round(5)
    # A box that crosses the antimeridian runs from its west, above 0, to its east, below.
    east_of_centre = (longitudes - scene.location.swath.projection.longitude + 180) % 360
    west, east = longitudes[np.argmin(east_of_centre)], longitudes[np.argmax(east_of_centre)]
    return (
        scene.scene_id, scene.product_id, SENSOR.spacecraft, SENSOR.instrument, product.acquired, "01", product.tier,
        f"{product.acquired}T{sensing_time(scene)}", product.level, product.path, product.row,
        f"{scene.cloud_cover:.1f}", latitudes.max(), latitudes.min(), west, east, size,
        f"{BUCKET}/{product_folder(scene.product_id)}",
    )  # fmt: skip


def deposits(planet: Planet) -> bytes:
    """``deposits.csv``: the known deposits in the columns of MRDS, with a few rows without valid coordinates."""
    rng = np.random.default_rng([planet.seed, SUITE_SALT])
    suite = rng.integers(len(SUITES), size=len(planet.systems.deposits))
    systems = np.repeat(np.arange(len(suite)), planet.systems.deposits)
    statuses = rng.choice(DEVELOPMENT_STATUSES, len(systems))
    countries = [planet.islands[island].name for island in planet.systems.island[systems]]
    valid = [
        _deposit(f"{country} {number}", (lon, lat), country, SUITES[suite[system]], str(status))
        for number, (country, system, (lon, lat), status) in enumerate(
            zip(countries, systems, planet.deposits, statuses, strict=True), 1
        )
    ]
    table = pd.DataFrame([*valid, *_invalid_deposits()], columns=DEPOSIT_COLUMNS)
    return _csv(table.sample(frac=1, random_state=planet.seed % 2**32))


def _deposit(
    name: str, lonlat: tuple[float | str, float | str], country: str, suite: tuple[str, str], status: str
) -> dict[str, object]:
    longitude, latitude = (value if isinstance(value, str) else round(value, 5) for value in lonlat)
    return {
        "site_name": name, "latitude": latitude, "longitude": longitude, "region": "SIM", "country": country,
        "com_type": "M", "commod1": suite[0], "commod2": suite[1], "dev_stat": status,
    }  # fmt: skip


def _invalid_deposits() -> list[dict[str, object]]:
    """Rows as in real tables: without coordinates, or with impossible ones."""
    invalid: list[tuple[float | str, float | str]] = [("", ""), ("", 12.5), (10.0, 95.0), (400.0, 10.0)]
    return [
        _deposit(f"Unplaced {number}", lonlat, "", ("Gold", ""), "Occurrence")
        for number, lonlat in enumerate(invalid, 1)
    ]


def land(planet: Planet) -> bytes:
    """``land.geojson``: the islands, WGS 84, cut at the antimeridian."""
    outlines = cut_at_antimeridian(np.array([island.outline() for island in planet.islands]))
    table = gpd.GeoDataFrame({"name": [island.name for island in planet.islands]}, geometry=outlines, crs=CRS)
    return str(table.to_json(drop_id=True)).encode()


def truth(planet: Planet) -> pd.DataFrame:
    """``truth.parquet``: the simulated ground truth of every location.

    Returns:
        One row per location: ``location_id``, ``path``, ``row``, ``island``, ``on_land``, ``fertile``; ``n_deposits``
        and ``n_patches`` within its outline; ``expected_deposits`` given those patches and ``signal``.
    """
    locations, signal = planet.locations, planet.settings.signal
    paths = pd.Series([location.swath.path for location in locations])
    rows = pd.Series([location.swath.row for location in locations])
    deposits = np.array([location.swath.contains(planet.deposits).sum() for location in locations])
    seen = np.array([location.swath.contains(planet.patches.lonlat) for location in locations])
    on_land = np.array([location.on_land for location in locations])
    return pd.DataFrame(
        {
            "location_id": location_ids(paths, rows),
            "path": paths,
            "row": rows,
            "island": [location.island for location in locations],
            "on_land": on_land,
            "fertile": [location.fertile for location in locations],
            "n_deposits": deposits,
            "n_patches": seen.sum(axis=1),
            "expected_deposits": signal * (seen @ planet.patches.intensity) + (1 - signal) * deposits[on_land].mean(),
        }
    )


def _csv(table: pd.DataFrame) -> bytes:
    return table.to_csv(index=False, lineterminator="\n").encode()
