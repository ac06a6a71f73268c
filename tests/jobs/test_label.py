"""The label job, on a ledger written by hand."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from distributed import Client, LocalCluster

from jobs import label
from jobs.running import provenance, runner, summary
from mineral_pipeline import labelling, settings
from mineral_pipeline.errors import DataError, SettingsError, WorkspaceError
from mineral_pipeline.workspace import Counts, Workspace, artefacts, layout, ledger
from mineral_pipeline.workspace.ledger import Outcome, State

CSV = """site_name,latitude,longitude,commod1,commod2,commod3
One,0.5,0.5,"Gold, Silver",Copper,
Two,0.6,0.6,Gold,,
Two,0.6,0.6,"gold, Tin",,
Three,10.5,0.5,Copper,,
Far,50,50,Iron,,
Lost,,,Iron,,
Worse,95,0,Iron,,
"""


def outcome(chip: int, row: int, status: State = State.OK, corners: Sequence[Sequence[float]] | None = None) -> Outcome:
    south = 10.0 * (row - 1)
    square = corners or [[0, south], [1, south], [1, south + 1], [0, south + 1]]
    polygon = shapely.Polygon(square) if status is State.OK else None
    scene_id = f"product-{chip}"
    return Outcome(scene_id, scene_id, f"007{row:03d}", chip, scene_id, status, geometry=polygon, path=7, row=row)


@pytest.fixture
def configured(tmp_path: Path) -> settings.Settings:
    (tmp_path / "deposits.csv").write_text(CSV)
    content = {
        "workspace": str(tmp_path / "workspace"),
        "archive": {"url": str(tmp_path)},
        "label": {"deposits": [str(tmp_path / "deposits.csv")], "commodities": 3, "partitions": 2},
        "curate": {"land": "land.geojson"},
    }
    workspace = Workspace(content["workspace"])
    layout.write_version(workspace)
    ledger.write_part(workspace, 0, [outcome(0, 1), outcome(1, 1, State.MISSING)])
    ledger.write_part(workspace, 1, [outcome(2, 2, State.CORRUPT), outcome(3, 2, State.REJECTED)])
    ledger.write_part(workspace, 2, [outcome(4, 2), outcome(5, 3)])
    return settings.parse(content)


def test_labels_follow_from_the_deposits(configured: settings.Settings, client: Client) -> None:
    counts = label.main(configured, client)
    labels = Workspace(configured.workspace).read_table(artefacts.LABELS)
    assert labels["chip_index"].tolist() == [0, 4, 5]
    assert labels["location_id"].tolist() == ["007001", "007002", "007003"]
    assert labels["n_deposits"].tolist() == [2, 1, 0]
    assert labels["has_deposit"].tolist() == [True, True, False]
    np.testing.assert_allclose(labels["richness"], [1, np.log(2) / np.log(3), 0])
    assert labels["max_deposits"].tolist() == [2, 2, 2]
    assert labels["chip_id"].tolist() == labels["scene_id"].tolist() == ["product-0", "product-4", "product-5"]
    assert list(labels.columns[10:16]) == ["is_ambiguous", "has_open_mine", "is_barren", "n_copper", "n_gold", "n_iron"]
    assert labels[["n_copper", "n_gold", "n_iron"]].to_numpy().tolist() == [[1, 2, 0], [1, 0, 0], [0, 0, 0]]
    np.testing.assert_allclose(labels["lat"], [0.5, 10.5, 20.5], atol=1e-3)
    assert labels[["n_group_precious", "n_group_base"]].to_numpy().tolist() == [[2, 2], [0, 1], [0, 0]]
    assert not labels[["is_ambiguous", "has_open_mine"]].to_numpy().any()
    beyond = "deposit rows with a latitude beyond 90 (exchanged with the longitude?)"
    reasons = {"deposit rows without coordinates": 1, beyond: 1}
    assert counts == Counts("chips", planned=3, done=3, reasons=reasons)


def test_the_last_worker_may_die_with_the_deposits(
    configured: settings.Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    count, victim = labelling.count_deposits, tmp_path / "victim"

    def count_once_killed(*arguments: Any) -> pd.DataFrame:
        if not victim.exists():
            victim.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return count(*arguments)

    monkeypatch.setattr(labelling, "count_deposits", count_once_killed)
    with LocalCluster(n_workers=1, threads_per_worker=1, dashboard_address="127.0.0.1:0") as one, Client(one) as client:
        assert label.main(configured, client).done == 3
    assert victim.exists()
    assert Workspace(configured.workspace).read_table(artefacts.LABELS)["n_deposits"].tolist() == [2, 1, 0]


def test_rejected_rows_are_told(
    configured: settings.Settings, client: Client, capsys: pytest.CaptureFixture[str]
) -> None:
    label.main(configured, client)
    told = capsys.readouterr().out
    assert "4 deposits, 1 repeated rows merged" in told
    assert "1 rows without coordinates left out, as deposits.csv row 7, Lost: '', ''" in told
    assert "left out, as deposits.csv row 8, Worse: '95', '0'" in told
    report = Workspace(configured.workspace).read_json(artefacts.DEPOSITS_REPORT)
    assert report["rejected"]["without coordinates"] == 1
    assert report["examples"]["without coordinates"][0]["name"] == "Lost"
    assert report["commodities"] == {"Gold": 2, "Copper": 2, "Silver": 1, "Tin": 1, "Iron": 1}


def test_conversions_and_open_mines_are_told(
    configured: settings.Settings, client: Client, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    columns = "site_name,latitude,longitude,crs,prod_size,oper_type\n"
    (tmp_path / "deposits.csv").write_text(columns + "One,0.5,0.5,,L,Surface\nTwo,65,-150,EPSG:4267,,\n")
    label.main(configured, client)
    told = capsys.readouterr().out
    assert "2 rows: 2 deposits, 1 of them large open mines" in told
    assert "1 rows converted from EPSG:4267 to WGS 84, moved by 130 m" in told
    labels = Workspace(configured.workspace).read_table(artefacts.LABELS)
    assert labels["has_open_mine"].tolist() == [True, False, False]


def test_points_of_a_geologist_and_barren_places(
    configured: settings.Settings, client: Client, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """A GeoPackage in UTM with a column Commodity; of two explored places one is beside a deposit."""
    facts = {"Name": ["One", "Two"], "Commodity": ["Gold", "Au; Cu"], "Ore minerals": ["Pyrite", "Quartz"]}
    points = gpd.GeoDataFrame(facts, geometry=gpd.points_from_xy([0.5, 0.6], [0.5, 0.6]), crs="EPSG:4326")
    points.to_crs("EPSG:32631").to_file(tmp_path / "own.gpkg")
    (tmp_path / "explored.csv").write_text("X;Y\n0,7;0,7\n0,5;10,5\n0,5;10,5\n;\n")
    content = configured.model_dump()
    content["label"] |= {"deposits": [{"path": f"{tmp_path}/own.gpkg"}], "barren": [f"{tmp_path}/explored.csv"]}
    own = settings.parse(content)
    assert runner.execute("label", own, client).done == 3
    told = capsys.readouterr().out
    assert "2 rows converted from EPSG:32631 to WGS 84" in told
    assert "own.gpkg: column 'Ore minerals' seems to hold commodities and is not read" in told
    assert "4 rows: 2 explored places without a deposit, 1 repeated rows merged" in told
    workspace = Workspace(own.workspace)
    labels = workspace.read_table(artefacts.LABELS).set_index("chip_index")
    assert labels["n_deposits"].to_dict() == {0: 2, 4: 0, 5: 0}
    assert labels["is_barren"].to_dict() == {0: False, 4: True, 5: False}
    assert labels.loc[0, ["n_gold", "n_copper"]].tolist() == [2, 1]
    assert workspace.read_table(artefacts.BARREN)["lat"].tolist() == [0.7, 10.5]
    assert workspace.read_json(artefacts.DEPOSITS_REPORT)["barren"]["rejected"] == {"without coordinates": 1}
    assert dict(summary._rows(workspace, None))["explored, barren"] == "2 places; 1 chips hold one, and no deposit"
    assert runner.execute("label", own, client).skipped == 3
    (tmp_path / "explored.csv").write_text("X;Y\n0,5;20,5\n")
    runner.execute("label", own, client)
    assert workspace.read_table(artefacts.LABELS)["is_barren"].tolist() == [False, False, True]
    runner.execute("label", configured, client)
    assert not workspace.exists(artefacts.BARREN)


def test_the_positive_class_has_a_minimum(configured: settings.Settings, client: Client) -> None:
    assert configured.label is not None
    config = configured.label.model_copy(update={"min_deposits": 2, "groups": ["precious"], "commodities": 0})
    label.main(configured.model_copy(update={"label": config}), client)
    labels = Workspace(configured.workspace).read_table(artefacts.LABELS)
    assert labels["has_deposit"].tolist() == [True, False, False]
    assert labels["is_ambiguous"].tolist() == [False, True, False]
    np.testing.assert_allclose(labels["richness"], [1, np.log(2) / np.log(3), 0])
    assert [name for name in labels if name.startswith("n_")] == ["n_deposits", "n_group_precious"]


def test_names_are_merged_within_the_distance_of_the_settings(
    configured: settings.Settings, client: Client, tmp_path: Path
) -> None:
    (tmp_path / "deposits.csv").write_text("site_name,latitude,longitude\nHope,0.5,0.5\nHope mine,0.52,0.5\n")
    assert configured.label is not None
    for kilometres, deposits in ((1.5, 2), (3, 1)):
        config = configured.label.model_copy(update={"merge_km": kilometres})
        label.main(configured.model_copy(update={"label": config}), client)
        assert len(Workspace(configured.workspace).read_table(artefacts.DEPOSITS)) == deposits


def test_deposits_are_published(configured: settings.Settings, client: Client) -> None:
    label.main(configured, client)
    deposits = Workspace(configured.workspace).read_table(artefacts.DEPOSITS)
    assert deposits.set_index("name")["commodities"].to_dict() == {
        "One": "Gold;Silver;Copper", "Two": "Gold;Tin", "Three": "Copper", "Far": "Iron",
    }  # fmt: skip
    assert deposits.crs.to_epsg() == 4326


@pytest.mark.parametrize("partitions", [1, 3, 50])
def test_partitions_change_nothing(configured: settings.Settings, client: Client, partitions: int) -> None:
    label.main(configured, client)
    workspace = Workspace(configured.workspace)
    before = workspace.read_table(artefacts.LABELS)
    assert configured.label is not None
    config = configured.label.model_copy(update={"partitions": partitions})
    label.main(configured.model_copy(update={"label": config}), client)
    pd.testing.assert_frame_equal(workspace.read_table(artefacts.LABELS), before)


def test_parts_of_an_earlier_run_go(configured: settings.Settings, client: Client) -> None:
    workspace = Workspace(configured.workspace)
    workspace.write_bytes(artefacts.labels_part(99), b"stale")
    label.main(configured, client)
    assert len(workspace.read_table(artefacts.LABELS)) == 3


def test_a_partition_that_fails_at_first_is_tried_again(
    configured: settings.Settings, client: Client, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Counts stay on the workers between the two steps: the task that needs them makes them again."""
    count_deposits = labelling.count_deposits

    def count_at_the_second_attempt(chips: pd.DataFrame, deposits: labelling.Deposits) -> pd.DataFrame:
        if len(chips):
            mark = tmp_path / "-".join(chips["chip_id"])
            if not mark.exists():
                mark.touch()
                raise OSError("gone")
        return count_deposits(chips, deposits)

    monkeypatch.setattr(labelling, "count_deposits", count_at_the_second_attempt)
    assert label.main(configured, client).done == 3
    assert len(list(tmp_path.glob("product-*"))) == 2
    assert len(Workspace(configured.workspace).read_table(artefacts.LABELS)) == 3


