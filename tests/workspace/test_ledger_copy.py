"""The copy of the ledger: what is read of it is what its parts hold, whatever happens to either."""

from __future__ import annotations

import os
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import geopandas as gpd
import pandas as pd
import pytest
import shapely
from chips import outcome

from mineral_pipeline.errors import WorkspaceError
from mineral_pipeline.workspace import Workspace, artefacts, ledger, ledger_copy
from mineral_pipeline.workspace.digests import digest_artefacts
from mineral_pipeline.workspace.ledger import State

SQUARE = shapely.box(10, 0, 11, 1)


@pytest.fixture(params=["{folder}/workspace", "memory://{folder}"])
def filled(request: pytest.FixtureRequest, tmp_path: Path) -> Workspace:
    """A workspace with a ledger of three parts, and its copy."""
    found = Workspace(request.param.format(folder=tmp_path))
    write(found, 0, "ab")
    write(found, 1, "c", State.MISSING)
    write(found, 2, "d")
    ledger_copy.update(found)
    assert found.exists(artefacts.LEDGER_COPY)
    return found


def write(workspace: Workspace, shard: int, names: str, status: State = State.OK) -> None:
    """Write a part, one chip for each letter of ``names``."""
    geometry = SQUARE if status == State.OK else None
    ledger.write_part(
        workspace, shard, [outcome(10 * shard + n, name, status, geometry=geometry) for n, name in enumerate(names)]
    )


def products(workspace: Workspace) -> list[str]:
    """Products of the ledger, which are compared with those of its parts."""
    found = ledger.read(workspace)
    plain = pd.concat([pd.DataFrame(workspace.read_table(f"{artefacts.LEDGER}/{name}"))
                       for name in workspace.list(artefacts.LEDGER)], ignore_index=True)  # fmt: skip
    pd.testing.assert_frame_equal(pd.DataFrame(found), plain, check_dtype=False)
    assert found.crs == "EPSG:4326"
    return list(found["product_id"])


