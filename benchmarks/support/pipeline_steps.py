"""Stages of the pipeline on synthetic catalogues of any size, step by step, for `benchmarks.scaling`.

Every function returns the seconds of its steps, without the time to make the input.
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
from benchmarks.support.synthetic_catalogue import LAND, BenchmarkCatalogue, make_catalogue
from mineral_pipeline import archive, curation, geometry, labelling, settings
from mineral_pipeline.geometry import CRS
from mineral_pipeline.settings import Curate
from mineral_pipeline.workspace import Workspace, artefacts

OCEAN = "over the ocean"
"""Reason why chips outside the land are dropped."""

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
"""Fraction of the locations with deposits, as in the real catalogue."""
ROWS_PER_BLOCK = 100_000


class Steps(dict[str, float]):
    """Seconds by step."""

    def timed(self, name: str, step: Callable[[], Any]) -> Any:
        """Run a step and record its seconds; return its result."""
        start = time.perf_counter()
        found = step()
        self[name] = time.perf_counter() - start
        return found


def run_catalogue(scenes: int) -> Steps:
    """Make the catalogue from an index of so many Landsat-4 rows."""
    steps = Steps()
    with tempfile.TemporaryDirectory() as folder:
        sizes = [min(ROWS_PER_BLOCK, scenes - start) for start in range(0, scenes, ROWS_PER_BLOCK)]
        blocks = [make_block(number, size, landsat_4=size) for number, size in enumerate(sizes)]
        write_index(Path(folder) / "index.csv.gz", blocks, 1)
        del blocks
        config, workspace = settings.Archive(url=folder), Workspace(folder)
        listing = steps.timed("find_products", lambda: archive.find_products(config, settings.Catalogue()))
        chosen = steps.timed("select_scenes", lambda: archive.select_scenes(listing).scenes)
        table = steps.timed("build_catalogue", lambda: archive.build_catalogue(chosen, config.url, 16))
        steps.timed("write", lambda: workspace.write_table(artefacts.CATALOGUE, table))
    return steps


def run_labelling(scenes: int) -> Steps:
    """Make labels from the footprints of the ledger."""
    steps, catalogue, random = Steps(), make_catalogue(scenes, DEPOSITS), np.random.default_rng(0)
    chips = _identified(catalogue)
    held = pd.Series(random.choice(COMMODITIES, DEPOSITS), dtype="str")
    known = pd.DataFrame({"lon": catalogue.deposits[:, 0], "lat": catalogue.deposits[:, 1], "commodities": held})
    deposits = labelling.choose_deposits(known, len(COMMODITIES))
    counts = steps.timed("count_deposits", lambda: labelling.count_deposits(chips, deposits))
    steps.timed("finish_labels", lambda: labelling.finish_labels(counts, int(counts["n_deposits"].max())))
    return steps


def run_curation(scenes: int, split: str) -> Steps:
    """Select samples from labels, and measure their leakage."""
    steps = Steps()
    config = Curate.model_validate({"land": "-", "split": split, "block_size_km": 1000 if scenes > 5000 else 400})
    (chips, deposits), land = make_chips(scenes), make_land()
    locations = steps.timed("find_locations", lambda: curation.find_locations(chips))
    on_land = steps.timed("is_on_land", lambda: curation.is_on_land(locations, land))
    chips = curation.drop_locations(chips, locations["location_id"][~on_land], OCEAN)
    assignment = steps.timed("make_split", lambda: curation.make_split(chips, config, 0))
    samples = steps.timed("select", lambda: curation.select(chips, assignment, "richness", config, 0))
    steps.timed("measure_leakage", lambda: curation.measure_leakage(samples, deposits, 0.0))
    return steps


def make_chips(scenes: int, deposits: int = DEPOSITS, seed: int = 0) -> tuple[gpd.GeoDataFrame, np.ndarray]:
    """Make chips of a synthetic catalogue, as `curation.assign_regions` returns them, and deposits (m, 2) lon/lat.

    Labels are drawn at random by location, because labelling is another stage.
    """
    catalogue, random = make_catalogue(scenes, deposits, seed), np.random.default_rng(seed)
    n_locations = int(catalogue.locations.max()) + 1
    rich = np.where(random.random(n_locations) < POSITIVE, random.integers(1, 2000, n_locations), 0)
    centres, _ = geometry.enclosing_circles(catalogue.footprints)
    lonlat, counts = geometry.lonlat(centres), rich[catalogue.locations]
    chips = _identified(catalogue).assign(
        lon=lonlat[:, 0],
        lat=lonlat[:, 1],
        n_deposits=counts,
        has_deposit=counts > 0,
        richness=np.log1p(counts) / np.log(2000),
        brightness=random.uniform(20, 200, scenes),
        image_sha256="",
        drop_reason="",
        region="",
    )
    return chips, catalogue.deposits


def drop_ocean(chips: gpd.GeoDataFrame, land: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Drop the chips of locations whose centre is not on land."""
    locations = curation.find_locations(chips)
    on_land = curation.is_on_land(locations, land)
    return curation.drop_locations(chips, locations["location_id"][~on_land], OCEAN)


def _identified(catalogue: BenchmarkCatalogue) -> gpd.GeoDataFrame:
    """Make one chip per scene, with its keys and footprint."""
    number = np.arange(len(catalogue.footprints))
    scene_id, location_id = np.char.mod("%09d", number), np.char.mod("%06d", catalogue.locations)
    keys = {"chip_id": scene_id, "scene_id": scene_id, "location_id": location_id, "chip_index": number}
    return gpd.GeoDataFrame(keys, geometry=shapely.polygons(catalogue.footprints), crs=CRS)


@cache
def make_land() -> gpd.GeoDataFrame:
    """Make the continents of the synthetic catalogue, as circles of longitude and latitude."""
    circles = shapely.buffer(shapely.points(LAND[:, :2]), LAND[:, 2], quad_segs=64)
    return gpd.GeoDataFrame(geometry=shapely.clip_by_rect(circles, -360, -90, 360, 90), crs=CRS)
