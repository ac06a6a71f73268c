"""Stages of the pipeline on made-up catalogues of any size, step by step: what `benchmarks.scaling` times.

Every function returns the seconds of its steps; making the input is none of them.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from benchmarks.index import make_block, write_index
from benchmarks.support.synthetic_catalogue import LAND, make_world
from mineral_pipeline import archive, curation, geometry, labelling, settings
from mineral_pipeline.geometry import CRS
from mineral_pipeline.settings import Curate
from mineral_pipeline.workspace import Workspace, artefacts

DEPOSITS = 350_000
COMMODITIES = (
    "Gold",
    "Copper",
    "Silver",
    "Lead",
    "Zinc",
    "Iron",
    "Uranium",
    "Sand and Gravel",
    "Tungsten",
    "Manganese",
)
POSITIVE = 0.52
"""Share of the places with deposits, as on the real catalogue."""
ROWS_AT_ONCE = 100_000


class Steps(dict[str, float]):
    """Seconds by step."""

    def timed(self, name: str, step: Callable[[], Any]) -> Any:
        """Do a step."""
        start = time.perf_counter()
        found = step()
        self[name] = time.perf_counter() - start
        return found


def run_catalogue(scenes: int) -> Steps:
    """From an index of so many Landsat-4 rows to the catalogue."""
    steps = Steps()
    with tempfile.TemporaryDirectory() as folder:
        sizes = [min(ROWS_AT_ONCE, scenes - start) for start in range(0, scenes, ROWS_AT_ONCE)]
        blocks = [make_block(number, size, landsat_4=size) for number, size in enumerate(sizes)]
        write_index(Path(folder) / "index.csv.gz", blocks, 1)
        del blocks
        where, workspace = settings.Archive(url=folder), Workspace(folder)
        listing = steps.timed("find_products", lambda: archive.find_products(where, settings.Catalogue()))
        chosen = steps.timed("select_scenes", lambda: archive.select_scenes(listing).scenes)
        table = steps.timed("build_catalogue", lambda: archive.build_catalogue(chosen, where.url, 16))
        steps.timed("write", lambda: workspace.write_table(artefacts.CATALOGUE, table))
    return steps


def run_labelling(scenes: int) -> Steps:
    """From footprints in the ledger to labels."""
    steps, world, random = Steps(), make_world(scenes, DEPOSITS), np.random.default_rng(0)
    path, row = np.divmod(world.places, 1000)
    table = {"chip": np.arange(scenes), "product_id": "p", "path": path, "row": row}
    chips = gpd.GeoDataFrame(table, geometry=shapely.polygons(world.footprints), crs=CRS)
    held = pd.Series(random.choice(COMMODITIES, DEPOSITS), dtype="str")
    known = pd.DataFrame({"lon": world.deposits[:, 0], "lat": world.deposits[:, 1], "commodities": held})
    deposits = labelling.choose_deposits(known, len(COMMODITIES))
    counts = steps.timed("count_deposits", lambda: labelling.count_deposits(chips, deposits))
    steps.timed("finish_labels", lambda: labelling.finish_labels(counts, int(counts["n_deposits"].max())))
    return steps


def run_curation(scenes: int, split: str) -> Steps:
    """From labels to the choice of the samples and its leak."""
    steps = Steps()
    wanted = Curate.model_validate({"land": "-", "split": split, "block_size_km": 1000 if scenes > 5000 else 400})
    (chips, deposits), land = make_chips(scenes), make_land()
    places = steps.timed("find_places", lambda: curation.find_locations(chips))
    on_land = steps.timed("over_land", lambda: curation.is_on_land(places, land))
    chips = curation.drop_locations(chips, places["location_id"][~on_land], "over the ocean")
    division = steps.timed("divide", lambda: curation.make_split(chips, wanted, 0))
    samples = steps.timed("choose", lambda: curation.select(chips, division, "richness", wanted, 0))
    steps.timed("measure_leak", lambda: curation.measure_leakage(samples, deposits, 0.0))
    return steps


def make_chips(scenes: int, deposits: int = DEPOSITS, seed: int = 0) -> tuple[gpd.GeoDataFrame, np.ndarray]:
    """Chips of a simulated catalogue as `curation.read_chips` gives them, and deposits (m, 2) lon/lat.

    Labels are drawn by place: the true ones are another stage's work.
    """
    world, random = make_world(scenes, deposits, seed), np.random.default_rng(seed)
    places = int(world.places.max()) + 1
    rich = np.where(random.random(places) < POSITIVE, random.integers(1, 2000, places), 0)
    centres, _ = geometry.enclosing_circles(world.footprints)
    lonlat, counts = geometry.lonlat(centres), rich[world.places]
    number = np.arange(scenes)
    table = {
        "chip": number, "product_id": np.char.mod("%09d", number), "location_id": np.char.mod("%06d", world.places),
        "lon": lonlat[:, 0], "lat": lonlat[:, 1], "n_deposits": counts, "has_deposit": counts > 0,
        "richness": np.log1p(counts) / np.log(2000), "brightness": random.uniform(20, 200, scenes), "drop_reason": "",
    }  # fmt: skip
    return gpd.GeoDataFrame(table, geometry=shapely.polygons(world.footprints), crs=CRS), world.deposits


@cache
def make_land() -> gpd.GeoDataFrame:
    """The simulated continents, as circles of longitude and latitude."""
    circles = shapely.buffer(shapely.points(LAND[:, :2]), LAND[:, 2], quad_segs=64)
    return gpd.GeoDataFrame(geometry=shapely.clip_by_rect(circles, -360, -90, 360, 90), crs=CRS)
