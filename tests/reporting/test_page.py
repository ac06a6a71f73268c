"""The page: parses, needs nothing else, escapes everything, and shows what there is."""

from __future__ import annotations

from dataclasses import replace
from html.parser import HTMLParser

import geopandas as gpd
import pytest
import shapely
import small_world as world

from mineral_pipeline import reporting
from mineral_pipeline.reporting import PageOptions, Table, formatting, style
from mineral_pipeline.reporting.comparison_figures import compare
from mineral_pipeline.reporting.data_sections import labels_section, split_section
from mineral_pipeline.reporting.outcome_text import interval_text, outcome_text
from mineral_pipeline.reporting.prospect_sections import prospects_section
from mineral_pipeline.reporting.result_sections import metrics_table, results_section
from mineral_pipeline.reporting.scene_sections import scene_section
from mineral_pipeline.workspace import Workspace, artefacts, write_run

VOID = {"meta", "img", "link", "br"}
LAND = gpd.GeoDataFrame(geometry=[shapely.box(-20, -20, 60, 50)], crs="EPSG:4326")


class Reader(HTMLParser):
    """What a page holds; fails on tags that do not nest."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append(data.strip())

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    workspace = Workspace(str(tmp_path_factory.mktemp("report")))
    options = PageOptions("A <b>title</b> & more", "s3://bucket/here", 12, LAND, world.example())
    page = reporting.build_page(world.full(), options)
    assert list(reporting.write(workspace, page)) == [figure.name for figure in page.figures]
    return workspace


@pytest.fixture(scope="module")
def html(written: Workspace) -> str:
    return written.read_bytes(artefacts.REPORT).decode()


@pytest.fixture(scope="module")
def reader(html: str) -> Reader:
    return Reader(html)


def test_the_page_needs_nothing_from_elsewhere(html: str, reader: Reader) -> None:
    for _, attributes in reader.tags:
        for name in ("src", "href", "srcset", "action", "data"):
            value = attributes.get(name)
            assert value is None or value.startswith(("#", "data:image/png;base64,")), value
    for forbidden in ("http://", "https://", "url(", "@import", "<script"):
        assert forbidden not in html
    assert len(html) < 5_000_000


def test_every_text_is_escaped(html: str, reader: Reader) -> None:
    assert "A &lt;b&gt;title&lt;/b&gt; &amp; more" in html
    assert "<script>alert(1)</script>.csv" in reader.texts  # of the settings, as text
    assert not reader.all("b")


def test_every_figure_is_embedded_described_and_also_a_file(written: Workspace, reader: Reader) -> None:
    pictures = reader.all("img")
    files = [name for name in written.list("report") if name.endswith(".png")]
    assert len(pictures) == len(files) == 11
    assert all(picture["alt"] and picture["width"] and picture["height"] for picture in pictures)
    assert all(int(picture["width"] or 0) <= 700 for picture in pictures)


def test_every_entry_of_the_contents_leads_somewhere(reader: Reader) -> None:
    anchors = {attributes["id"] for _, attributes in reader.tags if "id" in attributes}
    links = [str(link["href"]).removeprefix("#") for link in reader.all("a")]
    assert set(links) <= anchors
    assert links[1:] == [section["id"] for section in reader.all("section")]


def test_the_page_says_what_came_out(html: str, reader: Reader) -> None:
    texts = reader.texts
    assert any("simulated planet" in text for text in texts)
    assert f"84.0{formatting.THIN}%" in texts  # accuracy of the best, as a key figure
    assert any(text.endswith(f", random labels 50.0{formatting.THIN}%") for text in texts), "after the best baseline"
    assert f"1.23{formatting.THIN}%" in texts  # the leakage
    assert f"44.0{formatting.THIN}% to 56.0{formatting.THIN}%" in texts  # the random labels
    assert any("95 % intervals over the 37 blocks of the test subset" in text for text in texts)
    assert any("its 95 % interval over 37 blocks; below" in text for text in texts)
    assert any(
        "the best of the 9 networks, chosen anew each time" in text and "p = 0.004 (999" in text for text in texts
    )
    assert "resampled locations" not in html
    assert "… is not in the archive".replace("… ", "…_B7.TIF ") in texts
    assert "deposit rows without coordinates" in texts
    assert f"73{formatting.THIN}%" in texts
    assert "0.117" in texts
    assert f"10.00°{formatting.THIN}N, 170.00°{formatting.THIN}W" in html
    assert "0.80" in texts
    assert "0.0 to 2.5" in texts
    assert "no interval" in texts
    assert f"1{formatting.THIN}min 15{formatting.THIN}s" in texts


def test_prospects_beyond_the_fold_open_on_demand() -> None:
    page = reporting.build_page(world.full(), PageOptions("t", "w", top=22))
    images = {figure.name: b"" for figure in page.figures}
    reader = Reader(reporting.render(page, images))
    assert "2 more" in reader.texts
    ranks = [row[0] for section in page.sections if section.id == "prospects" for row in section.items[1].rows]  # type: ignore[union-attr]
    assert ranks == [str(rank) for rank in range(1, 23)]


def test_an_empty_workspace_gives_a_page_that_says_which_job_makes_what(workspace: Workspace) -> None:
    data = reporting.read(workspace)
    assert reporting.max_figures(workspace) == 0
    page = reporting.build_page(data, PageOptions("Nothing", "w", 10, missing_example="the job acquire"))
    assert page.figures == []
    assert [section.id for section in page.sections] == ["absent"]
    jobs = [row[1] for row in page.sections[0].items[0].rows]  # type: ignore[union-attr]
    assert {"the job acquire", "the job label", "the job curate", "the job evaluate", "the job prospect"} <= set(jobs)
    Reader(reporting.render(page, {}))


@pytest.mark.parametrize(
    ("present", "section"),
    [
        ({"ledger"}, "acquisition"),
        ({"ledger", "labels"}, "labels"),
        ({"samples", "summaries"}, "split"),
        ({"prospects"}, "prospects"),
        ({"runs"}, "provenance"),
    ],
)
def test_a_section_appears_with_its_artefact(present: set[str], section: str) -> None:
    full, options = world.full(), PageOptions("t", "w", 5)
    data = replace(world.empty(), **{name: getattr(full, name) for name in present})
    page = reporting.build_page(data, options)
    assert section in {found.id for found in page.sections}
    assert section not in {found.id for found in reporting.build_page(world.empty(), options).sections}


def test_artefacts_are_read_from_a_workspace(workspace: Workspace) -> None:
    workspace.write_table(artefacts.ledger_part(0), world.ledger())
    workspace.write_table(artefacts.labels_part(0), world.labels())
    workspace.write_table(artefacts.samples_table("presence"), world.samples())
    workspace.write_json(artefacts.samples_summary("presence"), world.SUMMARY)
    found = world.evaluation()
    workspace.write_json(artefacts.evaluation_metrics("presence"), found.metrics)
    workspace.write_table(artefacts.evaluation_predictions("presence"), found.predictions)
    for job, time in (("acquire", "10"), ("label", "11"), ("acquire", "12"), ("report", "13")):
        write_run(workspace, {**world.run(job), "started": f"2026-11-22T{time}:00:00.000000Z"})
    data = reporting.read(workspace)
    assert data.ledger is not None
    assert len(data.ledger) == 26
    assert list(data.summaries) == list(data.samples) == ["presence"]
    assert data.evaluations["presence"].best["name"] == "big-big-s0"
    assert data.prospects is None
    assert data.deposits is None
    assert {job: run["started"][11:13] for job, run in data.runs.items()} == {"acquire": "12", "label": "11"}
    page = reporting.build_page(data, PageOptions("t", "w", 5))
    assert reporting.max_figures(workspace) >= len(page.figures) > 0


def test_a_baseline_that_reporting_has_never_heard_of_has_a_column() -> None:
    found = world.evaluation()
    toy = world.baseline("toy", "toy", "coordinates only", "accuracy", 0.58)
    more = replace(found, metrics={**found.metrics, "models": [*found.models, toy]})
    table = metrics_table(more)
    assert table.header[2:] == ("random labels, mean of 2", "constant", "brightness only", "coordinates only")
    assert table.rows[0][-1] == (f"58.0{formatting.THIN}%", f"53.0{formatting.THIN}% to 63.0{formatting.THIN}%")


def test_the_page_says_what_intervals_are_worth() -> None:
    found = world.evaluation()
    by_location, of_one = (
        replace(found, metrics={**found.metrics, "interval": one})
        for one in ({"unit": "locations", "units": 698}, {"unit": "blocks", "units": 1})
    )
    assert "698 locations" in interval_text(by_location)
    assert "neighbouring locations may err alike" in interval_text(by_location)
    assert interval_text(of_one) == "The test subset cannot be resampled: there are no intervals."
    assert "neighbouring blocks may err alike" in interval_text(found)
    for text in (interval_text(by_location), interval_text(found)):
        assert "too narrow for a model that is alike over thousands of kilometres" in text


def test_one_network_is_not_the_best_of_several() -> None:
    found = world.evaluation()
    alone = {**found.metrics, "significance": {**found.metrics["significance"], "models": 1}}
    assert "this network scores as well or better" in outcome_text(replace(found, metrics=alone))
    bare = {key: value for key, value in found.metrics.items() if key not in ("significance", "baseline")}
    assert outcome_text(replace(found, metrics=bare)).endswith("on the test subset.")


def test_the_calibration_error_stands_beside_that_of_a_perfect_model() -> None:
    found = world.evaluation()
    best = {**found.best, "metrics": {"calibration": {"value": 0.15, "low": 0.1, "high": 0.2, "perfect": 0.106}}}
    models = [best if one is found.best else one for one in found.models]
    error, perfect = metrics_table(replace(found, metrics={**found.metrics, "models": models})).rows
    assert error[1] == ("0.150", "0.100 to 0.200")
    assert perfect[:2] == ("… of perfect calibration", "0.106")


def test_a_model_without_intervals_is_drawn() -> None:
    found = world.evaluation()
    bare = [
        {**one, "metrics": {"accuracy": {**one["metrics"]["accuracy"], "low": None, "high": None}}}
        for one in found.models
    ]
    metrics = {**found.metrics, "models": bare, "interval": {"unit": "blocks", "units": 1}}
    section = results_section("presence", replace(found, metrics=metrics))
    assert "every model and its 95 % interval; below" in section.items[0].caption
    assert section.items[1].rows[0][1] == (f"84.0{formatting.THIN}%", "")  # type: ignore[union-attr]
    style.png(section.items[0].figure)  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("sensor", "band", "text"),
    [
        ("LT04", "B7", "7 of the Thematic Mapper (swir22, 2.09 to 2.35 µm), where hydrothermally altered rock shows"),
        ("LC08", "B7", "7 of the OLI/TIRS (swir22, 2.11 to 2.29 µm), where hydrothermally altered rock shows"),
        ("LT04", "B1", "1 of the Thematic Mapper (blue, 0.45 to 0.52 µm)"),
        ("LE07", "B6_VCID_1", "6_VCID_1 of the Enhanced Thematic Mapper Plus (lwir, 10.40 to 12.50 µm)"),
        ("LM01", "B7", "7 of the MSS (nir09, 0.80 to 1.10 µm)"),
        ("LM04", "B7", "7"),  # has no such band
        ("", "B7", "7"),
    ],
)
def test_the_band_and_what_it_shows_are_the_sensors(sensor: str, band: str, text: str) -> None:
    (shown,) = scene_section(replace(world.example(), sensor=sensor, band=band), "").text
    assert shown.startswith(f"A scene in band {text}. The black around the image is fill: ")


def with_ensemble(data: reporting.ReportData) -> reporting.ReportData:
    """The world's evaluation with two members of 0.2 and 0.3, and their mean of 0.15."""
    found = data.evaluations["richness"]
    members = [world.network(f"member-s{n}", "ensemble-member", "mae", value) for n, value in enumerate((0.2, 0.3))]
    mean = world.network("ensemble", "ensemble", "mae", 0.15) | {"members": ["member-s0", "member-s1"]}
    metrics = {**found.metrics, "models": [*found.models, *members, mean]}
    return replace(data, evaluations={**data.evaluations, "richness": replace(found, metrics=metrics)})


