"""The stores: whole pieces only, fill reads as 0, and xarray opens them without a warning."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from chips import chip_table

from mineral_pipeline.errors import DataError, WorkspaceError
from mineral_pipeline.workspace import Workspace, artefacts, zarr_store
from mineral_pipeline.workspace.zarr_store import ImageLayout


@pytest.fixture
def chips(workspace: Workspace) -> Workspace:
    """Ten chips of two bands in shards of four."""
    chips = chip_table([f"scene-{n}" for n in range(10)])
    zarr_store.create_chips(workspace, chips, ImageLayout(("B5", "B7"), 8, 4), {"source": "test"})
    return workspace


def test_an_empty_store_opens_with_xarray_alone(chips: Workspace) -> None:
    dataset = xr.open_zarr(chips.path(artefacts.CHIPS))

    assert dict(dataset.sizes) == {"chip": 10, "band": 2, "y": 8, "x": 8}
    assert set(dataset.coords) == {"chip_id", "scene_id", "location_id", "product_id", "band", "crs", "geo_transform"}
    assert dataset.product_id.values[9] == dataset.chip_id.values[9] == dataset.scene_id.values[9] == "scene-9"
    assert not dataset.image.values.any()
    assert dataset.attrs["source"] == "test"


def test_a_store_is_written_file_by_file_and_the_document_that_completes_it_last(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    written: list[str] = []

    def write(workspace: Workspace, name: str, content: bytes) -> None:
        assert not zarr_store.is_complete(workspace)
        written.append(name)
        write_bytes(workspace, name, content)

    write_bytes = Workspace.write_bytes
    monkeypatch.setattr(Workspace, "write_bytes", write)
    zarr_store.create_chips(workspace, chip_table(["a", "b"]), ImageLayout(("B7",), 8, 4))
    arrays = ("image", "chip_id", "scene_id", "location_id", "product_id", "band")
    assert sorted(written[:-1]) == sorted(
        [f"{artefacts.CHIPS}/{name}/zarr.json" for name in (*arrays, "crs", "geo_transform")]
        + [f"{artefacts.CHIPS}/{name}/c/0" for name in arrays[1:]]
    )
    assert written[-1] == f"{artefacts.CHIPS}/zarr.json"
    assert zarr_store.is_complete(workspace)


def test_a_store_without_consolidated_metadata_was_not_created_to_the_end(chips: Workspace) -> None:
    name = f"{artefacts.CHIPS}/zarr.json"
    document = json.loads(chips.read_bytes(name))
    assert zarr_store.is_complete(chips)
    del document["consolidated_metadata"]
    chips.write_bytes(name, json.dumps(document).encode())
    assert not zarr_store.is_complete(chips)


def test_damage_of_metadata_and_coordinates_is_named_and_can_be_undone(chips: Workspace) -> None:
    pixels = np.ones((4, 2, 8, 8), "uint8")
    zarr_store.write_shard(chips, 1, pixels)
    assert not list(zarr_store.find_metadata_faults(chips))
    files = [name for name in chips.sizes(artefacts.CHIPS) if not name.startswith("image/c/")]
    assert len(files) == 1 + 8 + 5, "two coordinates are written with the pixels"
    table, layout = chip_table([f"scene-{n}" for n in range(10)]), zarr_store.read_layout(chips)
    for name in files:
        file = Path(chips.path(f"{artefacts.CHIPS}/{name}"))
        content = file.read_bytes()
        middle = len(content) // 2
        flipped = content[:middle] + bytes([content[middle] ^ 4]) + content[middle + 1 :]
        for damaged in (flipped, content[:middle], b"", None, b"[" * 100_000):
            file.unlink() if damaged is None else file.write_bytes(damaged)
            found = list(zarr_store.find_metadata_faults(chips))
            assert found == [(f"{artefacts.CHIPS}/{name}", "is absent" if damaged is None else "is damaged")]
            if name == zarr_store.GROUP_METADATA:
                assert not zarr_store.is_complete(chips)
                with pytest.raises(WorkspaceError, match=r"chips\.zarr/zarr\.json (is damaged|cannot be read)"):
                    zarr_store.open_array(chips)
        zarr_store.create_chips(chips, table, layout, {"source": "test"}, keep_shards=True)
        assert not list(zarr_store.find_metadata_faults(chips))
        assert file.read_bytes() == content
    np.testing.assert_array_equal(np.asarray(zarr_store.open_array(chips)[4:8]), pixels)


@pytest.mark.parametrize(
    "content",
    ['{"attributes": "x"}', '{"attributes": {}}', '{"attributes": [1]}', '{"attributes": null}', "[]", "7", "{}"],
)
def test_a_document_of_another_form_is_damaged(chips: Workspace, content: str) -> None:
    chips.write_bytes(f"{artefacts.CHIPS}/{zarr_store.GROUP_METADATA}", content.encode())
    assert not zarr_store.is_complete(chips)
    with pytest.raises(WorkspaceError, match=r"chips\.zarr/zarr\.json is damaged \(.*\): run `mineral-pipeline repair"):
        zarr_store.read_attributes(chips)


def test_the_inner_chunk_is_one_chip_and_the_shard_the_unit_of_work(chips: Workspace) -> None:
    images = zarr_store.open_array(chips)

    assert images.chunks == (1, 2, 8, 8)
    assert images.shards == (4, 2, 8, 8)


def test_shards_land_where_they_belong(chips: Workspace) -> None:
    middle = np.arange(4 * 2 * 8 * 8, dtype="uint8").reshape(4, 2, 8, 8)
    last = np.full((2, 2, 8, 8), 7, "uint8")
    zarr_store.write_shard(chips, 1, middle)
    zarr_store.write_shard(chips, 2, last)

    images = zarr_store.open_dataset(chips).image.values
    np.testing.assert_array_equal(images[4:8], middle)
    np.testing.assert_array_equal(images[8:], last)
    assert not images[:4].any()


@pytest.mark.parametrize(
    ("shard", "shape", "dtype"),
    [
        (0, (3, 2, 8, 8), "uint8"),
        (2, (4, 2, 8, 8), "uint8"),
        (3, (4, 2, 8, 8), "uint8"),
        (3, (0, 2, 8, 8), "uint8"),
        (0, (4, 2, 8, 8), "uint16"),
    ],
)
def test_a_write_that_is_not_one_whole_shard_is_refused(
    chips: Workspace, shard: int, shape: tuple[int, ...], dtype: str
) -> None:
    with pytest.raises(DataError, match="write whole pieces only"):
        zarr_store.write_shard(chips, shard, np.ones(shape, dtype))


def test_a_training_store_has_its_labels_beside_the_pixels(workspace: Workspace) -> None:
    name = artefacts.samples_store("presence", "train")
    labels = np.linspace(0, 1, 5, dtype="float32")
    locations = np.array(["001002", "001002", "001003", "001004", "001004"])
    zarr_store.create_samples(workspace, name, ImageLayout(("B7",), 8, 2), {"label": labels, "location_id": locations})
    for batch, size in enumerate((2, 2, 1)):
        zarr_store.write_batch(workspace, name, batch, np.full((size, 1, 8, 8), batch + 1, "uint8"))

    dataset = xr.open_zarr(workspace.path(name))
    assert set(dataset.data_vars) == {"image", "label"}
    np.testing.assert_array_equal(dataset.label.values, labels)
    assert dataset.location_id.values.tolist() == locations.tolist()
    assert dataset.image.values[:, 0, 0, 0].tolist() == [1, 1, 2, 2, 3]
    assert zarr_store.open_array(workspace, name).chunks[0] == 2


def test_an_absent_store_says_what_to_do(workspace: Workspace) -> None:
    for opened in (zarr_store.open_dataset, zarr_store.open_array):
        with pytest.raises(
            WorkspaceError, match=r"chips\.zarr/zarr\.json cannot be read: .*: run the job that makes it"
        ):
            opened(workspace)


def test_a_damaged_shard_is_replaced(chips: Workspace) -> None:
    name = f"{artefacts.CHIPS}/image/c/0/0/0/0"
    shape = zarr_store.open_array(chips).shape
    images = np.ones((zarr_store.read_layout(chips).images_per_write, *shape[1:]), zarr_store.open_array(chips).dtype)
    zarr_store.write_shard(chips, 0, images)
    whole = chips.read_bytes(name)
    chips.write_bytes(name, whole[: len(whole) // 2])
    zarr_store.write_shard(chips, 0, images)
    assert chips.read_bytes(name) == whole
