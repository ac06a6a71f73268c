"""Verify names what is damaged, whatever and however, ends in no traceback, and takes nothing stale for damaged."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from run_records import RECORD

from jobs.__main__ import main
from jobs.verification.check import Check
from jobs.verify import find_faults
from mineral_pipeline.workspace import Workspace, artefacts, layout, ledger, write_run, zarr_store
from mineral_pipeline.workspace.digests import digest_artefacts

SHARD = f"{artefacts.CHIPS}/image/c/3/0/0/0"
PART = artefacts.ledger_part(3)
GROUP = f"{artefacts.CHIPS}/zarr.json"

Damage = Callable[[Path], object]


@pytest.fixture
def copy(planet: Path, tmp_path: Path) -> Workspace:
    """The acquired planet."""
    shutil.copytree(planet / "workspace", tmp_path / "workspace")
    return Workspace(str(tmp_path / "workspace"))


def flip(path: Path, place: int = 0) -> None:
    """Flip a bit of a file, by default in its middle."""
    content = bytearray(path.read_bytes())
    content[place or len(content) // 2] ^= 4
    path.write_bytes(bytes(content))


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def empty(path: Path) -> None:
    path.write_bytes(b"")


def become_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def take_the_place_of_another(path: Path) -> None:
    """Lie where the shard or part after it belongs."""
    other = str(path).replace("/3/", "/4/").replace("00003", "00004")
    shutil.copy(other, path)


def artefacts_of(workspace: Workspace) -> list[str]:
    return [fault.artefact for fault in find_faults(workspace)]


@pytest.mark.parametrize("damage", [flip, cut, empty, Path.unlink, become_folder, take_the_place_of_another])
def test_a_damaged_shard_or_part_is_named(copy: Workspace, damage: Damage) -> None:
    assert artefacts_of(copy) == []
    for name in (SHARD, PART):
        whole = Path(copy.path(name)).read_bytes()
        damage(Path(copy.path(name)))
        found = artefacts_of(copy)
        assert found == ([] if name == PART and damage is Path.unlink else [name]), "without a part, it is not finished"
        copy.remove(name)
        copy.write_bytes(name, whole)


@pytest.mark.parametrize("damage", [flip, cut, Path.unlink, become_folder])
@pytest.mark.parametrize(
    "name", [artefacts.CATALOGUE, artefacts.WORKSPACE_FILE, GROUP, f"{artefacts.CHIPS}/chip_id/c/0"]
)
def test_other_damage_is_named_and_hides_nothing(copy: Workspace, name: str, damage: Damage) -> None:
    damage(Path(copy.path(name)))
    flip(Path(copy.path(PART)))
    assert sorted(artefacts_of(copy)) == sorted([name, PART])


def test_chips_that_are_not_those_of_the_catalogue_are_named(copy: Workspace) -> None:
    table = copy.read_table(artefacts.CATALOGUE)
    copy.write_table(artefacts.CATALOGUE, table.assign(product_id=table["product_id"] + "x"))
    assert artefacts_of(copy) == [f"{artefacts.CHIPS}/product_id"]


def test_pixels_of_a_chip_that_is_not_ok_are_named(copy: Workspace) -> None:
    table = copy.read_table(PART)
    copy.write_table(PART, table.assign(status="missing", image_sha256=""))
    (fault,) = find_faults(copy)
    assert (fault.artefact, fault.shard) == (SHARD, 3)
    assert "3 of 3 images" in fault.reason
    copy.write_table(PART, table.assign(status="missing"))
    assert artefacts_of(copy) == [PART]


@pytest.fixture
def recorded(workspace: Workspace) -> Workspace:
    """A workspace with prospects, of which a run that was done tells."""
    layout.write_version(workspace)
    workspace.write_table(artefacts.PROSPECTS, pd.DataFrame({"rank": [1]}))
    workspace.write_bytes(artefacts.PROSPECTS_STYLE, b"<qgis>")
    outputs = digest_artefacts(workspace, artefacts.PROSPECT_FILES)
    write_run(workspace, {**RECORD, "job": "prospect", "outputs": outputs})
    return workspace


def test_what_has_changed_since_the_last_run_is_named(recorded: Workspace) -> None:
    assert artefacts_of(recorded) == []
    recorded.write_bytes(artefacts.PROSPECTS_STYLE, b"<QGIS>")
    recorded.remove(artefacts.PROSPECTS)
    assert artefacts_of(recorded) == [artefacts.PROSPECTS, artefacts.PROSPECTS_STYLE]


@pytest.mark.parametrize("state", ["failed", "stopped", "running"])
def test_what_a_later_run_may_have_written_is_not_damaged(recorded: Workspace, state: str) -> None:
    write_run(recorded, {**RECORD, "job": "prospect", "started": "2026-11-23T10:00:00Z", "state": state})
    recorded.write_bytes(artefacts.PROSPECTS_STYLE, b"<QGIS>")
    assert artefacts_of(recorded) == []


def test_a_damaged_record_is_a_fault_and_a_foreign_file_a_warning(
    recorded: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    recorded.write_bytes("runs/notes.txt", b"mine")
    recorded.write_bytes("lock/notes.txt", b"mine")
    assert main(["verify", recorded.url]) == 0
    out = capsys.readouterr().out
    assert "runs/notes.txt is no run record: it is ignored" in out
    assert "lock/notes.txt is no lease: it is ignored" in out

    flip(Path(recorded.path(f"runs/{recorded.list('runs')[0]}")))
    assert main(["verify", recorded.url]) == 1
    assert "is damaged" in capsys.readouterr().out


def test_samples_are_compared_with_their_table(copy: Workspace) -> None:
    digests = [digest for part in range(2) for digest in copy.read_table(artefacts.ledger_part(part))["image_sha256"]]
    images = zarr_store.open_chips(copy, np.arange(4)).read(np.arange(4))
    rows = pd.DataFrame({"sample": range(4), "subset": "train", "label": 0.5, "weight": 1.0, "lon": 0.0, "lat": 0.0})
    for key in ("chip_id", "scene_id", "location_id"):
        rows[key] = [f"{key}-{number}" for number in range(4)]
    rows = rows.assign(image_sha256=digests[:4])
    copy.write_table(artefacts.samples_table("presence"), rows)
    for subset, table in (("train", rows), ("validation", rows[:0]), ("test", rows[:0])):
        columns = {name: table[name].to_numpy() for name in ("label", "weight", "chip_id", "scene_id", "location_id")}
        columns |= {name: table[name].to_numpy() for name in ("lon", "lat")}
        layout_ = zarr_store.ImageLayout(("B7",), images.shape[-1], 2)
        zarr_store.create_samples(copy, artefacts.samples_store("presence", subset), layout_, columns)
    store = artefacts.samples_store("presence", "train")
    for batch in range(2):
        zarr_store.write_batch(copy, store, batch, images[2 * batch : 2 * batch + 2])
    copy.write_json(artefacts.samples_summary("presence"), {"digest": "x"})
    assert artefacts_of(copy) == []

    flip(Path(copy.path(f"{store}/image/c/1/0/0/0")))
    copy.remove(f"{store}/image/c/0/0/0/0")
    copy.remove(f"{artefacts.samples_store('presence', 'test')}/zarr.json")
    found = artefacts_of(copy)
    assert found == [
        f"{store}/image/c/0/0/0/0",
        f"{store}/image/c/1/0/0/0",
        f"{artefacts.samples_store('presence', 'test')}/zarr.json",
    ]
    copy.write_table(artefacts.samples_table("presence"), rows.assign(label=0.25))
    assert f"{store}/label" in artefacts_of(copy)
    copy.remove(artefacts.samples_summary("presence"))
    assert artefacts_of(copy) == [], "curate was interrupted, and begins anew"


def test_what_cannot_be_read_is_not_called_damaged(workspace: Workspace) -> None:
    def fails() -> list[object]:
        raise ZeroDivisionError("division by zero")

    (fault,) = Check("a.parquet", "tables", fails).faults(workspace)  # type: ignore[arg-type]
    assert fault.is_unreadable
    assert str(fault) == "a.parquet cannot be read (ZeroDivisionError: division by zero)"


def test_a_workspace_of_another_version_is_refused_and_one_of_this_version_is_known(
    copy: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    copy.write_json(artefacts.WORKSPACE_FILE, {"format": layout.FORMAT_VERSION + 1})
    assert main(["verify", copy.url]) == 2
    assert "install the newer version" in capsys.readouterr().err
    copy.write_bytes(artefacts.WORKSPACE_FILE, b'{"format": 9}')
    assert main(["verify", copy.url]) == 1
    assert "workspace.json is damaged: run `mineral-pipeline repair SETTINGS`" in capsys.readouterr().out


def test_every_finished_shard_is_counted(copy: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["verify", copy.url]) == 0
    chips = len(ledger.read(copy))
    assert f" {chips} chips: 0 faults" in capsys.readouterr().out