def test_the_prospects_quote_the_ensemble_that_made_them() -> None:
    data = replace(world.full(), basis=world.basis(pixels=True))
    text = " ".join(prospects_section(with_ensemble(data), None, 3).text)
    assert "the mean absolute error of the ensemble for richness is 0.150 (0.100 to 0.200)" in text
    assert "that of its 2 networks alone 0.200 (0.150 to 0.250), 0.300 (0.250 to 0.350)" in text
    without = " ".join(prospects_section(data, None, 3).text)
    assert "has not been evaluated" in without


def test_a_list_that_no_pixels_have_made_says_so_in_its_heading() -> None:
    seen, blind = (
        prospects_section(replace(world.full(), basis=world.basis(pixels=pixels)), None, 3) for pixels in (True, False)
    )
    assert (seen.title, blind.title) == ("Where to look", "Where to look, as far as a map without pixels tells")
    assert blind.text[0].startswith("Ranked by the test. The reason.")
    tables = [item for item in blind.items if isinstance(item, Table)]
    assert tables[1].rows == [("inside", "40", "0.125", "0.500"), ("outside", "0", "–", "–")]
    assert "25" in tables[1].caption
    assert "41 such places" in tables[1].caption


def test_the_reliability_of_probabilities_stands_before_and_after_calibration() -> None:
    found = world.evaluation()
    one = {"low": 0.5, "high": 0.6, "samples": 1234, "predicted": 0.55, "observed": 0.25}
    sides = {"before": {"error": 0.3, "bins": [one]}, "after": {"error": 0.05, "bins": [one | {"low": 0.2}]}}
    told = sides | {"calibrations": [{"method": "temperature", "temperature": 2.5, "samples": 9}]}
    models = [{**model, "reliability": told} for model in found.models]
    section = results_section("presence", replace(found, metrics={**found.metrics, "models": models}))
    table = section.items[-1]
    assert isinstance(table, Table)
    assert "temperature 2.50" in table.caption
    spaced = [tuple(str(cell).replace(formatting.THIN, " ") for cell in row) for row in table.rows]
    assert spaced[0] == ("20 % to 30 %", "0", "–", "1,234", "25 %")
    assert spaced[1] == ("50 % to 60 %", "1,234", "25 %", "0", "–")
    assert spaced[2] == ("calibration error", "", "0.300", "", "0.050")


