"""The report job on three real products: catalogue, acquire and label first, then the page."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import shapely
from distributed import Client

from jobs import acquire, catalogue, label, report
from mineral_pipeline import reporting, settings
from mineral_pipeline.errors import SettingsError
from mineral_pipeline.settings import Settings
from mineral_pipeline.workspace import Workspace, artefacts, zarr_store

SAMPLE = Path(__file__).parents[2] / "jobs" / "settings" / "real-sample.yaml"
CHOSEN = "LE07_L1TP_092084_19990925_20170217_01_T1"


@pytest.fixture(scope="module")
def made(data: Path, tmp_path_factory: pytest.TempPathFactory, client: Client) -> Settings:
    """The real sample, acquired and labelled, at chips small enough for downsampling."""
    config = settings.load(
        str(SAMPLE),
        [
            "acquire.chip_size=200",
            f"report.example={CHOSEN}",
            f"label.deposits=[{data}/deposits/mrds-complete-records.csv]",
        ],
        str(tmp_path_factory.mktemp("real") / "workspace"),
    )
    for job in (catalogue, acquire, label):
        job.main(config, client)
    return config


def test_the_page_shows_the_real_scene(made: Settings, client: Client) -> None:
    workspace = Workspace(made.workspace)
    plan = report.plan(made)
    counts = report.main(made, client)
    assert (counts.unit, counts.failed) == ("figures", 0)
    assert plan.counts.planned >= counts.done == counts.planned >= 3
    page = workspace.read_bytes(artefacts.REPORT).decode()
    assert CHOSEN in page
    assert "Three real products" in page
    assert {"example-scene.png", "downsampling-methods.png", "locations.png"} <= set(workspace.list("report"))


def test_the_outline_follows_the_image(made: Settings) -> None:
    workspace = Workspace(made.workspace)
    example, missing = report.try_example(made, reporting.read(workspace))
    assert example is not None, missing
    image = example.images["rescale"]
    chips = workspace.read_table(artefacts.LEDGER, ["chip_index", "product_id"])
    chip = int(chips.loc[chips["product_id"] == CHOSEN, "chip_index"].iloc[0])
    stored = zarr_store.open_array(workspace)[chip, 0]
    assert np.array_equal(stored[: image.shape[0], : image.shape[1]], image)
    rows, columns = np.nonzero(image)
    outline = shapely.Polygon(example.footprint)
    assert shapely.covers(outline.buffer(1.5), shapely.points(columns, rows)).mean() > 0.999
    assert len(rows) / outline.area == pytest.approx(1, abs=0.03)
    assert example.edge == 397
    assert example.sensor == "LE07"


def test_a_scene_that_cannot_be_fetched_again_is_left_out(made: Settings, client: Client, tmp_path: Path) -> None:
    elsewhere = made.model_copy(
        update={"archive": made.archive.model_copy(update={"url": str(tmp_path), "retries": 0})}
    )
    workspace = Workspace(made.workspace)
    table = workspace.read_table(artefacts.CATALOGUE)
    try:
        workspace.write_table(artefacts.CATALOGUE, table.assign(base_url=str(tmp_path / "gone")))
        example, missing = report.try_example(elsewhere, reporting.read(workspace))
        assert example is None
        assert "when the archive gives the scene again" in missing
        report.main(elsewhere, client)
        assert missing.split("(")[0].strip() in workspace.read_bytes(artefacts.REPORT).decode()
    finally:
        workspace.write_table(artefacts.CATALOGUE, table)


def test_an_example_that_is_no_chip_is_refused(made: Settings, client: Client) -> None:
    wrong = made.model_copy(update={"report": made.report.model_copy(update={"example": "LT04_NOT_THERE"})})
    with pytest.raises(SettingsError, match=r"report\.example: LT04_NOT_THERE"):
        report.main(wrong, client)


def test_an_empty_workspace_gives_a_page(made: Settings, client: Client, tmp_path: Path) -> None:
    empty = made.model_copy(update={"workspace": str(tmp_path / "empty")})
    assert report.main(empty, client).done == 0
    assert "the job acquire" in Workspace(empty.workspace).read_bytes(artefacts.REPORT).decode()