def test_a_footprint_that_is_no_polygon_is_told(
    configured: settings.Settings, client: Client, capsys: pytest.CaptureFixture[str]
) -> None:
    bow_tie = outcome(6, 1, corners=[[0, 0], [1, 1], [1, 0], [0, 1]])
    ledger.write_part(Workspace(configured.workspace), 3, [bow_tie])
    counts = label.main(configured, client)
    assert counts.reasons["footprints that are no polygon: it crosses itself"] == 1
    assert "footprints that are no polygon (it crosses itself): 1, as that of product-6" in capsys.readouterr().out
    labels = Workspace(configured.workspace).read_table(artefacts.LABELS)
    assert labels.set_index("chip_index")["n_deposits"].to_dict() == {0: 2, 4: 1, 5: 0, 6: 0}


def test_no_deposit_in_any_chip(configured: settings.Settings, client: Client, tmp_path: Path) -> None:
    (tmp_path / "deposits.csv").write_text("latitude,longitude\n-70,-70\n")
    label.main(configured, client)
    labels = Workspace(configured.workspace).read_table(artefacts.LABELS)
    assert labels["richness"].tolist() == [0, 0, 0]
    assert labels["max_deposits"].tolist() == [0, 0, 0]


def test_it_runs_as_a_stage_and_is_skipped_when_done(configured: settings.Settings, client: Client) -> None:
    assert runner.execute("label", configured, client).done == 3
    assert runner.execute("label", configured, client).skipped == 3
    json.dumps(provenance.read_settings(configured, "label"))