def test_a_simulated_planet_tells_what_is_true_of_the_prospects_and_what_can_be_attained() -> None:
    data = world.full()
    assert data.prospects is not None
    first = data.prospects.sort_values("rank")["location_id"].iloc[0]
    undiscovered = dict.fromkeys(data.prospects["location_id"], 0) | {first: 1234}
    truth = reporting.Truth("1 of the first 3 hold undiscovered deposits, 0.2 expected by chance", undiscovered)
    section = prospects_section(data, None, 3, truth)
    assert any("1 of the first 3 hold undiscovered deposits" in text for text in section.text)
    (table,) = [item for item in section.items if isinstance(item, Table)]  # without a basis there is no other
    assert table.header[-1] == "undiscovered deposits, in truth"
    assert [row[-1] for row in table.rows] == ["1,234", "0", "0"]

    found = data.evaluations["presence"]
    scores = {"attainable": {found.metric: 0.85}, "bayes": {found.metric: 0.95}}
    attained = {"metric": found.metric, "part": "40%", "scores": scores}
    shown = replace(found, metrics={**found.metrics, "attainable": attained})
    text = " ".join(results_section("presence", shown).text)
    assert "reach accuracy 85.0" in text
    assert f"{found.best['name']} has 40{formatting.THIN}% of what lies between" in text


