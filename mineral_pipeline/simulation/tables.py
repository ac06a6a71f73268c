"""The tables of a simulated archive: the index of its scenes, known deposits and land."""

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
from mineral_pipeline.simulation.systems import displaced

INDEX_COLUMNS = (
    "SCENE_ID", "PRODUCT_ID", "SPACECRAFT_ID", "SENSOR_ID", "DATE_ACQUIRED", "COLLECTION_NUMBER", "COLLECTION_CATEGORY",
    "SENSING_TIME", "DATA_TYPE", "WRS_PATH", "WRS_ROW", "CLOUD_COVER", "NORTH_LAT", "SOUTH_LAT", "WEST_LON", "EAST_LON",
    "TOTAL_SIZE", "BASE_URL",
)  # fmt: skip
"""Columns of the public bucket's ``index.csv.gz``."""

DEPOSIT_COLUMNS = (
    "site_name", "latitude", "longitude", "region", "country", "state", "county", "com_type", "commod1", "commod2",
    "commod3", "oper_type", "prod_size", "dev_stat", "ore", "gangue", "work_type", "hrock_type", "arock_type",
    "disc_yr",
)  # fmt: skip
"""Columns of the USGS Mineral Resources Data System (MRDS)."""

SUITES = (
    ("Copper, Molybdenum", "Gold, Silver"), ("Gold", "Silver"), ("Lead, Zinc", "Silver"), ("Gold, Silver", "Antimony"),
    ("Tin, Tungsten", "Fluorine-Fluorite"), ("Uranium", "Vanadium"), ("Iron", "Copper, Gold"), ("Mercury", ""),
)  # fmt: skip
"""Major and minor commodities of a mineral system, in the names of MRDS."""

DEVELOPMENT_STATUSES = ("Occurrence", "Prospect", "Past Producer", "Producer")
SUITE_SALT = 20

ERROR_KM, FAR_ERROR_KM = 0.1, 8.0
"""Usual distance of a listed position from the true one, and that of the share `FAR_OFF`."""

FAR_OFF, LISTED_TWICE, WRONG_SIGN = 0.02, 0.04, 0.002
"""Shares of the known deposits."""


def suite_numbers(planet: Planet) -> np.ndarray:
    """(site,) index into `SUITES` of the mineral system that there is, or would be."""
    return _suites(np.random.default_rng([planet.seed, SUITE_SALT]), planet)


def _suites(rng: np.random.Generator, planet: Planet) -> np.ndarray:
    return rng.integers(len(SUITES), size=len(planet.sites.island))


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
    """``deposits.csv``: the known deposits in the columns of MRDS, with the errors of real tables.

    Positions are off by some 100 m, a few by many km; some deposits are listed twice, a few longitudes have the wrong
    sign, and some rows have no valid coordinates.
    """
    rng = np.random.default_rng([planet.seed, SUITE_SALT])
    suite, known = _suites(rng, planet), planet.deposits.is_known
    sites, years = planet.deposits.site[known], planet.deposits.year[known]
    listed = np.sort(np.concatenate([np.arange(len(sites)), np.flatnonzero(rng.random(len(sites)) < LISTED_TWICE)]))
    is_far = rng.random(len(listed)) < FAR_OFF
    error = rng.rayleigh(np.where(is_far, FAR_ERROR_KM, ERROR_KM))
    lonlat = displaced(planet.deposits.lonlat[known][listed], error, rng.uniform(0, 2 * np.pi, len(listed)))
    lonlat[rng.random(len(listed)) < WRONG_SIGN, 0] *= -1
    statuses = rng.choice(DEVELOPMENT_STATUSES, len(sites))
    islands = [island.name for island in planet.islands]
    valid = [
        _deposit(f"{islands[planet.sites.island[sites[i]]]} {i + 1}", position, SUITES[suite[sites[i]]])
        | {"country": islands[planet.sites.island[sites[i]]], "dev_stat": statuses[i], "disc_yr": years[i]}
        for i, position in zip(listed.tolist(), lonlat.round(5).tolist(), strict=True)
    ]
    table = pd.DataFrame([*valid, *_invalid_deposits()], columns=DEPOSIT_COLUMNS)
    table["disc_yr"] = table["disc_yr"].astype("Int64")
    return _csv(table.sample(frac=1, random_state=planet.seed % 2**32))


def _deposit(name: str, lonlat: Sequence[float | str], suite: tuple[str, str]) -> dict[str, object]:
    return {
        "site_name": name, "latitude": lonlat[1], "longitude": lonlat[0], "region": "SIM", "com_type": "M",
        "commod1": suite[0], "commod2": suite[1], "dev_stat": "Occurrence",
    }  # fmt: skip


def _invalid_deposits() -> list[dict[str, object]]:
    """Rows as in real tables: without coordinates, or with impossible ones."""
    invalid: list[tuple[float | str, float | str]] = [("", ""), ("", 12.5), (10.0, 95.0), (400.0, 10.0)]
    return [_deposit(f"Unplaced {number}", lonlat, ("Gold", "")) for number, lonlat in enumerate(invalid, 1)]


def land(planet: Planet) -> bytes:
    """``land.geojson``: the islands, WGS 84, cut at the antimeridian."""
    outlines = cut_at_antimeridian(np.array([island.outline() for island in planet.islands]))
    table = gpd.GeoDataFrame({"name": [island.name for island in planet.islands]}, geometry=outlines, crs=CRS)
    return str(table.to_json(drop_id=True)).encode()


def _csv(table: pd.DataFrame) -> bytes:
    return table.to_csv(index=False, lineterminator="\n").encode()
