"""Sides of the samples, their permuted labels, and reading their pixels."""

from __future__ import annotations

from typing import cast

import numpy as np
import pytest
import zarr
from hypothesis import given
from hypothesis import strategies as st

from mineral_pipeline.errors import DataError, WorkspaceError
from mineral_pipeline.modelling.batch_sequence import BatchSequence
from mineral_pipeline.modelling.dataset import ChunkCache, Subset, batches, open_subset, permute_labels, shuffled
from mineral_pipeline.workspace import Workspace, artefacts, zarr_store


@given(length=st.integers(1, 500), chunk=st.integers(1, 40), buffer=st.integers(1, 6), seed=st.integers(0, 9))
def test_shuffling_is_a_permutation_that_needs_few_chunks_at_a_time(
    length: int, chunk: int, buffer: int, seed: int
) -> None:
    order = shuffled(length, chunk, np.random.default_rng(seed), buffer)
    assert sorted(order) == list(range(length))
    np.testing.assert_array_equal(order, shuffled(length, chunk, np.random.default_rng(seed), buffer))
    # A chunk's samples lie within one buffer's worth of places.
    for number in range(-(-length // chunk)):
        places = np.flatnonzero(order // chunk == number)
        assert places[-1] - places[0] < buffer * chunk


@pytest.fixture
def images(tmp_path: object) -> zarr.Array:
    array = zarr.create_array(f"{tmp_path}/images.zarr", shape=(50, 1, 4, 4), chunks=(8, 1, 4, 4), dtype="uint8")
    array[:] = np.random.default_rng(0).integers(0, 255, array.shape, dtype="uint8")
    return array


@pytest.mark.parametrize("kept_bytes", [0, 10**6])
def test_pixels_come_in_the_order_asked_for(images: zarr.Array, kept_bytes: int) -> None:
    pixels, rng = ChunkCache(images, kept_bytes=kept_bytes), np.random.default_rng(1)
    for _ in range(20):
        rows = rng.integers(0, 50, rng.integers(1, 30))
        np.testing.assert_array_equal(pixels.take(rows), np.asarray(images)[rows])
    pixels.close()


def test_a_small_side_is_decoded_once_and_a_large_one_is_not_kept(images: zarr.Array) -> None:
    class Counting:
        chunks, shards, shape, dtype = images.chunks, images.shards, images.shape, images.dtype
        reads = 0

        def __getitem__(self, rows: slice) -> np.ndarray:
            self.reads += 1
            return np.asarray(images[rows])

    for kept_bytes, reads in ((10**6, 7), (0, 14)):
        counting = Counting()
        pixels = ChunkCache(cast(zarr.Array, counting), least=1, kept_bytes=kept_bytes)
        for _ in range(2):
            for rows in batches(np.arange(50), 8):
                pixels.take(rows)
        pixels.close()
        assert counting.reads == reads


def side(label: list[float], bucket: list[str]) -> Subset:
    nothing = cast(zarr.Array, None)
    return Subset(nothing, np.array(label, "float32"), np.ones(len(label)), np.array(bucket), np.arange(len(label)))


@given(
    places=st.lists(st.tuples(st.integers(1, 4), st.sampled_from([0.0, 1.0])), min_size=1, max_size=30),
    seed=st.integers(0, 9),
)
def test_permuting_moves_the_labels_of_whole_places(places: list[tuple[int, float]], seed: int) -> None:
    bucket = [f"{number:06d}" for number, (chips, _) in enumerate(places) for _ in range(chips)]
    made = side([label for chips, label in places for _ in range(chips)], bucket)
    other = permute_labels(made, seed)
    of_places = [set(other.label[other.location_id == name]) for name in np.unique(bucket)]
    assert all(len(labels) == 1 for labels in of_places), "a place contradicts itself"
    assert sorted(label for (label,) in of_places) == sorted(label for _, label in places)


def test_permuting_keeps_the_labels_of_a_place_together_when_they_differ() -> None:
    made = side([0.1, 0.2, 0.8, 0.9], ["a", "a", "b", "b"])
    seen = {tuple(permute_labels(made, seed).label.astype(float).round(1).tolist()) for seed in range(20)}
    assert seen == {(0.1, 0.2, 0.8, 0.9), (0.8, 0.9, 0.1, 0.2)}


def test_an_epoch_streams_every_sample_once_with_its_own_label(curated: Workspace) -> None:
    opened = open_subset(curated, "richness", "train")
    whole = np.asarray(opened.images)
    by_pixels = {image.tobytes(): label for image, label in zip(whole, opened.label, strict=True)}
    orders = []
    stream = BatchSequence(opened, seed=3)
    for _ in range(2):
        stream.on_epoch_begin()
        parts = [stream[number] for number in range(len(stream))]
        images, labels = (np.concatenate([part[kind] for part in parts]) for kind in (0, 1))
        assert images.dtype == np.uint8
        assert len(images) == len(whole)
        assert len({image.tobytes() for image in images}) == len(by_pixels)
        assert [by_pixels[image.tobytes()] for image in images] == labels[:, 0].tolist()
        orders.append(labels[:, 0].tolist())
    stream.close()
    assert orders[0] != orders[1]
    again = BatchSequence(opened, seed=3)
    again.on_epoch_begin()
    assert [label for number in range(len(again)) for label in again[number][1][:, 0].tolist()] == orders[0]
    again.close()


def test_a_side_is_refused_when_it_cannot_be_learned_from(workspace: Workspace) -> None:
    with pytest.raises(WorkspaceError, match="run the job that makes it"):
        open_subset(workspace, "presence", "train")
    for count, label, message in ((0, 0.0, "holds no samples"), (2, 7.0, "labels must lie in 0..1")):
        values = {key: np.full(count, value) for key, value in (("label", label), ("weight", 1.0), ("chip", 1))}
        coordinates = values | {"location_id": np.array(["092084"] * count, dtype=object)}
        zarr_store.create_samples(
            workspace, artefacts.samples("presence", "train"), (count, 1, 4, 4), 2, coordinates, bands=["B7"]
        )
        with pytest.raises(DataError, match=message):
            open_subset(workspace, "presence", "train")