def test_locations_that_are_not_ranked_are_told_with_the_reason() -> None:
    run = world.run("prospect")
    run["counts"]["reasons"] = {"on which the ensemble was trained or stopped": 90}
    data = replace(with_ensemble(world.full()), runs={**world.full().runs, "prospect": run})
    assert (
        "Locations left out: 90 on which the ensemble was trained or stopped."
        in prospects_section(data, None, 3).text[0]
    )
    none = prospects_section(replace(data, prospects=None), None, 3)
    assert none.text == ["No location is ranked. Locations left out: 90 on which the ensemble was trained or stopped."]
    assert not none.missing


def test_collapsed_networks_are_marked_on_the_page() -> None:
    found = world.evaluation("richness")
    tried = [{"seed": seed, "learning_rate": rate} for seed, rate in ((0, 0.001), (123, 0.0005))]
    models = [one | {"collapsed": one["name"] == "small-big-s0", "attempts": tried} for one in found.models]
    marked = replace(found, metrics={**found.metrics, "models": models})
    table = results_section("richness", marked).items[1]
    assert isinstance(table, Table)
    assert table.rows == [("small-big-s0", "seed 0 at 0.001, seed 123 at 0.0005")]
    labels = [row.label for row in compare(marked, "mae")]
    assert "small-big-s0, collapsed" in labels
    assert not any("small-small" in label and "collapsed" in label for label in labels)


