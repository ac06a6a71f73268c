"""How many requests an object store gets: a request costs money, and tens of milliseconds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from chips import chip_table, outcome
from s3fs import S3FileSystem
from servers import BUCKET, S3Server, forget_clients

from mineral_pipeline.workspace import Workspace, artefacts, ledger, ledger_copy, zarr_store
from mineral_pipeline.workspace.zarr_store import ImageLayout

LAYOUT = ImageLayout(("B7",), 64, 4)


@pytest.fixture
def workspace(moto_server: S3Server, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Workspace]:
    """An empty workspace on the S3 emulator."""
    for name, value in moto_server.environment.items():
        monkeypatch.setenv(name, value)
    forget_clients()
    yield Workspace(f"s3://{BUCKET}/{tmp_path.name}")
    forget_clients()


@pytest.fixture
def requests(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """Number of requests by S3's name of the operation, Zarr's included."""
    counts: Counter[str] = Counter()
    call = S3FileSystem._call_s3

    async def counting(self: S3FileSystem, method: str, *arguments: object, **options: object) -> object:
        counts[method] += 1
        return await call(self, method, *arguments, **options)

    monkeypatch.setattr(S3FileSystem, "_call_s3", counting)
    return counts


def taken(requests: Counter[str]) -> dict[str, int]:
    """The requests since the last call."""
    found = dict(requests)
    requests.clear()
    return found


def test_a_file_is_one_request(workspace: Workspace, requests: Counter[str]) -> None:
    workspace.write_bytes("empty.bin", b"")
    workspace.write_table("one.parquet", pd.DataFrame({"a": [1]}))
    assert taken(requests) == {"put_object": 2}
    assert [workspace.exists(name) for name in ("one.parquet", "empty.bin", "one", "other/one.parquet")] == [1, 1, 0, 0]
    assert [workspace.is_file(name) for name in ("one.parquet", "empty.bin", "one")] == [True, True, False]
    assert taken(requests) == {"get_object": 7}
    assert workspace.read_table("one.parquet")["a"].tolist() == [1]
    assert len(workspace.read_bytes("one.parquet")) > 100
    assert taken(requests) == {"get_object": 2}
    workspace.remove_file("one.parquet")
    workspace.remove_file("one.parquet")
    assert taken(requests) == {"delete_object": 2}
    assert not workspace.exists("one.parquet")


def test_a_ledger_with_its_copy_is_a_listing_and_a_request(workspace: Workspace, requests: Counter[str]) -> None:
    for shard in range(5):
        ledger.write_part(workspace, shard, [outcome(shard, "abcde"[shard])])
    assert taken(requests) == {"put_object": 5}
    ledger_copy.update(workspace)
    assert taken(requests) == {"list_objects_v2": 1, "get_object": 1 + 5, "put_object": 1}
    assert ledger.read(workspace)["product_id"].tolist() == list("abcde")
    assert taken(requests) == {"list_objects_v2": 1, "get_object": 1}
    ledger.write_part(workspace, 3, [outcome(3, "D")])
    taken(requests)
    ledger_copy.update(workspace)
    assert taken(requests) == {"list_objects_v2": 1, "get_object": 1 + 1, "put_object": 1}
    assert ledger.read(workspace)["product_id"].tolist() == list("abcDe")


def test_a_shard_is_written_and_read_with_few_requests(workspace: Workspace, requests: Counter[str]) -> None:
    pixels = np.random.default_rng(0).integers(1, 255, (8, 1, 64, 64), "uint8")
    zarr_store.create_chips(workspace, chip_table(list("abcdefgh")), LAYOUT)
    taken(requests)
    zarr_store.write_shard(workspace, 1, pixels[4:])
    assert taken(requests) == {"get_object": 2, "delete_object": 1, "put_object": 1}  # Zarr looks for the one before
    zarr_store.write_shard(workspace, 0, pixels[:4])
    taken(requests)
    images = zarr_store.open_images(workspace, artefacts.CHIPS, {})
    assert taken(requests) == {"get_object": 1}
    np.testing.assert_array_equal(images.array[4:8], pixels[4:])
    assert taken(requests) == {"get_object": 1}
