"""A ledger of any size, made in seconds: all parts are slices of one table."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pyarrow as pa
import shapely

from mineral_pipeline.workspace import Workspace, artefacts, ledger, tables
from mineral_pipeline.workspace.ledger import Outcome, State
from mineral_pipeline.workspace.workspace import THREADS

CHIPS_PER_SHARD = 16
VERTICES = 8


def write_ledger(workspace: Workspace, scenes: int) -> None:
    """Write a ledger of ``scenes`` chips that are ok, each with its own identifiers, digests and footprint."""
    number = np.arange(scenes)
    angle = 2 * np.pi * np.arange(VERTICES) / VERTICES
    lon, lat = (number * 0.37) % 360 - 180, (number * 0.113) % 140 - 70
    ring = np.stack([lon[:, None] + np.cos(angle), lat[:, None] + np.sin(angle)], axis=-1)
    digests = [f"{one:064x}" for one in np.random.default_rng(0).integers(0, 2**62, scenes).tolist()]
    names = [f"LT04_L1TP_{one % 233 + 1:03d}{one % 120 + 1:03d}_{one:08d}_20170209_01_T1" for one in number.tolist()]
    one = Outcome("", "", "", 0, "", State.OK, geometry=shapely.Point(0, 0).buffer(1), footprint_source="image",
                  bytes=10_000, seconds=0.1, valid_fraction=0.66, crs="EPSG:32633",
                  geo_transform="100000.0 3000.0 0.0 200000.0 0.0 -3000.0", path=1, row=1, acquired="1988-01-01",
                  cloud_cover=10.0, host="node", worker="tcp://127.0.0.1:40000")  # fmt: skip
    base = ledger.to_table([one])
    table = base.loc[np.zeros(scenes, int)].reset_index(drop=True).assign(
        chip_id=names, scene_id=names, product_id=names, location_id=[name[10:16] for name in names],
        chip_index=number, sha256=digests, image_sha256=digests[::-1], brightness=number % 251 + 0.5,
        geometry=shapely.polygons(ring),
    )  # fmt: skip
    whole: pa.Table = tables.decode_arrow(tables.encode(table))

    def write(shard: int) -> None:
        part = whole.slice(shard * CHIPS_PER_SHARD, CHIPS_PER_SHARD)
        workspace.write_bytes(artefacts.ledger_part(shard), tables.encode_arrow([part], {}))

    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(write, range(-(-scenes // CHIPS_PER_SHARD))))