def test_chips_of_one_scene_are_one_scene() -> None:
    data = world.full()
    assert data.ledger is not None
    tiles = data.ledger.assign(scene_id="S", status="ok", reason="")
    page = reporting.build_page(replace(data, ledger=tiles, catalogue=1), PageOptions("t", "w", 5))
    assert (page.key_figures[0].value, page.key_figures[0].detail) == ("1", "of 1 in the catalogue")
    section = next(section for section in page.sections if section.id == "acquisition")
    assert section.text[0].startswith("1 scenes were asked for; 0 failed.")


@pytest.mark.parametrize(
    ("location_id", "shown", "header"), [("034033", "034/033", "path/row"), ("EU-7", "EU-7", "location")]
)
def test_path_and_row_are_shown_where_the_key_holds_them(location_id: str, shown: str, header: str) -> None:
    prospects = world.prospects().assign(location_id=location_id)
    table = prospects_section(replace(world.full(), prospects=prospects), None, 3).items[1]
    assert table.header[1] == header  # type: ignore[union-attr]
    assert table.rows[0][1][0] == shown  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        (formatting.score("accuracy", 0.7312), "73.1_%"),
        (formatting.score("mae", -0.0001), "0.000"),
        (formatting.score("r2", -0.25), "−0.250"),
        (formatting.score("auc", None), "–"),
        (formatting.score("auc", float("nan")), "–"),
        (formatting.interval("mae", {"low": 0.1, "high": 0.2}), "0.100 to 0.200"),
        (formatting.interval("mae", {"value": 0.1}), ""),
        (formatting.duration(3.21), "3.2_s"),
        (formatting.duration(3_725), "1_h 02_min"),
        (formatting.size(999), "999 bytes"),
        (formatting.size(54_300_000), "54.3_MB"),
        (formatting.position(-181.0, -34.256), "34.26°_S, 179.00°_E"),
    ],
)
def test_numbers_are_worded_for_people(given: str, shown: str) -> None:
    assert given == shown.replace("_", formatting.THIN)


def test_settings_are_flattened_without_what_says_nothing() -> None:
    nested = {"train": {"seeds": [0, 1], "none": None, "inner": {"rate": 0.1}}, "seed": 0, "empty": {}}
    assert formatting.flatten(nested) == [("train.seeds", "0, 1"), ("train.inner.rate", "0.1"), ("seed", "0")]


def test_the_split_tells_regions_and_what_is_left_out() -> None:
    counts = {"Africa": {"train": 1_200, "validation": 3, "test": 0, "dropped": 7}, "": {"test": 5}}
    more = {"regions": counts, "dropped": {"snow or ice": 1_005, "over the ocean": 2}}
    richness = {**world.SUMMARY, "dropped": {"no known deposit": 9, "snow or ice": 1_005}}
    summaries = {"presence": {**world.SUMMARY, **more}, "richness": richness}
    section = split_section(replace(world.full(), summaries=summaries), None)
    regions, dropped = (item for item in section.items[2:4] if isinstance(item, Table))
    assert regions.header == ("presence, by region", "train", "validation", "test", "dropped")
    assert regions.rows == [("Africa", "1,200", "3", "0", "7"), ("in none", "0", "0", "5", "0")]
    assert dropped.header == ("chips left out", "presence", "richness")
    assert dropped.rows == [
        ("snow or ice", "1,005", "1,005"),
        ("over the ocean", "2", "0"),
        ("no known deposit", "0", "9"),
    ]
    old = split_section(world.full(), None)
    assert [item.header[0] for item in old.items if isinstance(item, Table)] == ["", "leakage"]


def test_reflectance_is_told_beside_the_digital_numbers_that_are_shown() -> None:
    for is_reflectance in (False, True):
        (text,) = scene_section(replace(world.example(), is_reflectance=is_reflectance), "").text
        assert ("the networks see the reflectance at the top of the atmosphere" in text) == is_reflectance


def test_barren_places_are_told_where_there_are_any() -> None:
    data = world.full()
    assert data.labels is not None
    assert "barren" not in labels_section(data, None).text[0]
    few = data.labels.assign(is_barren=[True, True, True, *[False] * (len(data.labels) - 3)])
    (text, *_) = labels_section(replace(data, labels=few), None).text
    assert " 3 of the others hold a place that was explored and is barren: these come first among the negatives" in text
