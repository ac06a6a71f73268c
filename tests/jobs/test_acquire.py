"""Acquire: every scene ends in its one right state, and a run resumes where an earlier one stopped."""

from __future__ import annotations

import gzip
import io
import shutil
import warnings
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
import pandas as pd
import pytest
from dask.tokenize import tokenize
from distributed import Client
from rasterio.errors import NotGeoreferencedWarning
from rasterio.io import MemoryFile

from jobs import acquire, catalogue
from jobs.acquisition import scene
from jobs.acquisition.scene import Context, PlannedChip, PlannedScene, acquire_scene
from jobs.acquisition.shard import make_shards
from jobs.verify import find_faults
from mineral_pipeline import archive, imagery
from mineral_pipeline import settings as reader
from mineral_pipeline.errors import RasterError, WorkspaceError
from mineral_pipeline.settings import Settings
from mineral_pipeline.workspace import Workspace, artefacts, identities, ledger, zarr_store

ORIGINAL = "LT05_L1GS_092091_19910506_20170126_01_T2"


def redraw(change: Callable[[np.ndarray], np.ndarray], keep_grid: bool = True) -> Callable[[bytes], bytes]:
    """Function that gives a TIFF other pixels, or removes its georeference."""

    def apply(content: bytes) -> bytes:
        with MemoryFile(content) as file, file.open() as source:
            profile, pixels = source.profile, source.read()
        if not keep_grid:
            profile.update(crs=None, transform=None)
        with MemoryFile() as file, warnings.catch_warnings():
            warnings.simplefilter("ignore", NotGeoreferencedWarning)  # the file is to have none
            with file.open(**profile) as target:
                target.write(change(pixels))
            return bytes(file.read())

    return apply


