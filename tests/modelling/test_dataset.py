"""Subsets of the samples, their permuted labels, and reading their pixels."""

from __future__ import annotations

import tracemalloc
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import pandas as pd
import pytest
from chips import chip_table, outcome, stored_images, write_shard
from hypothesis import given
from hypothesis import strategies as st
from sample_orders import check_order
from synthetic_samples import write_samples

from mineral_pipeline.errors import DataError, WorkspaceError
from mineral_pipeline.learning import SUBSETS
from mineral_pipeline.modelling import chunk_cache, dataset
from mineral_pipeline.modelling.batch_sequence import BatchSequence
from mineral_pipeline.modelling.chunk_cache import ChunkCache, batch_rows, shuffle_rows
from mineral_pipeline.modelling.dataset import (
    SAMPLE_COLUMNS,
    Samples,
    Subset,
    open_chips,
    open_subset,
    permute_labels,
)
from mineral_pipeline.workspace import Workspace, artefacts, zarr_store
from mineral_pipeline.workspace.digests import digest_array
from mineral_pipeline.workspace.images import Images


@given(length=st.integers(1, 500), chunk=st.integers(1, 40), buffer=st.integers(1, 6), seed=st.integers(0, 9))
def test_shuffling_is_a_permutation_that_needs_few_chunks_at_a_time(
    length: int, chunk: int, buffer: int, seed: int
) -> None:
    check_order(lambda: shuffle_rows(length, chunk, np.random.default_rng(seed), buffer), length, chunk, buffer)


@pytest.fixture
def images(tmp_path: Path) -> Images:
    return stored_images(tmp_path, np.random.default_rng(0).integers(0, 255, (50, 1, 4, 4), dtype="uint8"))


@pytest.mark.parametrize("max_bytes", [0, 10**6])
def test_pixels_come_in_the_order_asked_for(images: Images, max_bytes: int) -> None:
    cache, rng = ChunkCache(images, max_bytes=max_bytes), np.random.default_rng(1)
    for _ in range(20):
        rows = rng.integers(0, 50, rng.integers(1, 30))
        np.testing.assert_array_equal(cache.take(rows), np.asarray(images.array)[rows])
    cache.close()


def test_a_small_subset_is_decoded_once_and_a_large_one_is_not_kept(
    images: Images, monkeypatch: pytest.MonkeyPatch
) -> None:
    read, found = Images.read, list[int]()
    monkeypatch.setattr(Images, "read", lambda self, rows: found.append(len(rows)) or read(self, rows))
    for max_bytes, reads in ((10**6, 7), (0, 14)):
        found.clear()
        cache = ChunkCache(images, max_bytes)
        for _ in range(2):
            for rows in batch_rows(np.arange(50), 8):
                cache.take(rows)
        cache.close()
        assert len(found) == reads