def count_reads(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """Names of what is read from here on."""
    reads: Counter[str] = Counter()
    read_bytes = Workspace.read_bytes

    def counting(self: Workspace, name: str) -> bytes:
        reads[name] += 1
        return read_bytes(self, name)

    monkeypatch.setattr(Workspace, "read_bytes", counting)
    return reads


def test_the_ledger_is_read_in_one_piece(filled: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    reads = count_reads(monkeypatch)

    assert list(ledger.read(filled, ["product_id"])["product_id"]) == list("abcd")
    assert list(ledger.read_content(filled)["product_id"]) == list("abd")
    catalogue = pd.DataFrame({"scene_id": list("abcd"), "shard": [0, 0, 1, 2]})
    assert ledger.read_states(filled, catalogue) == ({0: ["ok", "ok"], 1: ["missing"], 2: ["ok"]}, {})
    assert reads == {artefacts.LEDGER_COPY: 3}


def test_the_copy_tells_what_the_parts_tell(filled: Workspace) -> None:
    with_copy = digest_artefacts(filled, [artefacts.LEDGER])
    assert products(filled) == list("abcd")
    if filled.is_local:  # a file of GeoParquet for any reader
        assert gpd.read_parquet(filled.path(artefacts.LEDGER_COPY)).geometry[3].equals(SQUARE)
    filled.remove(artefacts.LEDGER_COPY)

    assert digest_artefacts(filled, [artefacts.LEDGER]) == with_copy


def test_a_part_that_changes_comes_or_goes_is_seen_and_alone_read_again(
    filled: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(filled, 1, "C")  # as long as before
    assert products(filled) == list("abCd")
    write(filled, 7, "e")
    assert products(filled) == list("abCde")
    filled.remove(artefacts.ledger_part(0))
    assert products(filled) == list("Cde")
    with monkeypatch.context() as patch:
        reads = count_reads(patch)
        ledger_copy.update(filled)
    assert reads == {artefacts.LEDGER_COPY: 1, artefacts.ledger_part(1): 1, artefacts.ledger_part(7): 1}

    reads = count_reads(monkeypatch)
    assert list(ledger.read(filled, ["product_id"])["product_id"]) == list("Cde")
    assert reads == {artefacts.LEDGER_COPY: 1}


def test_a_part_of_the_same_size_and_time_is_another(filled: Workspace) -> None:
    if not filled.is_local:
        pytest.skip("times can be set on a disk only")
    path = filled.path(artefacts.ledger_part(1))
    before = os.stat(path)
    write(filled, 1, "x", State.MISSING)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert os.stat(path).st_mtime_ns == before.st_mtime_ns

    assert products(filled) == list("abxd")


@pytest.mark.parametrize("damage", ["cut", "flipped", "empty", "another table", "absent"])
def test_a_damaged_copy_counts_for_nothing_and_is_made_again(filled: Workspace, damage: str) -> None:
    whole = filled.read_bytes(artefacts.LEDGER_COPY)
    middle = len(whole) // 2
    damaged = {
        "cut": whole[:middle],
        "flipped": whole[:middle] + bytes([whole[middle] ^ 1]) + whole[middle + 1 :],
        "empty": b"",
        "another table": filled.read_bytes(artefacts.ledger_part(1)),
    }
    filled.remove(artefacts.LEDGER_COPY)
    if damage in damaged:
        filled.write_bytes(artefacts.LEDGER_COPY, damaged[damage])
    assert products(filled) == list("abcd")

    ledger_copy.update(filled)

    assert filled.read_bytes(artefacts.LEDGER_COPY) == whole


def test_a_damaged_part_is_told_and_not_hidden_by_a_copy(filled: Workspace) -> None:
    filled.write_bytes(artefacts.ledger_part(1), filled.read_bytes(artefacts.ledger_part(1))[:-9])
    before = filled.read_bytes(artefacts.LEDGER_COPY)

    ledger_copy.update(filled)

    assert filled.read_bytes(artefacts.LEDGER_COPY) == before
    with pytest.raises(WorkspaceError, match=r"part-00001\.parquet is damaged"):
        ledger.read(filled)
    catalogue = pd.DataFrame({"scene_id": list("abcd"), "shard": [0, 0, 1, 2]})
    states, faults = ledger.read_states(filled, catalogue)
    assert (list(states), list(faults)) == ([0, 2], [1])


def test_parts_of_an_earlier_version_are_refused_as_without_a_copy(filled: Workspace) -> None:
    old = filled.read_table(artefacts.ledger_part(1)).drop(columns="crs")
    filled.write_table(artefacts.ledger_part(1), old)

    ledger_copy.update(filled)

    assert list(ledger.read(filled, ["product_id"])["product_id"]) == list("abcd")
    with pytest.raises(WorkspaceError, match=r"part-00001\.parquet has no column crs"):
        ledger.read(filled, ["crs"])


def test_where_nothing_can_be_written_the_parts_are_read(filled: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    write(filled, 1, "C")

    def refuse(self: Workspace, name: str, content: bytes) -> None:
        raise WorkspaceError(f"{name} cannot be written: no permission")

    monkeypatch.setattr(Workspace, "write_bytes", refuse)
    ledger_copy.update(filled)

    assert products(filled) == list("abCd")


def test_a_backtest_reads_the_copy_of_the_workspace_around_it_and_never_writes_it(
    filled: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    inner = Workspace(filled.uri(artefacts.backtest("places")))
    with monkeypatch.context() as patch:
        reads = count_reads(patch)
        assert list(ledger.read(inner, ["product_id"])["product_id"]) == list("abcd")
        assert reads == {artefacts.LEDGER_COPY: 1}
    before = filled.read_bytes(artefacts.LEDGER_COPY)
    write(filled, 1, "C")

    ledger_copy.update(inner)

    assert filled.read_bytes(artefacts.LEDGER_COPY) == before
    assert list(ledger.read(inner, ["product_id"])["product_id"]) == list("abCd")


def test_several_make_the_copy_and_read_at_once(filled: Workspace) -> None:
    write(filled, 1, "C")

    def work(number: int) -> list[str]:
        if number % 2:
            ledger_copy.update(filled)
        return list(ledger.read(filled, ["product_id"])["product_id"])

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(work, range(16))) == [list("abCd")] * 16


def test_a_file_system_that_tells_no_times_gives_no_marks(filled: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mineral_pipeline.workspace.workspace.MARKS", ("size",))
    filled.remove(artefacts.LEDGER_COPY)

    ledger_copy.update(filled)

    assert not filled.exists(artefacts.LEDGER_COPY)
    assert products(filled) == list("abcd")


def test_of_nothing_no_copy_is_made(tmp_path: Path) -> None:
    empty = Workspace(str(tmp_path / "empty"))
    ledger_copy.update(empty)
    assert not empty.exists(artefacts.LEDGER_COPY)
    with pytest.raises(WorkspaceError, match="is absent: run the job that makes it"):
        ledger.read(empty)