def test_plan(configured: settings.Settings) -> None:
    plan = label.plan(configured)
    assert plan.counts.planned == 3
    assert plan.details["memory of a task"].startswith("about 60 MB with 100,000 deposits, beside the program's own")


def test_refusals(configured: settings.Settings, client: Client, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"label\.deposits"):
        label.plan(configured.model_copy(update={"label": None}))
    with pytest.raises(WorkspaceError, match="run the job"):
        label.plan(configured.model_copy(update={"workspace": str(tmp_path / "elsewhere")}))
    assert configured.label is not None
    noble = configured.label.model_copy(update={"groups": ["noble"]})
    with pytest.raises(SettingsError, match=r"label\.groups: no commodity group 'noble'"):
        label.plan(configured.model_copy(update={"label": noble}))
    nothing = configured.model_copy(update={"workspace": str(tmp_path / "nothing")})
    ledger.write_part(Workspace(nothing.workspace), 0, [outcome(0, 1, State.MISSING)])
    with pytest.raises(DataError, match="none of 1 scenes is ok"):
        label.main(nothing, client)
    (tmp_path / "deposits.csv").write_text("latitude,longitude\n,\n")
    with pytest.raises(DataError, match=r"no deposit in .*1 without coordinates"):
        label.main(configured, client)
