"""Images: whatever becomes of their bytes, they are what was written, or refused."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from chips import chip_table, outcome, write_shard

from mineral_pipeline.errors import WorkspaceError
from mineral_pipeline.workspace import Workspace, artefacts, zarr_store
from mineral_pipeline.workspace.ledger import State

CHIPS, PER_SHARD = 10, 4
NOT_OK = 5


@pytest.fixture
def chips(workspace: Workspace) -> Workspace:
    """Ten chips in shards of four, one of them without pixels."""
    names = [f"scene-{number}" for number in range(CHIPS)]
    zarr_store.create_chips(workspace, chip_table(names), zarr_store.ImageLayout(("B7",), 8, PER_SHARD))
    pixels = np.random.default_rng(0).integers(1, 255, (CHIPS, 1, 8, 8), dtype=np.uint8)
    pixels[NOT_OK] = 0
    outcomes = [outcome(number, name, State.OK) for number, name in enumerate(names)]
    for shard, start in enumerate(range(0, CHIPS, PER_SHARD)):
        write_shard(workspace, shard, outcomes[start : start + PER_SHARD], pixels[start : start + PER_SHARD])
    part = artefacts.ledger_part(NOT_OK // PER_SHARD)
    table = workspace.read_table(part)
    table.loc[table["chip_index"] == NOT_OK, "image_sha256"] = ""
    workspace.write_table(part, table)
    return workspace


def shard(number: int) -> str:
    return f"{artefacts.CHIPS}/image/c/{number}/0/0/0"


def test_chips_come_in_the_order_asked_for(chips: Workspace) -> None:
    images = zarr_store.open_chips(chips, np.arange(CHIPS))
    stored = np.asarray(zarr_store.open_array(chips))
    for rows in ([3, 9, 0, 3], [4, 5, 6], [NOT_OK], []):
        np.testing.assert_array_equal(images.read(np.array(rows, int)), stored[rows])
    assert images.images_per_file == PER_SHARD
    assert [images.find_fault(number) for number in range(3)] == [None] * 3


@pytest.mark.parametrize("rows", [[3, 3], [2, 1, 0], [5, 4], [7, 7, 7], [9], [0, 2], [8, 7, 8]])
def test_chips_may_be_asked_for_backwards_and_again(chips: Workspace, rows: list[int]) -> None:
    images = zarr_store.open_chips(chips, np.arange(CHIPS))
    np.testing.assert_array_equal(images.read(np.array(rows)), np.asarray(zarr_store.open_array(chips))[rows])


@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
def test_a_file_of_one_chunk_is_decoded_past_zarr_while_it_is_whole(workspace: Workspace, dtype: str) -> None:
    layout, labels = zarr_store.ImageLayout(("B5", "B7"), 8, PER_SHARD, dtype), {"label": np.zeros(2 * PER_SHARD, "f4")}
    zarr_store.create_samples(workspace, "samples.zarr", layout, labels)
    pixels = np.random.default_rng(0).integers(1, 255, (PER_SHARD, 2, 8, 8)).astype(dtype)
    zarr_store.write_batch(workspace, "samples.zarr", 0, pixels)
    images, place = zarr_store.open_images(workspace, "samples.zarr", {}), np.zeros_like(pixels)
    checksum = images.decode_file(0, place)
    np.testing.assert_array_equal(place, pixels)
    assert checksum is not None
    assert images.decode_file(1, place) is None, "it is absent"
    assert images.decode_file(0, np.zeros_like(pixels[:2])) is None, "it holds more"
    path = Path(workspace.path(images.file(0)))
    content = path.read_bytes()
    for damaged in (content[:-1], content[:10], b"", content[:-9] + bytes([content[-9] ^ 1]) + content[-8:]):
        path.write_bytes(damaged)
        assert images.decode_file(0, place) is None
    zarr_store.write_batch(workspace, "samples.zarr", 0, pixels + 1)
    assert images.decode_file(0, place) not in (None, checksum)
    np.testing.assert_array_equal(place, pixels + 1)


def test_a_shard_of_many_chunks_is_left_to_zarr(chips: Workspace) -> None:
    images = zarr_store.open_chips(chips, np.arange(CHIPS))
    assert images.decode_file(0, np.zeros((PER_SHARD, 1, 8, 8), np.uint8)) is None


def test_no_flipped_bit_is_read(chips: Workspace) -> None:
    images, content = zarr_store.open_chips(chips, np.arange(CHIPS)), Path(chips.path(shard(1))).read_bytes()
    for bit in np.random.default_rng(1).choice(len(content) * 8, 60, replace=False):
        damaged = bytearray(content)
        damaged[bit // 8] ^= 1 << (bit % 8)
        Path(chips.path(shard(1))).write_bytes(damaged)
        assert images.find_fault(1), bit
        with pytest.raises(WorkspaceError, match=rf"{shard(1)} .*: run `mineral-pipeline repair SETTINGS`$"):
            images.read(np.arange(4, 8))
        assert images.read(np.arange(4)).any(), "other shards can be read"


@pytest.mark.parametrize("length", [0, 1, 10, 100, -1])
def test_a_truncated_shard_is_refused(chips: Workspace, length: int) -> None:
    images, path = zarr_store.open_chips(chips, np.arange(CHIPS)), Path(chips.path(shard(0)))
    path.write_bytes(path.read_bytes()[:length])
    for rows in (np.arange(4), np.array([2, 8])):
        with pytest.raises(WorkspaceError, match=f"{shard(0)} "):
            images.read(rows)


def test_an_absent_shard_is_fill_only_where_the_ledger_says_so(chips: Workspace) -> None:
    images = zarr_store.open_chips(chips, np.arange(CHIPS))
    chips.remove(shard(1))
    assert not images.read(np.array([NOT_OK])).any()
    assert images.find_fault(1) == "is absent"
    with pytest.raises(WorkspaceError, match=rf"{shard(1)} is absent: run"):
        images.read(np.array([NOT_OK, NOT_OK + 1]))


def test_a_shard_in_the_place_of_another_is_refused(chips: Workspace) -> None:
    images = zarr_store.open_chips(chips, np.arange(CHIPS))
    chips.write_bytes(shard(0), chips.read_bytes(shard(1)))
    with pytest.raises(WorkspaceError, match=rf"{shard(0)} holds 4 of 4 images otherwise than they were written"):
        images.read(np.array([2, 9]))
    chips.write_bytes(shard(1), chips.read_bytes(shard(2)))  # and pixels where there should be none
    assert images.find_fault(1) == "holds 4 of 4 images otherwise than they were written, the first at 4"


def test_all_images_of_a_shard_that_may_be_read_come_at_once(chips: Workspace) -> None:
    stored, images = np.asarray(zarr_store.open_array(chips)), zarr_store.open_chips(chips, np.arange(CHIPS))
    for number, expected in enumerate(([0, 1, 2, 3], [4, 5, 6, 7], [8, 9])):
        rows, found = images.read_file(number)
        assert rows.tolist() == expected
        np.testing.assert_array_equal(found, stored[expected])
    some = replace(images, digests={row: images.digests[row] for row in (4, 7, 9)})
    rows, found = some.read_file(1)
    assert rows.tolist() == [4, 7]
    np.testing.assert_array_equal(found, stored[[4, 7]])


def test_of_a_damaged_shard_come_the_images_that_are_whole_or_an_error(chips: Workspace) -> None:
    path, images = Path(chips.path(shard(1))), zarr_store.open_chips(chips, np.arange(CHIPS))
    content = bytearray(path.read_bytes())
    content[5] ^= 1  # of the first chunk that was written
    path.write_bytes(content)
    with pytest.raises(WorkspaceError, match=rf"{shard(1)} is damaged"):
        images.read_file(1)
    whole = [row for row in range(4, 8) if not replace(images, digests={row: images.digests[row]}).find_fault(1)]
    assert len(whole) == 3
    rows, found = replace(images, digests={row: images.digests[row] for row in whole}).read_file(1)
    assert rows.tolist() == whole
    np.testing.assert_array_equal(found, images.read(np.array(whole)))
    chips.write_bytes(shard(2), chips.read_bytes(shard(0)))
    with pytest.raises(WorkspaceError, match=rf"{shard(2)} holds 2 of 2 images otherwise"):
        images.read_file(2)


def test_a_folder_in_the_place_of_a_shard_is_no_traceback(chips: Workspace) -> None:
    images, path = zarr_store.open_chips(chips, np.arange(CHIPS)), Path(chips.path(shard(0)))
    path.unlink()
    path.mkdir()
    with pytest.raises(WorkspaceError, match="chips"):
        images.read(np.arange(2))


def test_chips_without_a_ledger_part_are_refused(chips: Workspace) -> None:
    chips.remove(artefacts.ledger_part(2))
    assert zarr_store.open_chips(chips, np.array([0, 7])).read(np.array([7])).any()
    with pytest.raises(WorkspaceError, match=r"part-00002\.parquet"):
        zarr_store.open_chips(chips, np.array([0, 8]))