BREAKS: dict[str, tuple[str, str, Callable[[bytes], bytes | None]]] = {
    # date of the scene: its state, part of the reason, and how its band 7 is changed
    "19910101": ("ok", "", lambda content: content),
    "19910102": ("missing", "B7.TIF", lambda content: None),
    "19910103": ("corrupt", "", lambda content: content[: len(content) // 2]),
    "19910104": ("corrupt", "HTML", lambda content: b"<!DOCTYPE html><html><body>Not today</body></html>"),
    "19910105": ("rejected", "fill", redraw(lambda pixels: pixels * 0)),
    "19910106": ("rejected", "georeference", redraw(lambda pixels: pixels, keep_grid=False)),
    "19910107": ("corrupt", "", lambda content: b""),
}


@pytest.fixture
def settings(data: Path, tmp_path: Path) -> Settings:
    """Settings for an archive of copies of one real product, each broken in its own way."""
    folder = tmp_path / "archive"
    source = data / "archive" / "LT05" / "01" / "092" / "091" / ORIGINAL
    index = pd.read_csv(data / "archive" / "index.csv.gz", dtype=str)
    row = index[index["PRODUCT_ID"] == ORIGINAL].iloc[0]
    rows = []
    for day, (_, _, change) in BREAKS.items():
        product = ORIGINAL.replace("19910506", day)
        target = folder / "LT05" / "01" / "092" / "091" / product
        target.mkdir(parents=True)
        iso = f"{day[:4]}-{day[4:6]}-{day[6:]}"
        text = (source / f"{ORIGINAL}_MTL.txt").read_text().replace(ORIGINAL, product).replace("1991-05-06", iso)
        (target / f"{product}_MTL.txt").write_text(text)
        changed = change((source / f"{ORIGINAL}_B7.TIF").read_bytes())
        if changed is not None:
            (target / f"{product}_B7.TIF").write_bytes(changed)
        base = row["BASE_URL"].replace(ORIGINAL, product)
        rows.append({**row, "PRODUCT_ID": product, "SCENE_ID": f"LT5{day}", "DATE_ACQUIRED": iso, "BASE_URL": base})
    buffer = io.StringIO()
    pd.DataFrame(rows).to_csv(buffer, index=False)
    (folder / "index.csv.gz").write_bytes(gzip.compress(buffer.getvalue().encode()))
    return reader.parse(
        {
            "workspace": str(tmp_path / "workspace"),
            "jobs": ["catalogue", "acquire"],
            "archive": {"url": str(folder), "reduced": True},
            "catalogue": {"spacecraft": ["LANDSAT_5"]},
            "acquire": {"chip_size": 32, "chips_per_shard": 3},
        }
    )


@pytest.fixture
def acquired(settings: Settings, client: Client) -> Settings:
    catalogue.main(settings, client)
    acquire.main(settings, client)
    return settings


def band_file(settings: Settings, day: str) -> Path:
    return next(Path(settings.archive.url).rglob(f"*_{day}_*_MTL.txt")).with_name(
        f"{ORIGINAL.replace('19910506', day)}_B7.TIF"
    )


def stable(workspace: Workspace) -> pd.DataFrame:
    return pd.DataFrame(ledger.read(workspace).drop(columns=["attempts", "seconds", "geometry"]))


def test_every_scene_ends_in_its_state_with_a_reason(acquired: Settings) -> None:
    table = ledger.read(Workspace(acquired.workspace))

    assert len(table) == len(BREAKS)
    for row in table.itertuples():
        state, reason, _ = BREAKS[row.product_id[17:25]]
        assert row.status == state, row.reason
        assert reason in row.reason
        assert (row.reason == "") == (state == "ok")
        assert row.reason == "" or row.product_id in row.reason
        assert "\n" not in row.reason


def test_the_counts_separate_failures_from_rejections(settings: Settings, client: Client) -> None:
    catalogue.main(settings, client)
    counts = acquire.main(settings, client)

    assert (counts.planned, counts.done, counts.skipped, counts.failed) == (7, 7, 0, 4)
    assert counts.reasons == {"missing": 1, "corrupt": 3, "rejected": 2}


def test_only_good_scenes_have_pixels_and_the_audit_agrees(acquired: Settings) -> None:
    workspace = Workspace(acquired.workspace)
    with_pixels = zarr_store.open_dataset(workspace).image.values.any(axis=(1, 2, 3))

    np.testing.assert_array_equal(with_pixels, ledger.read(workspace)["status"] == "ok")
    assert list(find_faults(workspace)) == []


def test_the_audit_finds_pixels_that_are_not_what_the_ledger_says(acquired: Settings) -> None:
    workspace = Workspace(acquired.workspace)
    zarr_store.write_shard(workspace, 0, np.ones((3, 1, 32, 32), "uint8"))

    (fault,) = find_faults(workspace)
    assert fault.artefact == f"{artefacts.CHIPS}/image/c/0/0/0/0"
    assert "holds 3 of 3 images otherwise than they were written" in str(fault)


def test_a_second_run_does_nothing(acquired: Settings, client: Client) -> None:
    counts = acquire.main(acquired, client)

    assert (counts.planned, counts.done, counts.skipped, counts.failed) == (7, 0, 7, 4)


def test_a_shard_without_its_ledger_part_is_done_again_to_the_same_bytes(acquired: Settings, client: Client) -> None:
    workspace = Workspace(acquired.workspace)
    before, pixels = stable(workspace), zarr_store.open_dataset(workspace).image.values
    workspace.remove(artefacts.ledger_part(0))
    zarr_store.write_shard(workspace, 0, np.full((3, 1, 32, 32), 9, "uint8"))  # as after a crash between the two

    counts = acquire.main(acquired, client)
    assert (counts.done, counts.skipped) == (3, 4)
    pd.testing.assert_frame_equal(stable(workspace), before)
    np.testing.assert_array_equal(zarr_store.open_dataset(workspace).image.values, pixels)


def test_retry_failed_acquires_what_the_archive_has_repaired(acquired: Settings, client: Client) -> None:
    good = band_file(acquired, "19910101").read_bytes()
    band_file(acquired, "19910102").write_bytes(good)

    assert acquire.main(acquired, client).failed == 4
    counts = acquire.main(acquired, client, retry_failed=True)
    assert counts.failed == 3
    assert counts.planned == counts.done + counts.skipped == 7
    assert ledger.read(Workspace(acquired.workspace))["status"].tolist()[:2] == ["ok", "ok"]


def test_a_store_of_other_settings_is_refused_even_without_a_run_record(acquired: Settings, client: Client) -> None:
    other = acquired.model_copy(update={"acquire": acquired.acquire.model_copy(update={"method": "sampling"})})

    with pytest.raises(WorkspaceError, match=r"acquire\.method was 'rescale' and is 'sampling' now"):
        acquire.main(other, client)


def test_the_plan_counts_what_is_left(acquired: Settings) -> None:
    Workspace(acquired.workspace).remove(artefacts.ledger_part(1))
    plan = acquire.plan(acquired)

    assert (plan.counts.planned, plan.counts.skipped) == (7, 4)
    assert "MB" in plan.details["memory of a task"]


def test_a_lost_store_is_made_anew(acquired: Settings, client: Client) -> None:
    workspace = Workspace(acquired.workspace)
    workspace.remove(artefacts.CHIPS)
    workspace.remove(artefacts.LEDGER)
    shutil.rmtree(workspace.path(artefacts.CHIPS), ignore_errors=True)

    assert acquire.main(acquired, client).done == 7


def test_all_readings_of_a_scene_share_one_deadline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    deadlines: list[float] = []

    def fetch(*_: object, deadline: float, **__: object) -> None:
        deadlines.append(deadline)
        with archive.validating(archive.FetchedObject(bytes([len(deadlines)]))):  # never the same bytes twice
            raise RasterError("x is damaged")

    monkeypatch.setattr(archive, "fetch_scene", fetch)
    source = archive.open_source(reader.Archive(url=str(tmp_path), retries=3))
    planned = PlannedScene("p", "092091", "p", "here", ("B7",), "LT05", (PlannedChip("p", 0),))
    context = Context(source, reader.Acquire(), archive.ByteLimiter(1e9), Lock())
    ((outcome, image),) = acquire_scene(planned, context)
    assert (outcome.status, image) == ("corrupt", None)
    assert deadlines == deadlines[:1] * 4


@pytest.mark.parametrize(
    "error", [ValueError("a\nb\x1b[31m"), UnicodeDecodeError("utf-8", b"\xff", 0, 1, "no"), OSError(5)]
)
def test_an_unforeseen_error_is_of_one_scene(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    outcome = acquire_one(tmp_path, monkeypatch, error)
    assert outcome.status == "corrupt"
    assert outcome.reason.startswith(f"p: unforeseen {type(error).__name__}: ")
    assert outcome.reason.isprintable()
    assert "(test_acquire.py, line " in outcome.reason


@pytest.mark.parametrize("error", [MemoryError(), WorkspaceError("gone")])
def test_what_is_not_the_scenes_fault_is_not_its_outcome(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    with pytest.raises(type(error)):
        acquire_one(tmp_path, monkeypatch, error)


def acquire_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception) -> ledger.Outcome:
    """Outcome of a scene whose fetching raises an error."""

    def fetch(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(archive, "fetch_scene", fetch)
    source = archive.open_source(reader.Archive(url=str(tmp_path)))
    planned = PlannedScene("p", "092091", "p", "here", ("B7",), "LT05", (PlannedChip("p", 0),))
    context = Context(source, reader.Acquire(), archive.ByteLimiter(1e9), Lock())
    ((outcome, _),) = acquire_scene(planned, context)
    return outcome


def plan_two_chips(catalogue: pd.DataFrame) -> pd.DataFrame:
    """Chips of a catalogue whose scenes give two chips each."""
    chips = catalogue[["scene_id", "location_id", "product_id", "shard"]]
    chips = chips.loc[chips.index.repeat(2)].reset_index(drop=True)
    number = pd.Series(range(len(chips)))
    return chips.assign(chip_id=chips["scene_id"] + "-" + (number % 2).astype(str), chip_index=number)


@pytest.fixture
def two_chips(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every scene gives two chips: the whole scene, and the same upside down."""
    cut = scene.cut_chips

    def cut_two_chips(*arguments: Any) -> list[imagery.Chip]:
        (whole,) = cut(*arguments)
        return [whole, replace(whole, image=whole.image[:, ::-1])]

    monkeypatch.setattr(identities, "plan_chips", plan_two_chips)
    monkeypatch.setattr(scene, "cut_chips", cut_two_chips)


@pytest.mark.usefixtures("two_chips")
def test_a_scene_may_give_more_than_one_chip(settings: Settings, client: Client) -> None:
    catalogue.main(settings, client)
    counts = acquire.main(settings, client)
    workspace = Workspace(settings.workspace)
    scenes, table = workspace.read_table(artefacts.CATALOGUE), ledger.read(workspace)

    assert (counts.unit, counts.planned, counts.done, counts.failed) == ("scenes", 7, 7, 4)
    assert counts.reasons == {"missing": 1, "corrupt": 3, "rejected": 2}
    assert table["chip_index"].tolist() == list(range(14))
    assert table["scene_id"].tolist() == scenes["scene_id"].repeat(2).tolist()
    assert table["chip_id"].is_unique
    assert table["location_id"].tolist() == ["092091"] * 14
    with zarr_store.open_dataset(workspace) as dataset:
        assert dataset["chip_id"].to_numpy().tolist() == table["chip_id"].tolist()
        pixels = dataset["image"].to_numpy()
    np.testing.assert_array_equal(pixels.any(axis=(1, 2, 3)), table["status"] == "ok")
    np.testing.assert_array_equal(pixels[0], pixels[1][:, ::-1])
    assert list(find_faults(workspace)) == []

    states, faults = ledger.read_states(workspace, scenes)
    assert faults == {}
    assert states == {
        shard: [BREAKS[product[17:25]][0] for product in products]
        for shard, products in scenes.groupby("shard")["product_id"]
    }
    assert acquire.plan(settings).counts.skipped == 7


@pytest.mark.usefixtures("two_chips")
def test_a_scene_of_many_chips_is_redone_as_one(settings: Settings, client: Client) -> None:
    catalogue.main(settings, client)
    acquire.main(settings, client)
    workspace = Workspace(settings.workspace)
    before, pixels = stable(workspace), zarr_store.open_array(workspace)[:]
    workspace.remove(artefacts.ledger_part(1))

    counts = acquire.main(settings, client)
    assert (counts.done, counts.skipped, counts.failed) == (3, 4, 4)
    pd.testing.assert_frame_equal(stable(workspace), before)
    np.testing.assert_array_equal(zarr_store.open_array(workspace)[:], pixels)


def test_shards_hold_the_chips_of_their_scenes() -> None:
    scenes = pd.DataFrame({"scene_id": list("abc"), "shard": [0, 0, 1]})
    scenes = scenes.assign(location_id="1", product_id=scenes["scene_id"], base_url="/u", sensor="LT04")
    first, second = make_shards(scenes, plan_two_chips(scenes), ["swir22"])
    assert len({tokenize(first), tokenize(second), tokenize(replace(first, scenes=()))}) == 3
    assert (first.number, second.number) == (0, 1)
    assert [one.scene_id for one in first.scenes] == ["a", "b"]
    assert first.scenes[1].chips == (PlannedChip("b-0", 2), PlannedChip("b-1", 3))
    assert second.scenes == (
        PlannedScene("c", "1", "c", "/u", ("B7",), "LT04", (PlannedChip("c-0", 4), PlannedChip("c-1", 5))),
    )
