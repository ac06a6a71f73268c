"""The job: a whole archive on a cluster, resumed after an interruption, the index last."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import pytest
from distributed import Client

from jobs import simulate
from mineral_pipeline import archive, simulation
from mineral_pipeline import settings as reader
from mineral_pipeline.errors import ArchiveError, SettingsError
from mineral_pipeline.settings import Settings
from mineral_pipeline.simulation import ArchiveSpec, SceneRecord
from mineral_pipeline.workspace import Workspace

DEMO = Path(__file__).parents[2] / "jobs" / "settings" / "demo.yaml"
SMALL = ("simulate.locations=12", "simulate.dates=2", "simulate.islands=3", "simulate.scene_size=48")


def settings(folder: Path, *changes: str) -> Settings:
    return reader.load(str(DEMO), [*SMALL, f"archive.url={folder}/archive", *changes], str(folder))


def test_the_archive_is_whole_and_a_second_run_skips_it(client: Client, tmp_path: Path) -> None:
    config = settings(tmp_path)
    assert simulate.plan(config).counts.planned == 26
    first = simulate.main(config, client)
    assert (first.planned, first.done, first.skipped) == (26, 26, 0)
    listing = archive.find_products(config.archive, config.catalogue)
    assert len(listing.rows) == listing.matched == 26
    before = (tmp_path / "archive" / "index.csv.gz").read_bytes()

    again = simulate.main(config, client)
    assert (again.planned, again.done, again.skipped) == (26, 0, 26)
    assert (tmp_path / "archive" / "index.csv.gz").read_bytes() == before  # sizes of skipped scenes included


def test_an_interrupted_run_goes_on(client: Client, tmp_path: Path) -> None:
    config = settings(tmp_path)
    simulate.main(config, client)
    whole = {path: path.read_bytes() for path in (tmp_path / "archive").rglob("*") if path.suffix in (".TIF", ".gz")}
    scenes = sorted((tmp_path / "archive").rglob("*_MTL.txt"))
    for metadata in scenes[::2]:
        metadata.unlink()
    (tmp_path / "archive" / "index.csv.gz").unlink()

    assert simulate.plan(config).counts.skipped == len(scenes) // 2
    counts = simulate.main(config, client)
    assert (counts.done, counts.skipped) == (len(scenes) - len(scenes) // 2, len(scenes) // 2)
    assert {path: path.read_bytes() for path in whole} == whole


def test_any_fsspec_url_will_do(client: Client, tmp_path: Path) -> None:
    config = settings(tmp_path, f"archive.url=memory://{tmp_path.name}/planet")
    assert simulate.main(config, client).done == 26
    assert {"LT04", "index.csv.gz", "deposits.csv"} <= set(Workspace(config.archive.url).list(""))


def test_bands_by_common_name_are_those_of_landsat_4(client: Client, tmp_path: Path) -> None:
    config = settings(tmp_path, "acquire.bands=[swir2, red]")
    simulate.main(config, client)
    files = {path.name.rpartition("_")[2] for path in Path(config.archive.url).rglob("*.TIF")}
    assert files == {"B7.TIF", "B3.TIF"}
    with pytest.raises(SettingsError, match=r"acquire\.bands: LT04 has no band pan: choose among B1 \(blue\)"):
        simulate.plan(settings(tmp_path, "acquire.bands=[pan]"))


def test_another_planets_archive_is_refused(client: Client, tmp_path: Path) -> None:
    simulate.main(settings(tmp_path), client)
    for call in (simulate.plan, lambda config: simulate.main(config, client)):
        with pytest.raises(SettingsError, match="holds another simulated planet: name another folder"):
            call(settings(tmp_path, "seed=1"))


def test_scenes_that_are_not_where_the_client_looks_are_no_success(
    client: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def write_on_a_disk_of_its_own(numbers: Iterable[int], spec: ArchiveSpec) -> list[SceneRecord]:
        return write_scenes(numbers, replace(spec, url=str(tmp_path / "worker")))

    write_scenes = simulation.write_scenes
    monkeypatch.setattr(simulation, "write_scenes", write_on_a_disk_of_its_own)

    with pytest.raises(ArchiveError, match=r"26 of 26 scenes that workers wrote are not in .*/archive: name a folder"):
        simulate.main(settings(tmp_path), client)
    assert not (tmp_path / "archive" / "index.csv.gz").exists()
