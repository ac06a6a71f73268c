"""The catalogue job on real indexes: what it writes and counts, what it refuses, what it does not change."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import pandas as pd
import pytest
from distributed import Client

from jobs import catalogue
from jobs.running import runner
from jobs.running.progress import CONSOLE
from mineral_pipeline import settings
from mineral_pipeline.errors import ArchiveError, DataError, WorkspaceError
from mineral_pipeline.settings import Settings
from mineral_pipeline.workspace import Workspace, artefacts, identities, zarr_store

NO_CLIENT = cast(Client, None)  # the job runs in the calling process


def configure(workspace: Workspace, data: Path, index: str = "index/lt04-8223.csv.gz", **filters: Any) -> Settings:
    archive = {"url": str(data / "archive"), "index": str(data / index)}
    content = {"workspace": workspace.url, "jobs": ["catalogue"], "archive": archive, "catalogue": filters}
    return settings.parse(content)


def test_the_real_index(workspace: Workspace, data: Path) -> None:
    config = configure(workspace, data)
    assert catalogue.plan(config).counts.planned == 8223
    counts = catalogue.main(config, NO_CLIENT)
    assert (counts.unit, counts.planned, counts.done, counts.failed, counts.reasons) == ("scenes", 8223, 8223, 0, {})
    table = workspace.read_table(artefacts.CATALOGUE)
    chips_per_shard = config.acquire.chips_per_shard
    assert (table["shard"] * chips_per_shard + table["slot"] == table.index).all()
    assert table["shard"].max() == (8223 - 1) // chips_per_shard
    assert catalogue.plan(config).counts.skipped == 8223


def test_three_real_products(workspace: Workspace, data: Path) -> None:
    config = configure(workspace, data, "archive/index.csv.gz", spacecraft=["LANDSAT_5", "LANDSAT_7"], sensors=[])
    assert catalogue.main(config, NO_CLIENT).done == 3
    table = workspace.read_table(artefacts.CATALOGUE)
    assert table["product_id"].is_unique
    assert all(Path(url).is_dir() for url in table["base_url"])


def test_an_archive_without_an_index_is_listed(
    workspace: Workspace, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "archive").mkdir()
    (tmp_path / "archive" / "LE07").symlink_to(data / "archive" / "LE07")
    config = configure(workspace, data, spacecraft=["LANDSAT_7"], sensors=["ETM"])
    config = config.model_copy(update={"archive": settings.Archive(url=str(tmp_path / "archive"))})
    plan = catalogue.plan(config)
    assert plan.counts.planned == 2
    assert plan.details == {"index": catalogue.NO_INDEX}
    assert catalogue.main(config, NO_CLIENT).done == 2
    assert capsys.readouterr().out.count(catalogue.NO_INDEX) == 1
    assert workspace.read_table(artefacts.CATALOGUE).geometry.isna().all()  # as GeoParquet


def test_progress_is_shown(
    workspace: Workspace, data: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(catalogue, "SECONDS_BETWEEN_LINES", 0.0)
    assert not CONSOLE.is_terminal
    catalogue.plan(configure(workspace, data, tiers=["T1"]))
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) > 1
    wanted = (pd.read_csv(data / "index/lt04-8223.csv.gz")["COLLECTION_CATEGORY"] == "T1").sum()
    assert lines[-1] == f"catalogue  8,223 products read, {wanted:,} wanted"


def test_what_is_dropped_is_counted(workspace: Workspace, data: Path) -> None:
    counts = catalogue.main(configure(workspace, data, limit=100), NO_CLIENT)
    assert (counts.planned, counts.done, counts.reasons) == (8223, 100, {"beyond the limit": 8123})


def test_it_is_done_once(workspace: Workspace, data: Path) -> None:
    config = configure(workspace, data, limit=20)
    assert runner.execute("catalogue", config, NO_CLIENT).done == 20
    assert runner.execute("catalogue", config, NO_CLIENT).skipped == 20
    with pytest.raises(WorkspaceError, match=r"catalogue\.limit was 20 and is 30 now"):
        runner.execute("catalogue", configure(workspace, data, limit=30), NO_CLIENT)


def test_it_is_not_changed_once_chips_exist(workspace: Workspace, data: Path) -> None:
    catalogue.main(configure(workspace, data, limit=20), NO_CLIENT)
    before = workspace.read_bytes(artefacts.CATALOGUE)
    chips = identities.plan_chips(workspace.read_table(artefacts.CATALOGUE))
    zarr_store.create_chips(workspace, chips, zarr_store.ImageLayout(("B7",), 8, 4))
    counts = catalogue.main(configure(workspace, data, limit=30), NO_CLIENT)
    assert (counts.planned, counts.done, counts.skipped) == (20, 0, 20)
    assert workspace.read_bytes(artefacts.CATALOGUE) == before


def test_nothing_is_written_when_nothing_matches(workspace: Workspace, data: Path) -> None:
    with pytest.raises(DataError, match=r"none of 8,223 scenes is left by catalogue\.tiers: \['RT'\]"):
        catalogue.main(configure(workspace, data, tiers=["RT"]), NO_CLIENT)
    with pytest.raises(ArchiveError, match=r"absent\.csv cannot be read: not there"):
        catalogue.main(configure(workspace, data, "index/absent.csv"), NO_CLIENT)
    assert not workspace.exists(artefacts.CATALOGUE)
