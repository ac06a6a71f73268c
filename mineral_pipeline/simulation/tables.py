"""The tables of a simulated archive: the index of its scenes, known deposits, land, and the truth behind them."""

from __future__ import annotations

import gzip
from collections.abc import Mapping, Sequence

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from shapely.affinity import translate

from mineral_pipeline.geometry import CRS
from mineral_pipeline.sensors.landsat import parse_product_id, product_folder
from mineral_pipeline.simulation.metadata import sensing_time
from mineral_pipeline.simulation.planet import Planet
from mineral_pipeline.simulation.scene import Scene

BUCKET = "gs://gcp-public-data-landsat"
"""What the index names as the place of every scene; a reader puts its archive's own URL there."""

INDEX_COLUMNS = (
    "SCENE_ID", "PRODUCT_ID", "SPACECRAFT_ID", "SENSOR_ID", "DATE_ACQUIRED", "COLLECTION_NUMBER", "COLLECTION_CATEGORY",
    "SENSING_TIME", "DATA_TYPE", "WRS_PATH", "WRS_ROW", "CLOUD_COVER", "NORTH_LAT", "SOUTH_LAT", "WEST_LON", "EAST_LON",
    "TOTAL_SIZE", "BASE_URL",
)  # fmt: skip
"""Of the public bucket's ``index.csv.gz``."""

DEPOSIT_COLUMNS = (
    "site_name", "latitude", "longitude", "region", "country", "state", "county", "com_type", "commod1", "commod2",
    "commod3", "oper_type", "prod_size", "dev_stat", "ore", "gangue", "work_type", "hrock_type", "arock_type",
)  # fmt: skip
"""Of the USGS Mineral Resources Data System."""

SUITES = (
    ("Copper, Molybdenum", "Gold, Silver"), ("Gold", "Silver"), ("Lead, Zinc", "Silver"), ("Gold, Silver", "Antimony"),
    ("Tin, Tungsten", "Fluorine-Fluorite"), ("Uranium", "Vanadium"), ("Iron", "Copper, Gold"), ("Mercury", ""),
)  # fmt: skip
"""Main and lesser commodities of a mineral system, in the names of MRDS."""

STATES = ("Occurrence", "Prospect", "Past Producer", "Producer")
SUITE_SALT = 20


def index(scenes: Sequence[Scene], sizes: Mapping[str, int]) -> bytes:
    """``index.csv.gz``: one row per scene; ``sizes`` are the bytes of each product."""
    rows = (_index_row(scene, sizes[scene.product_id]) for scene in scenes)
    return gzip.compress(_csv(pd.DataFrame(rows, columns=INDEX_COLUMNS)), mtime=0)


def _index_row(scene: Scene, size: int) -> tuple[object, ...]:
    product = parse_product_id(scene.product_id)
    longitudes, latitudes = scene.grid.corners.T.round(5)
    # A box that crosses the antimeridian runs from its west, above 0, to its east, below.
    east_of_centre = (longitudes - scene.place.swath.frame.longitude + 180) % 360
    west, east = longitudes[np.argmin(east_of_centre)], longitudes[np.argmax(east_of_centre)]
    return (
        scene.scene_id, scene.product_id, "LANDSAT_4", "TM", product.acquired, "01", product.tier,
        f"{product.acquired}T{sensing_time(scene)}", product.level, product.path, product.row,
        f"{scene.cloud_cover:.1f}", latitudes.max(), latitudes.min(), west, east, size,
        f"{BUCKET}/{product_folder(scene.product_id)}",
    )  # fmt: skip


def deposits(planet: Planet) -> bytes:
    """``deposits.csv``: the known deposits in the columns of MRDS, with a few rows that no reader can place."""
    rng = np.random.default_rng([planet.seed, SUITE_SALT])
    suite = rng.integers(len(SUITES), size=len(planet.systems.deposits))
    maker = np.repeat(np.arange(len(suite)), planet.systems.deposits)
    states = rng.choice(STATES, len(maker))
    countries = [planet.islands[island].name for island in planet.systems.island[maker]]
    good = [
        _deposit(f"{country} {number}", latitude, longitude, country, SUITES[suite[system]], str(state))
        for number, (country, system, (longitude, latitude), state) in enumerate(
            zip(countries, maker, planet.deposits, states, strict=True), 1
        )
    ]
    table = pd.DataFrame([*good, *_unusable()], columns=DEPOSIT_COLUMNS)
    return _csv(table.sample(frac=1, random_state=planet.seed % 2**32))


def _deposit(
    name: str, latitude: float | str, longitude: float | str, country: str, suite: tuple[str, str], state: str
) -> dict[str, object]:
    place = [value if isinstance(value, str) else round(value, 5) for value in (latitude, longitude)]
    return {
        "site_name": name, "latitude": place[0], "longitude": place[1], "region": "SIM", "country": country,
        "com_type": "M", "commod1": suite[0], "commod2": suite[1], "dev_stat": state,
    }  # fmt: skip


def _unusable() -> list[dict[str, object]]:
    """Rows as real tables hold them: without coordinates, or with impossible ones."""
    wrong: list[tuple[float | str, float | str]] = [("", ""), (12.5, ""), (95.0, 10.0), (10.0, 400.0)]
    return [
        _deposit(f"Unplaced {number}", *place, "", ("Gold", ""), "Occurrence") for number, place in enumerate(wrong, 1)
    ]


def land(planet: Planet) -> bytes:
    """``land.geojson``: the islands, WGS 84, cut at the antimeridian."""
    table = gpd.GeoDataFrame(
        {"name": [island.name for island in planet.islands]},
        geometry=[_cut(island.outline()) for island in planet.islands],
        crs=CRS,
    )
    return str(table.to_json(drop_id=True)).encode()


def _cut(polygon: shapely.Polygon) -> shapely.Geometry:
    """A polygon whose longitudes pass 180, in pieces within -180 to 180."""
    turns = [translate(polygon, 360 * turn).intersection(shapely.box(-180, -90, 180, 90)) for turn in (-1, 0, 1)]
    return shapely.orient_polygons(shapely.union_all([piece for piece in turns if not piece.is_empty]))


def truth(planet: Planet) -> pd.DataFrame:
    """What a perfect geologist would know of every place.

    Returns:
        One row per place: ``location_id``, ``path``, ``row``, ``island``, ``on_land``, ``fertile``; ``n_deposits`` and
        ``n_patches`` within its outline; ``expected_deposits`` for who sees those patches, and knows ``signal``.
    """
    outlines = [place.swath for place in planet.places]
    deposits = np.array([swath.contains(planet.deposits).sum() for swath in outlines])
    seen = np.array([swath.contains(planet.patches.lonlat) for swath in outlines])
    on_land = np.array([place.on_land for place in planet.places])
    signal = planet.settings.signal
    return pd.DataFrame(
        {
            "location_id": [f"{swath.path:03d}{swath.row:03d}" for swath in outlines],
            "path": [swath.path for swath in outlines],
            "row": [swath.row for swath in outlines],
            "island": [place.island for place in planet.places],
            "on_land": on_land,
            "fertile": [place.fertile for place in planet.places],
            "n_deposits": deposits,
            "n_patches": seen.sum(axis=1),
            "expected_deposits": signal * (seen @ planet.patches.intensity) + (1 - signal) * deposits[on_land].mean(),
        }
    )


def _csv(table: pd.DataFrame) -> bytes:
    return table.to_csv(index=False, lineterminator="\n").encode()
