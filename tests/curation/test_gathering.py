"""Chips that are gathered shard by shard are those that are copied one by one, in few requests."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from chips import chip_table, outcome, write_shard
from fsspec.implementations.memory import MemoryFileSystem

from mineral_pipeline.curation import Batch, gather, gathering, plan_copy, write_batches, write_bundle
from mineral_pipeline.errors import WorkspaceError
from mineral_pipeline.workspace import Workspace, artefacts, zarr_store
from mineral_pipeline.workspace.digests import digest_array
from mineral_pipeline.workspace.zarr_store import ImageLayout

CHIPS, PER_SHARD, SIZE = 50, 4, 16
STORE = artefacts.samples_store("presence", "train")


@pytest.fixture
def pixels() -> np.ndarray:
    """The chips' pixels; the third shard is all fill, and has no object."""
    found = np.random.default_rng(0).integers(1, 255, (CHIPS, 1, SIZE, SIZE), "uint8")
    found[8:12] = 0
    return found


@pytest.fixture
def workspace(pixels: np.ndarray, tmp_path: Path) -> Workspace:
    """A store of chips in memory, which is treated as an object store is."""
    found = Workspace(f"memory://{tmp_path}")
    names = [f"{number:03d}" for number in range(CHIPS)]
    zarr_store.create_chips(found, chip_table(names), ImageLayout(("B7",), SIZE, PER_SHARD))
    for shard, start in enumerate(range(0, CHIPS, PER_SHARD)):
        outcomes = [outcome(start + n, names[start + n]) for n in range(min(PER_SHARD, CHIPS - start))]
        write_shard(found, shard, outcomes, pixels[start : start + PER_SHARD])
    return found


def make_batches(pixels: np.ndarray, order: np.ndarray, size: int = 6) -> list[Batch]:
    """Batches of chips in an order."""
    chips = [(int(one), digest_array(pixels[one])) for one in order]
    return [Batch(STORE, number, chips[start : start + size])
            for number, start in enumerate(range(0, len(chips), size))]  # fmt: skip


def create(workspace: Workspace, samples: int) -> None:
    zarr_store.create_samples(workspace, STORE, ImageLayout(("B7",), SIZE, 6), {"label": np.zeros(samples)})


@pytest.mark.parametrize(("budget", "seed"), [(1, 0), (2000, 1), (5000, 2), (1e9, 2), (1e9, 0)])
def test_what_is_gathered_is_what_is_copied(
    workspace: Workspace, pixels: np.ndarray, monkeypatch: pytest.MonkeyPatch, budget: float, seed: int
) -> None:
    monkeypatch.setattr(gathering, "MAX_BYTES", budget)
    order = np.random.default_rng(seed).choice(CHIPS, 40, replace=seed == 2)  # some chips twice
    batches = make_batches(pixels, order)
    create(workspace, 40)
    assert write_batches(workspace, batches) == 40
    copied = np.asarray(zarr_store.open_array(workspace, STORE)[:])
    create(workspace, 40)

    reads: Counter[str] = Counter()
    cat_file = MemoryFileSystem.cat_file

    def counting(self: MemoryFileSystem, path: str, *arguments: object, **options: object) -> bytes:
        shard = path.partition("/image/c/")[2]
        reads[shard] += shard not in ("", "12/0/0/0")  # the last has fewer chips: Zarr asks for its index first
        return bytes(cat_file(self, path, *arguments, **options))

    plan = plan_copy(batches, SIZE * SIZE, PER_SHARD)
    monkeypatch.setattr(MemoryFileSystem, "cat_file", counting)
    assert sum(gather(workspace, number, chips) for number, chips in enumerate(plan.groups)) == 40
    assert max(reads.values()) == 1
    assert sum(write_bundle(workspace, bundle) for bundle in plan.bundles) == 40

    np.testing.assert_array_equal(copied, pixels[order])
    np.testing.assert_array_equal(zarr_store.open_array(workspace, STORE)[:], pixels[order])
    assert [one.number for bundle in plan.bundles for one in bundle.batches] == list(range(7))
    if budget == 1e9:
        assert (len(plan.groups), len(plan.bundles)) == (1, 1)
    for bundle in plan.bundles:
        assert len(bundle.batches) == 1 or sum(len(one.chips) for one in bundle.batches) * SIZE * SIZE <= budget


@pytest.mark.parametrize(
    ("batches_of_budget", "bundles", "groups"),
    [
        (0.5, [1] * 7, [4] * 10),
        (1, [1] * 7, [4] * 10),
        (2, [2, 2, 2, 1], [12, 12, 12, 4]),
        (3, [3, 3, 1], [16, 16, 8]),
    ],
)
def test_a_task_holds_as_much_as_its_memory_allows(
    pixels: np.ndarray,
    monkeypatch: pytest.MonkeyPatch,
    batches_of_budget: float,
    bundles: list[int],
    groups: list[int],
) -> None:
    monkeypatch.setattr(gathering, "MAX_BYTES", batches_of_budget * 6 * SIZE * SIZE + 1)
    plan = plan_copy(make_batches(pixels, np.arange(40)), SIZE * SIZE, PER_SHARD)
    assert [len(bundle.batches) for bundle in plan.bundles] == bundles
    assert [len(group) for group in plan.groups] == groups


def test_nothing_is_planned_of_nothing() -> None:
    assert plan_copy([], 100, 4) == gathering.CopyPlan([], [])


def test_damage_is_told_and_nothing_wrong_is_copied(workspace: Workspace, pixels: np.ndarray) -> None:
    batches = make_batches(pixels, np.arange(12))
    create(workspace, 12)
    plan = plan_copy(batches, SIZE * SIZE, PER_SHARD)
    wrong = [(index, digest if index != 5 else digest_array(pixels[6])) for index, digest in plan.groups[0]]
    with pytest.raises(WorkspaceError, match="holds 1 of 4 images otherwise than they were written, the first at 5"):
        gather(workspace, 0, wrong)
    gather(workspace, 0, plan.groups[0])
    content = bytearray(workspace.read_bytes(artefacts.gathered(0)))
    content[300] ^= 1
    workspace.write_bytes(artefacts.gathered(0), bytes(content))
    with pytest.raises(WorkspaceError, match="chip 1 was gathered otherwise than it was acquired"):
        write_bundle(workspace, plan.bundles[0])
    workspace.remove(f"{artefacts.CHIPS}/image")
    with pytest.raises(WorkspaceError, match="is absent"):
        gather(workspace, 0, plan.groups[0])
