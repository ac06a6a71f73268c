"""The curate job, from a workspace with chips and labels to training stores."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
import xarray as xr
from chips import write_shard
from distributed import Client, LocalCluster

from jobs import curate, train
from jobs.curation.exclusion import drop_ocean
from mineral_pipeline import curation, reporting, settings
from mineral_pipeline.errors import DataError, LeakageError, SettingsError
from mineral_pipeline.geometry import CRS
from mineral_pipeline.learning import SUBSETS
from mineral_pipeline.modelling.spec import digest_samples
from mineral_pipeline.reporting.data_sections import split_section
from mineral_pipeline.reporting.page import FigureItem
from mineral_pipeline.workspace import Workspace, artefacts, identities, ledger, zarr_store
from mineral_pipeline.workspace.ledger import Outcome, State

ISLANDS, LOCATIONS, VISITS, SIZE, PER_SHARD = 12, 4, 2, 8, 16
CHIPS = ISLANDS * LOCATIONS * VISITS


@pytest.fixture
def made(workspace: Workspace, tmp_path: Path) -> settings.Settings:
    """A workspace with chips, labels and deposits of islands 30 degrees apart; the last location is at sea."""
    rng = np.random.default_rng(0)
    outcomes, labels, land = [], [], []
    for chip in range(CHIPS):
        location, visit = divmod(chip, VISITS)
        island, number = divmod(location, LOCATIONS)
        lon, lat = -165 + 30 * island + 1.7 * (number % 2), 10.0 + 1.5 * (number // 2)
        deposits = 3 * (1 + location) if (location + island) % 2 else 0
        land.append(shapely.box(lon - 1, lat - 1, lon + 1, lat + 1))
        shape = shapely.box(lon - 1, lat - 0.9, lon + 1, lat + 0.9)
        brightness = float(rng.uniform(10, 200))
        scene_id = f"LT04_{location}_{visit}"
        keys = {"chip_id": scene_id, "scene_id": scene_id, "location_id": f"{location:03d}001", "chip_index": chip}
        facts = {"status": State.OK, "geometry": shape, "brightness": brightness, "path": location, "row": 1}
        outcomes.append(Outcome(**keys, product_id=scene_id, **facts))
        labels.append(
            {**keys, "lon": lon, "lat": lat, "n_deposits": deposits, "has_deposit": deposits > 0,
             "richness": np.log1p(deposits) / 5}
        )  # fmt: skip
    layout = zarr_store.ImageLayout(("B7",), SIZE, PER_SHARD)
    zarr_store.create_chips(workspace, pd.DataFrame(outcomes)[identities.CHIP_COLUMNS], layout)
    for shard in range(CHIPS // PER_SHARD):
        rows = slice(shard * PER_SHARD, (shard + 1) * PER_SHARD)
        pixels = rng.integers(1, 255, (PER_SHARD, 1, SIZE, SIZE), dtype=np.uint8)
        write_shard(workspace, shard, outcomes[rows], pixels)
    workspace.write_table(artefacts.labels_part(0), pd.DataFrame(labels))
    points = gpd.points_from_xy([-165.0], [10.0])
    deposits = gpd.GeoDataFrame({"id": ["a"], "lon": [-165.0], "lat": [10.0]}, geometry=points, crs=CRS)
    workspace.write_table(artefacts.DEPOSITS, deposits)
    gpd.GeoDataFrame(geometry=land[: -2 * VISITS], crs=CRS).to_file(tmp_path / "land.geojson")
    return make_settings(workspace, tmp_path / "land.geojson")


def make_settings(workspace: Workspace, land: Path) -> settings.Settings:
    section = {"land": str(land), "block_size_km": 2000, "batch_size": 9}
    label = {"deposits": ["deposits.csv"]}
    return settings.parse({"workspace": workspace.url, "archive": {"url": "."}, "label": label, "curate": section})


def with_changes(made: settings.Settings, **changes: Any) -> settings.Settings:
    assert made.curate is not None
    return made.model_copy(update={"curate": made.curate.model_copy(update=changes)})


def digest(workspace: Workspace) -> dict[str, bytes]:
    folder = Path(workspace.path("samples"))
    return {str(file.relative_to(folder)): file.read_bytes() for file in sorted(folder.rglob("*")) if file.is_file()}


def test_stores_hold_the_chosen_chips(made: settings.Settings, workspace: Workspace, client: Client) -> None:
    counts = curate.main(made, client)
    images = zarr_store.open_array(workspace)[:]
    written = 0
    for task in ("presence", "richness"):
        samples = workspace.read_table(artefacts.samples_table(task))
        assert len(samples) == CHIPS
        assert samples.crs == CRS
        for subset in SUBSETS:
            store = artefacts.samples_store(task, subset)
            data = xr.open_zarr(workspace.zarr(store), chunks=None).load()
            rows = samples[samples["subset"] == subset].sort_values("sample")
            assert data["chip_id"].to_numpy().tolist() == rows["chip_id"].tolist()
            np.testing.assert_array_equal(data["image"], images[rows["chip_index"]])
            np.testing.assert_allclose(data["label"], rows["label"], rtol=1e-6)
            assert data["label"].dtype == "float32"
            assert data["location_id"].to_numpy().tolist() == rows["location_id"].tolist()
            assert {"scene_id", "weight", "lon", "lat", "band"} <= set(data.variables)
            assert zarr_store.open_array(workspace, store).chunks[0] == min(9, len(rows))
            written += len(rows)
    assert counts.planned == counts.done == written
    assert counts.unit == "samples"
    assert counts.reasons["over the ocean"] == 2 * 2 * VISITS
    assert sum(counts.reasons.values()) + written == 2 * CHIPS


def test_the_digest_of_a_sample_set_is_that_of_its_labels_and_pixels(
    made: settings.Settings, workspace: Workspace, client: Client
) -> None:
    def digests(changed: settings.Settings = made) -> tuple[str, str]:
        curate.main(changed, client)
        return digest_samples(workspace, "presence"), digest_samples(workspace, "richness")

    first = digests()
    assert first[0] != first[1]
    workspace.remove("samples")
    assert digests() == first, "curated twice"

    others = digests(with_changes(made, batch_size=8))
    pixels = np.asarray(zarr_store.open_array(workspace)[:PER_SHARD])
    pixels[0] += 1
    rows = ledger.read(workspace)[:PER_SHARD].to_dict("records")
    write_shard(workspace, 0, [Outcome(**{**row, "status": State(row["status"])}) for row in rows], pixels)
    others += digests()[:1]
    assert len({*first, *others}) == len(first + others), "other batches, other pixels"


def test_the_summary(made: settings.Settings, workspace: Workspace, client: Client) -> None:
    curate.main(made, client)
    presence, richness = (workspace.read_json(artefacts.samples_summary(task)) for task in ("presence", "richness"))
    assert presence["leakage"]["area"] == presence["leakage"]["deposits"] == presence["leakage"]["max_leakage"] == 0
    assert presence["samples"]["test"] == sum(presence["locations"]["test"].values()) * VISITS
    assert set(presence["locations"]["test"]) == {"0", "1"}
    assert set(richness["locations"]["test"]) == {"all"}
    assert presence["baseline"]["test"] == 0.5
    assert presence["dropped"]["over the ocean"] == 2 * VISITS
    assert richness["distance"]["measure"] == "Kolmogorov-Smirnov"
    for task in ("presence", "richness"):
        curation.check_leakage(workspace, task, 0.0)


def test_several_chips_of_a_scene(made: settings.Settings, workspace: Workspace, client: Client) -> None:
    """Chips of one scene are samples of their own, each with its own pixels, and no merge confuses them."""
    labels = workspace.read_table(artefacts.LABELS)
    outcomes = ledger.read(workspace)
    scene_ids = [f"LT04_{chip // 4}" for chip in range(CHIPS)]
    workspace.write_table(artefacts.labels_part(0), labels.assign(scene_id=scene_ids).sample(frac=1, random_state=0))
    workspace.remove(artefacts.LEDGER)
    workspace.write_table(artefacts.ledger_part(0), outcomes.assign(scene_id=scene_ids))
    curate.main(made, client)
    samples = workspace.read_table(artefacts.samples_table("presence"))
    assert samples["chip_index"].tolist() == list(range(CHIPS))
    assert samples["chip_id"].tolist() == outcomes["chip_id"].tolist()
    assert samples["scene_id"].tolist() == scene_ids
    images = zarr_store.open_array(workspace)[:]
    for subset in SUBSETS:
        data = xr.open_zarr(workspace.zarr(artefacts.samples_store("presence", subset)), chunks=None).load()
        rows = samples[samples["subset"] == subset].sort_values("sample")
        assert data["scene_id"].to_numpy().tolist() == rows["scene_id"].tolist()
        np.testing.assert_array_equal(data["image"], images[rows["chip_index"]])


def test_workers_do_not_matter(made: settings.Settings, workspace: Workspace) -> None:
    found = []
    for workers in (1, 3):
        local = LocalCluster(processes=False, n_workers=workers, threads_per_worker=1, dashboard_address="127.0.0.1:0")
        with local as cluster, Client(cluster) as other:
            curate.main(made, other)
        found.append(digest(workspace))
        workspace.remove("samples")
    assert found[0] == found[1]
    assert len(found[0]) > 20


def test_folds_lie_beside_the_split(made: settings.Settings, workspace: Workspace, client: Client) -> None:
    made = made.model_copy(update={"tasks": ["presence"]})
    curate.main(made, client)
    without = digest(workspace)
    counts = curate.main(with_changes(made, folds=3), client)
    assert {name: content for name, content in digest(workspace).items() if "fold" not in name} == without
    images, tested, written = zarr_store.open_array(workspace)[:], [], 0
    for name in ("presence", *(artefacts.sample_set("presence", fold) for fold in range(3))):
        assert workspace.read_json(artefacts.samples_summary(name))["leakage"]["area"] == 0
        curation.check_leakage(workspace, name, 0.0)
        index = workspace.read_table(artefacts.samples_table(name)).set_index("chip_id")["chip_index"]
        for subset in SUBSETS:
            data = xr.open_zarr(workspace.zarr(artefacts.samples_store(name, subset)), chunks=None).load()
            np.testing.assert_array_equal(data["image"], images[index[data["chip_id"].to_numpy()]])
            written += len(data["chip_id"])
        if "fold" in name:
            tested += np.unique(data["location_id"]).tolist()
    assert len(tested) == len(set(tested)) > 0.8 * (ISLANDS * LOCATIONS - 2)
    assert set(workspace.read_table(artefacts.FOLDS)["location_id"]) >= set(tested)
    summaries = [workspace.read_json(artefacts.samples_summary(f"presence/fold-{fold}")) for fold in range(3)]
    assert sum(one["held_out"]["locations"] for one in summaries) == len(workspace.read_table(artefacts.FOLDS))
    assert sum(one["held_out"]["sampled"] for one in summaries) == len(tested)
    assert counts.planned == counts.done == written
    curate._remove_folds(workspace, ["presence"])
    assert digest(workspace) == without  # no fold of an earlier run stays


def test_chips_with_open_mines_can_be_left_out(made: settings.Settings, workspace: Workspace, client: Client) -> None:
    with pytest.raises(DataError, match="has no column has_open_mine: run label again"):
        curate.main(with_changes(made, drop_open_mines=True), client)
    labels = workspace.read_table(artefacts.LABELS)
    labels = labels.assign(has_open_mine=labels["chip_index"] % 16 == 2, is_ambiguous=labels["chip_index"] % 16 == 3)
    workspace.write_table(artefacts.labels_part(0), labels)
    kept = curate.main(made, client)
    left_out = curate.main(with_changes(made, drop_open_mines=True), client)
    assert "a large open mine" not in kept.reasons
    assert left_out.reasons["a large open mine"] == 2 * CHIPS / 16
    assert left_out.reasons["too few deposits to be sure"] == CHIPS / 16
    samples = workspace.read_table(artefacts.samples_table("richness"))
    assert (samples.loc[samples["chip_index"] % 16 == 2, "drop_reason"] == "a large open mine").all()


def test_land_by_fraction(made: settings.Settings, client: Client, workspace: Workspace) -> None:
    changed = with_changes(made, land_rule="fraction", min_land_fraction=0.99)
    assert changed.curate is not None
    chips = drop_ocean(curation.read_chips(workspace), changed.curate, client)
    assert (chips["drop_reason"] == "over the ocean").sum() == 2 * VISITS
    lon, lat = chips["lon"].iloc[0], chips["lat"].iloc[0]
    west = gpd.GeoDataFrame(geometry=[shapely.box(lon - 1, lat - 1, lon + 0.4, lat + 1)], crs=CRS)  # 70 % of one
    west.to_file(changed.curate.land)
    for min_fraction, over_land in ((0.69, VISITS), (0.71, 0)):
        some = changed.curate.model_copy(update={"min_land_fraction": min_fraction})
        if over_land:
            chips = drop_ocean(curation.read_chips(workspace), some, client)
            assert (chips["drop_reason"] == "").sum() == over_land
        else:
            with pytest.raises(DataError, match="no location is left"):
                drop_ocean(curation.read_chips(workspace), some, client)


def test_buckets_leak_and_the_check_says_how_to_go_on(
    made: settings.Settings, workspace: Workspace, client: Client
) -> None:
    curate.main(with_changes(made, split="buckets"), client)
    found = workspace.read_json(artefacts.samples_summary("presence"))["leakage"]
    assert 0 < found["area"] < 1
    with pytest.raises(LeakageError, match=r"set curate\.split: blocks, or curate\.max_leakage"):
        curation.check_leakage(workspace, "presence", 0.0)
    curation.check_leakage(workspace, "presence", 1.0)
    with pytest.raises(LeakageError, match=r"presence: \d+\.\d % of the test area .* set curate\.split: blocks"):
        train.main(with_changes(made, split="buckets"), client)
    assert not workspace.exists(artefacts.models("presence"))


def test_the_map_of_the_leakage(made: settings.Settings, workspace: Workspace, client: Client) -> None:
    curate.main(with_changes(made, split="buckets"), client)
    locations = workspace.read_table(artefacts.samples_leakage("presence"))
    leakage = workspace.read_json(artefacts.samples_summary("presence"))["leakage"]
    test = locations[locations["subset"] == "test"]
    assert (test["shared"] > 0).mean() == leakage["locations"]
    assert test["shared"].max() == leakage["worst"]
    assert figures(workspace) == ["split", "leakage-presence", "leakage-richness"]
    curate.main(made, client)
    assert figures(workspace) == ["split"]


def figures(workspace: Workspace) -> list[str]:
    """Figures of the report's section on the split."""
    section = split_section(reporting.read(workspace), None)
    return [item.name for item in section.items if isinstance(item, FigureItem)]