@pytest.mark.parametrize(("kept", "tasks"), [(50, [[0, 1, 2, 3, 4, 5, 6]]), (5, [[0, 1], [2, 3]]), (1, [])])
def test_small_chunks_are_decoded_a_few_in_a_task(
    images: Images, kept: int, tasks: list[list[int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """But in no larger tasks than half of the chunks that are kept, and no more chunks ahead than there is room for."""
    read, found = ChunkCache._read_all, list[list[int]]()
    monkeypatch.setattr(ChunkCache, "_read_all", lambda self, numbers: found.append(numbers) or read(self, numbers))
    cache = ChunkCache(images, kept * 8 * 16, threads=1)
    assert cache.prefetch(np.arange(50)) == (kept == 50)
    assert cache.prefetch(np.arange(16)) == (kept > 1), "what is there already needs no room"
    np.testing.assert_array_equal(cache.take(np.arange(16)), np.asarray(images.array)[:16])
    cache.close()
    assert found == (tasks or [[0], [1]]), "one by one when they are needed"


def test_a_chunk_that_makes_room_at_once_for_another_of_its_batch_is_still_read(
    images: Images, monkeypatch: pytest.MonkeyPatch
) -> None:
    class AtOnce(ThreadPoolExecutor):
        def submit(self, *call: Any) -> Any:
            task = super().submit(*call)
            task.result()
            return task

    monkeypatch.setattr(chunk_cache, "ThreadPoolExecutor", AtOnce)
    for kept in (1, 2, 5):
        cache = ChunkCache(images, kept * 8 * 16)
        for rows in (np.arange(0, 50, 7), np.arange(50)[::-1], np.arange(10)):
            np.testing.assert_array_equal(cache.take(rows), np.asarray(images.array)[rows])
        cache.close()


def test_reading_ahead_goes_on_where_there_was_no_room(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    write_samples(workspace, "presence", locations=30, chips=2, size=32, batch=4)
    asked, full = list[int](), {3}

    def prefetch(self: ChunkCache, rows: np.ndarray) -> bool:
        asked.append(int(rows[0]) // 4)
        return asked[-1] not in full

    monkeypatch.setattr(ChunkCache, "prefetch", prefetch)
    sequence = BatchSequence(open_subset(workspace, "presence", "train"))
    for number, expected in ((0, [1, 2, 3]), (1, [3]), (2, [3, 4, 5, 6]), (3, [7]), (0, [1, 2, 3, 4]), (2, [5, 6])):
        full -= {3} if number == 2 else set()
        asked.clear()
        sequence[number]
        assert asked == expected
    sequence.on_epoch_begin()
    asked.clear()
    sequence[1]
    assert asked == [2, 3, 4, 5], "an epoch may have another order"
    sequence.close()


@pytest.mark.parametrize("order", ["of the store", "backwards", "every third"])
def test_reading_all_images_decodes_each_file_once_and_keeps_few(
    images: Images, order: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = {"of the store": np.arange(50), "backwards": np.arange(50)[::-1], "every third": np.arange(0, 50, 3)}[order]
    monkeypatch.setattr(dataset, "PIXELS_AT_ONCE", 4 * 4 * 5)
    read, decode, found, kept = Images.read, ChunkCache._decode, list[int](), set[int]()
    monkeypatch.setattr(Images, "read", lambda self, rows: found.append(int(rows[0]) // 8) or read(self, rows))

    def watched(self: ChunkCache, numbers: list[int]) -> Any:
        started = decode(self, numbers)
        kept.add(len(self._chunks))
        return started

    monkeypatch.setattr(ChunkCache, "_decode", watched)
    batches = list(Samples(images, rows, pd.DataFrame).read_images())
    assert [len(batch) for batch in batches[:-1]] == [5] * (len(batches) - 1)
    np.testing.assert_array_equal(np.concatenate(batches), np.asarray(images.array)[rows])
    assert sorted(found) == list(range(7)), "files of 8 images"
    assert max(kept) <= {"every third": 6}.get(order, 3), "those of three batches"


def subset_of(label: list[float], location_id: list[str], group: list[int] | None = None) -> Subset:
    nothing, table = cast(Images, None), pd.DataFrame({"location_id": location_id})
    groups = np.array(group) if group is not None else np.unique(location_id, return_inverse=True)[1]
    return Subset(nothing, table, np.array(label, "float32"), np.ones(len(label)), groups)


@given(
    locations=st.lists(st.tuples(st.integers(1, 4), st.sampled_from([0.0, 1.0])), min_size=1, max_size=30),
    seed=st.integers(0, 9),
)
def test_permuting_moves_the_labels_of_whole_locations(locations: list[tuple[int, float]], seed: int) -> None:
    """Where every location is a group of its own, as under a split by buckets."""
    location_id = [f"{number:06d}" for number, (chips, _) in enumerate(locations) for _ in range(chips)]
    made = subset_of([label for chips, label in locations for _ in range(chips)], location_id)
    for subset in (made, replace(made, group=np.zeros(len(location_id)))):  # and in a single block
        other = permute_labels(subset, seed)
        of_locations = [set(other.label[other.table["location_id"] == name]) for name in np.unique(location_id)]
        assert all(len(labels) == 1 for labels in of_locations), "a location contradicts itself"
        assert sorted(label for (label,) in of_locations) == sorted(label for _, label in locations)
        np.testing.assert_array_equal(other.label, permute_labels(subset, seed).label)


@given(common=st.integers(2, 30), rare=st.integers(1, 5), seed=st.integers(0, 9))
def test_permuted_classes_weigh_what_they_weighed(common: int, rare: int, seed: int) -> None:
    label = np.repeat([0.0, 1.0], [common, rare])
    made = subset_of(label.tolist(), [f"{number:03d}" for number in range(len(label))])
    weight = np.where(label, len(label) / rare, len(label) / common) / 2
    other = permute_labels(replace(made, weight=weight.astype("float32")), seed)
    sums = [
        sum(float(one) for one, of in zip(other.weight, other.label, strict=True) if of == value) for value in (0, 1)
    ]
    np.testing.assert_allclose(sums, len(label) / 2, rtol=1e-5)


def test_permuting_keeps_the_labels_of_a_location_together_when_they_differ() -> None:
    made = subset_of([0.1, 0.2, 0.8, 0.9], ["a", "a", "b", "b"])
    assert permute_labels(made, 0).label.astype(float).round(1).tolist() == [0.8, 0.9, 0.1, 0.2]


@given(sizes=st.lists(st.integers(1, 12), min_size=2, max_size=20), seed=st.integers(0, 9))
def test_permuting_exchanges_the_labels_of_whole_blocks(sizes: list[int], seed: int) -> None:
    """The label of a location names its block and its place in it, so that one sees where labels come from."""
    block = np.repeat(np.arange(len(sizes)), sizes)
    place = np.concatenate([np.arange(size) for size in sizes])
    location_id = [f"{number:06d}" for number in np.repeat(np.arange(len(block)), 2)]
    made = subset_of(np.repeat(block + place / 100, 2).tolist(), location_id, np.repeat(block, 2).tolist())
    other = permute_labels(made, seed).label.reshape(-1, 2)
    np.testing.assert_array_equal(other[:, 0], other[:, 1])
    givers = []
    for number, size in enumerate(sizes):
        label = other[block == number, 0].astype(float)
        (giver,) = set(label.astype(int))
        givers.append(giver)
        assert (np.diff(label) >= 0).all(), "neighbours stay neighbours"
        assert len(set(label.round(2))) == min(size, sizes[giver])
    assert sorted(givers) == list(range(len(sizes)))
    assert all(giver != number for number, giver in enumerate(givers)), "no block keeps its labels"
    ranks = np.argsort(np.argsort(sizes, kind="stable"))
    like = np.sort(sizes)
    for number, giver in enumerate(givers):
        assert abs(int(ranks[number]) - int(ranks[giver])) <= max(4, (like == sizes[number]).sum() + 4), "of like size"


def test_permuting_keeps_the_share_of_the_classes() -> None:
    rng = np.random.default_rng(0)
    sizes = rng.integers(5, 60, 60)
    block, rich = np.repeat(np.arange(60), sizes), rng.random(60)
    label = (rng.random(len(block)) < rich[block]).astype(float)
    made = subset_of(label.tolist(), [f"{number:06d}" for number in range(len(block))], block.tolist())
    drawn = np.array([permute_labels(made, seed).label for seed in range(20)])
    assert np.abs(drawn.mean(axis=1) - label.mean()).max() < 0.04
    assert len({one.tobytes() for one in drawn}) == 20
    within = [np.corrcoef(one[:-1][np.diff(block) == 0], one[1:][np.diff(block) == 0])[0, 1] for one in (label, *drawn)]
    assert np.mean(within[1:]) == pytest.approx(within[0], abs=0.07), "neighbours are as alike as in truth"


def test_samples_know_their_group_whatever_the_order_of_the_table(workspace: Workspace) -> None:
    table = write_samples(workspace, "presence", locations=30, chips=2, size=32)
    stored = workspace.read_table(artefacts.samples_table("presence"))
    workspace.write_table(artefacts.samples_table("presence"), stored.sample(frac=1, random_state=0))
    for subset in SUBSETS:
        expected = table[table["subset"] == subset]["location_id"].astype(int) // 2
        np.testing.assert_array_equal(open_subset(workspace, "presence", subset).group, expected)
    workspace.write_table(artefacts.samples_table("presence"), stored[stored["sample"] > 0])
    with pytest.raises(DataError, match="run curate again"):
        open_subset(workspace, "presence", "test")


def test_an_epoch_streams_every_sample_once_with_its_own_label(curated: Workspace) -> None:
    opened = open_subset(curated, "richness", "train")
    whole = np.asarray(opened.images.array)
    by_pixels = {image.tobytes(): label for image, label in zip(whole, opened.label, strict=True)}
    orders = []
    sequence = BatchSequence(opened, seed=3)
    for _ in range(2):
        sequence.on_epoch_begin()
        parts = [sequence[number] for number in range(len(sequence))]
        images, labels = (np.concatenate([part[kind] for part in parts]) for kind in (0, 1))
        assert images.dtype == np.uint8
        assert len(images) == len(whole)
        assert len({image.tobytes() for image in images}) == len(by_pixels)
        assert [by_pixels[image.tobytes()] for image in images] == labels[:, 0].tolist()
        orders.append(labels[:, 0].tolist())
    sequence.close()
    assert orders[0] != orders[1]
    again = BatchSequence(opened, seed=3)
    again.on_epoch_begin()
    assert [label for number in range(len(again)) for label in again[number][1][:, 0].tolist()] == orders[0]
    again.close()


def test_a_subset_is_refused_when_it_cannot_be_learned_from(workspace: Workspace) -> None:
    with pytest.raises(WorkspaceError, match="run the job that makes it"):
        open_subset(workspace, "presence", "train")
    for count, label, message in ((0, 0.0, "holds no samples"), (2, 7.0, "labels must lie in 0..1")):
        facts = {"sample": 0, "subset": "train", "label": label, "weight": 1.0, "group": 0, "image_sha256": ""}
        table = pd.DataFrame([facts | dict.fromkeys(SAMPLE_COLUMNS, "092084")] * 2)
        workspace.write_table(artefacts.samples_table("presence"), table[:count])
        with pytest.raises(DataError, match=message):
            open_subset(workspace, "presence", "train")


def test_chips_of_the_chip_store_have_the_facts_of_their_labels(workspace: Workspace) -> None:
    zarr_store.create_chips(workspace, chip_table(["a", "b", "c"]), zarr_store.ImageLayout(("B7",), 4, 3))
    pixels = np.arange(3, dtype="uint8").repeat(16).reshape(3, 1, 4, 4)
    write_shard(workspace, 0, [outcome(number, "abc"[number]) for number in range(3)], pixels)
    labels = pd.DataFrame({key: ["of c", "of a"] for key in SAMPLE_COLUMNS}).assign(chip_index=[2, 0])
    workspace.write_table(artefacts.labels_part(0), labels)
    samples = open_chips(workspace, [0, 2, 0])
    assert list(samples.table.columns) == SAMPLE_COLUMNS
    assert samples.table["chip_id"].tolist() == ["of a", "of c", "of a"]
    assert [images[:, 0, 0, 0].tolist() for images in samples.read_images()] == [[0, 2, 0]]
    unlabelled = open_chips(workspace, [1])
    assert len(unlabelled) == 1, "its pixels can be read"
    with pytest.raises(DataError, match="lacks some of the chips"):
        _ = unlabelled.table


@pytest.mark.parametrize("damage", ["flipped", "absent", "of the next batch"])
def test_a_batch_that_is_not_what_curate_wrote_is_refused(workspace: Workspace, damage: str) -> None:
    write_samples(workspace, "presence", locations=30, chips=2, size=32, batch=8)
    store = artefacts.samples_store("presence", "train")
    first, second = (f"{store}/image/c/{number}/0/0/0" for number in range(2))
    content = workspace.read_bytes(first)
    workspace.remove(first)
    if damage == "flipped":
        workspace.write_bytes(first, content[:50] + bytes([content[50] ^ 1]) + content[51:])
    elif damage == "of the next batch":
        workspace.write_bytes(first, workspace.read_bytes(second))
    sequence = BatchSequence(open_subset(workspace, "presence", "train"))
    assert len(sequence[1][0]) == 8
    with pytest.raises(WorkspaceError, match=rf"{first} (is|holds) .*: run `mineral-pipeline repair SETTINGS`"):
        sequence[0]
    sequence.close()


@pytest.mark.parametrize("neighbourhoods", [False, True])
def test_a_stream_keeps_to_its_memory(tmp_path: Path, neighbourhoods: bool) -> None:
    """Seven bands of 16 bits at 512 pixels, in batches of 16: 56 MB each, of which 32 would take 1.9 GB."""
    stored = sparse_images(tmp_path, batches=12, bands=7, size=512, dtype="uint16")
    count = len(stored.digests)
    places = pd.DataFrame(np.random.default_rng(0).uniform(-80, 80, (count, 2)), columns=["lon", "lat"])
    subset = Subset(stored, places, np.zeros(count, "float32"), np.ones(count, "float32"), np.arange(count))
    tracemalloc.start()
    for memory_mb, mixed in ((512, 4), (150, 1)):
        sequence = BatchSequence(subset, seed=0, neighbourhoods=neighbourhoods, max_bytes=memory_mb * 2**20)
        sequence.on_epoch_begin()
        tracemalloc.reset_peak()
        before, seen = tracemalloc.get_traced_memory()[0], []
        for number in range(len(sequence)):
            images, _, _ = sequence[number]
            seen.append(images[:, 0, 0, 0].astype(int) // 16)  # which chunk
            del images
        peak = tracemalloc.get_traced_memory()[1] - before
        sequence.close()
        assert peak < (memory_mb + 20) * 2**20, "and what decoding takes for itself"
        assert sorted(np.concatenate(seen)) == sorted(np.arange(count) // 16)
        assert max(len(set(chunks)) for chunks in seen) == mixed
    tracemalloc.stop()
    with pytest.raises(DataError, match=r"has batches of 56 MB, .* train.memory_mb, 100: raise it, or lower"):
        BatchSequence(subset, max_bytes=100 * 2**20)


def sparse_images(folder: Path, *, batches: int, bands: int, size: int, dtype: str) -> Images:
    """A training store of which every image holds its number in one pixel."""
    made, name = Workspace(str(folder)), artefacts.samples_store("presence", "train")
    layout = zarr_store.ImageLayout(tuple(f"B{number}" for number in range(bands)), size, 16, dtype)
    zarr_store.create_samples(made, name, layout, {"label": np.zeros(16 * batches)})
    digests: dict[int, str] = {}
    for number in range(batches):
        images = np.zeros((16, bands, size, size), dtype)
        images[:, :, -1, -1] = 1
        images[:, 0, 0, 0] = np.arange(16 * number, 16 * (number + 1))
        digests |= {16 * number + place: digest_array(image) for place, image in enumerate(images)}
        zarr_store.write_batch(made, name, number, images)
    return zarr_store.open_images(made, name, digests)


def test_a_file_that_changes_between_epochs_is_refused(workspace: Workspace) -> None:
    write_samples(workspace, "presence", locations=30, chips=2, size=32, batch=8)
    subset = open_subset(workspace, "presence", "train")
    sequence = BatchSequence(subset, max_bytes=2 * 8 * 32 * 32)  # keeps one chunk
    first = [sequence[number][0] for number in range(len(sequence))]
    for number, images in enumerate(first):
        np.testing.assert_array_equal(sequence[number][0], images)
    store = artefacts.samples_store("presence", "train")
    names = [f"{store}/image/c/{number}/0/0/0" for number in range(2)]
    workspace.write_bytes(names[0], workspace.read_bytes(names[1]))
    sequence[1]
    with pytest.raises(WorkspaceError, match=f"{names[0]} holds 8 of 8 images otherwise"):
        sequence[0]
    sequence.close()