def test_the_land_stays_out_of_the_graph(
    made: settings.Settings, workspace: Workspace, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert made.curate is not None
    land = gpd.read_file(made.curate.land)
    land.assign(geometry=land.segmentize(0.03)).to_file(made.curate.land)  # thousands of corners
    graphs = []
    get = client.get

    def spy(graph: Any, *arguments: Any, **options: Any) -> Any:
        graphs.append(len(pickle.dumps(graph)))
        return get(graph, *arguments, **options)

    monkeypatch.setattr(client, "get", spy)
    chips = drop_ocean(curation.read_chips(workspace), made.curate, client)
    assert (chips["drop_reason"] == "over the ocean").sum() == 2 * VISITS
    assert len(graphs) == 1
    assert graphs[0] < len(pickle.dumps(gpd.read_file(made.curate.land))) / 5


def test_regions_and_excluded_polygons(
    made: settings.Settings, workspace: Workspace, client: Client, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Three regions of four islands each, one of which is tested; the islands of none are told, one is excluded."""
    shapes = [shapely.box(-180, 0, -90, 90), shapely.box(-90, 0, 30, 90), shapely.box(30, 0, 120, 90)]
    regions = gpd.GeoDataFrame({"name": ["west", "middle", "east"]}, geometry=shapes, crs=CRS)
    regions.to_file(tmp_path / "regions.geojson")
    gpd.GeoDataFrame(geometry=[shapely.box(-140, 0, -120, 50)], crs=CRS).to_file(tmp_path / "park.geojson")
    changes = {"regions": str(tmp_path / "regions.geojson"), "split": "regions", "test_regions": ["east"], "folds": 4}
    exclude = [settings.Exclusion(polygons=str(tmp_path / "park.geojson"))]
    counts = curate.main(with_changes(made, **changes, exclude=exclude), client)
    assert counts.reasons["inside an excluded area"] == 2 * LOCATIONS * VISITS
    samples = workspace.read_table(artefacts.samples_table("presence"))
    islands = np.repeat(["west", "middle", "east", ""], [3, 4, 3, 2])
    assert samples["region"].tolist() == np.repeat(islands, LOCATIONS * VISITS).tolist()
    assert set(samples["region"][samples["subset"] == "test"]) == {"east"}
    assert "6 locations lie in none of the regions" in capsys.readouterr().out
    tested = [workspace.read_json(artefacts.samples_summary(f"presence/fold-{fold}"))["regions"] for fold in range(4)]
    assert [[name for name, count in one.items() if count["test"]] for one in tested] == [
        ["middle"], ["east"], ["west"], [""],
    ]  # fmt: skip


def test_the_plan(made: settings.Settings, workspace: Workspace) -> None:
    plan = curate.plan(made)
    assert (plan.counts.unit, plan.counts.planned) == ("samples", 2 * CHIPS)
    assert "batch_size" in plan.details["memory of a task"]
    assert not workspace.exists("samples")


def test_refusals_write_nothing(made: settings.Settings, workspace: Workspace, client: Client, tmp_path: Path) -> None:
    sea = tmp_path / "elsewhere.geojson"
    gpd.GeoDataFrame(geometry=[shapely.box(0, -80, 1, -79)], crs=CRS).to_file(sea)
    for changes, kind, message in [
        ({"land": str(tmp_path / "none.geojson")}, SettingsError, "curate.land: .*none.geojson"),
        ({"land": str(sea)}, DataError, "no location is left"),
        ({"min_locations": settings.MinLocations(validation=500)}, DataError, "validation has"),
        (
            {"split": "regions", "test_regions": ["Atlantis"]},
            SettingsError,
            r"curate\.test_regions: unknown 'Atlanti",
        ),
        ({"split": "regions", "test_regions": ["Antarctica"]}, DataError, "no usable location lies in Antarctica"),
        ({"split": "regions", "folds": 9}, SettingsError, r"curate\.folds: 9 folds, but only"),
        ({"regions": str(tmp_path / "none.gpkg")}, SettingsError, r"curate\.regions: .*none\.gpkg cannot be read"),
        (
            {"exclude": [settings.Exclusion(polygons=str(tmp_path / "x.gpkg"))]},
            SettingsError,
            r"curate\.exclude: .*x\.",
        ),
        ({"exclude": [settings.Exclusion(snow=0.5)]}, SettingsError, r"acquire\.bands: B7 are not two visible bands"),
    ]:
        with pytest.raises(kind, match=message) as caught:
            curate.main(with_changes(made, **changes), client)
        assert "\n" not in str(caught.value)
    with pytest.raises(SettingsError, match=r"curate\.split: unknown split 'islands': choose among blocks, b"):
        curate.main(with_changes(made, split="islands"), client)
    with pytest.raises(SettingsError, match="curate"):
        curate.main(made.model_copy(update={"curate": None}), client)
    assert not workspace.exists("samples")


def test_nothing_labelled(made: settings.Settings, workspace: Workspace, client: Client) -> None:
    labels = workspace.read_table(artefacts.LABELS)
    workspace.write_table(artefacts.labels_part(0), labels.iloc[:0])
    with pytest.raises(DataError, match=r"labels\.parquet holds no chips"):
        curate.main(made, client)
