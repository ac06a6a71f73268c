"""Settings: unknown keys, bounds, variables and overrides; every settings file of the repository is valid."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
import yaml

from mineral_pipeline import settings as reader
from mineral_pipeline.errors import SettingsError

ROOT = Path(__file__).parents[1]
COMMODITY_BASE: dict[str, Any] = {
    "workspace": "w", "archive": {"url": "a"}, "label": {"deposits": ["d.csv"]}, "curate": {"land": "l.geojson"},
}  # fmt: skip
MINIMAL = {"workspace": "somewhere", "jobs": ["catalogue"], "archive": {"url": "archive"}}


def write(path: Path, **changes: object) -> str:
    path.write_text(yaml.safe_dump({**MINIMAL, **changes}))
    return str(path)


@pytest.mark.parametrize("file", sorted((ROOT / "jobs" / "settings").glob("*.yaml")), ids=lambda file: file.name)
def test_every_settings_file_is_valid(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("MINERAL_PIPELINE_DATA", "DEPOSITS", "LAND"):
        monkeypatch.setenv(variable, "/data")

    assert reader.load(str(file)).jobs


def test_defaults_are_the_study(tmp_path: Path) -> None:
    settings = reader.load(write(tmp_path / "a.yaml"))

    assert settings.acquire.chip_size == 512
    assert settings.acquire.bands == ["B7"]
    assert settings.catalogue.spacecraft == ["LANDSAT_4"]
    assert settings.curate is None


def test_unknown_key_is_named(tmp_path: Path) -> None:
    path = write(tmp_path / "a.yaml", acquire={"chipsize": 64})

    with pytest.raises(
        SettingsError, match=r"a\.yaml: unknown key acquire\.chipsize: remove it or correct its spelling; did you mean"
    ):
        reader.load(path)


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("acquire.chipsize=64", r"spelling; did you mean acquire\.chip_size\?$"),
        ("bands=[B7]", r"unknown key bands: .*did you mean acquire\.bands\?$"),
        ("acquire.block_size_km=9", r"did you mean curate\.block_size_km\?$"),
        ("train.hyperparameters.drop_out=0.1", r"did you mean train\.hyperparameters\.dropout\?$"),
        ("catalogue.xyzzy=1", r"unknown key catalogue\.xyzzy: remove it or correct its spelling$"),
        ("jobs=[catalog]", r"given: 'catalog'\); did you mean catalogue\?$"),
        ("acquire.method=samplng", r"did you mean sampling\?$"),
    ],
)
def test_what_was_meant_is_proposed(tmp_path: Path, override: str, message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        reader.load(write(tmp_path / "a.yaml"), [override])


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("acquire.chip_size=-4", r"acquire\.chip_size: Input should be greater than 0 \(given: -4\)"),
        ("acquire.method=blur", r"acquire\.method: Input should be 'resize', 'rescale' or 'sampling'"),
        ("acquire.bands=[]", r"acquire\.bands: List should have at least 1 item"),
        ("curate.test_fraction=1.5", r"curate\.test_fraction"),
        ("nonsense", r"write section\.key=value"),
        ("workspace.deep=1", r"workspace is not a section"),
        (
            "train.primary_metric.presence=AUC",
            r"train\.primary_metric\.presence: there is no 'AUC': give one of accuracy, ",
        ),
        (
            "train.primary_metric.richness=auc",
            r"there is no 'auc': give one of mae, mse, rmse, r2, concordance_500, conc",
        ),
        (
            "train.primary_metric.presence=local_auc_250",
            r"there is no .*, cross_entropy, local_auc_500, local_auc_1000$",
        ),
        ("train.primary_metric.wealth=mae", r"unknown key train\.primary_metric\.wealth"),
        ("train.primary_metric=auc", r"train\.primary_metric"),
        ("evaluate.local_km=[0]", r"evaluate\.local_km\.0: Input should be greater than 0"),
        ("evaluate.local_km=[500, 500.0]", r"evaluate\.local_km: .*names something twice"),
        ("evaluate.local_km=[.nan]", r"evaluate\.local_km\.0"),
        ("evaluate.local_km=[50000]", r"evaluate\.local_km\.0: Input should be less than or equal to 20040"),
        ("evaluate.local_km=500", r"evaluate\.local_km: Input should be a valid list"),
    ],
)
def test_a_bad_value_is_named_in_one_line(tmp_path: Path, override: str, message: str) -> None:
    path = write(tmp_path / "a.yaml", curate={"land": "land.geojson"})

    with pytest.raises(SettingsError, match=message) as caught:
        reader.load(path, [override])
    assert "\n" not in str(caught.value)


def test_override_and_workspace_replace_the_file(tmp_path: Path) -> None:
    settings = reader.load(write(tmp_path / "a.yaml"), ["acquire.bands=[B5, B7]", "seed=3"], workspace="/elsewhere")

    assert (settings.acquire.bands, settings.seed, settings.workspace) == (["B5", "B7"], 3, "/elsewhere")


def test_a_variable_is_expanded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WHERE", "/here")
    path = write(tmp_path / "a.yaml", archive={"url": "${WHERE}/archive", "index": "${WHERE}/i.csv"})

    assert reader.load(path).archive.url == "/here/archive"


def test_paths_are_those_of_the_directory_in_which_the_settings_are_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    sections = {"label": {"deposits": ["d.csv", "https://host/d.csv"]}, "curate": {"land": "./a/../land.parquet"}}
    settings = reader.load(write(tmp_path / "a.yaml", **sections), ["archive.index=file://i.csv"], "here/")
    monkeypatch.chdir("/")

    assert settings.workspace == f"{tmp_path}/here"
    assert settings.archive.url == f"{tmp_path}/archive"
    assert settings.archive.index == f"file://{tmp_path}/i.csv"
    assert settings.label is not None
    assert [table.path for table in settings.label.deposits] == [f"{tmp_path}/d.csv", "https://host/d.csv"]
    assert settings.curate is not None
    assert settings.curate.land == f"{tmp_path}/land.parquet"


@pytest.mark.parametrize("url", ["gs://bucket/a", "memory://a/../b", "simplecache::file://a", "/a", "file:///a"])
def test_urls_and_absolute_paths_stay_as_they_are(url: str) -> None:
    assert reader.absolute(url) == url


def test_the_home_directory_is_expanded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/geologist")

    assert reader.absolute("~/archive") == "/home/geologist/archive"


def test_an_unset_variable_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WHERE", raising=False)
    path = write(tmp_path / "a.yaml", archive={"url": "${WHERE}/archive"})

    with pytest.raises(SettingsError, match="the environment variable WHERE is not set"):
        reader.load(path)


def test_a_job_needs_its_section(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="label: the job label is listed in jobs but its section is absent"):
        reader.load(write(tmp_path / "a.yaml", jobs=["label"]))


@pytest.mark.parametrize(
    ("content", "message"),
    [("a: [", "not YAML"), ("just text", "mapping of sections"), (None, "No such file")],
)
def test_an_unreadable_file_is_named(tmp_path: Path, content: str | None, message: str) -> None:
    path = tmp_path / "a.yaml"
    if content is not None:
        path.write_text(content)

    with pytest.raises(SettingsError, match=message) as caught:
        reader.load(str(path))
    assert str(path) in str(caught.value)


BOMB = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{here}: &{here} [{', '.join([f'*{before}'] * 9)}]\n" for before, here in zip("abcdefgh", "bcdefghi", strict=True)
)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("catalogue: {start: 1990-02-30}", r"catalogue\.start: .*valid date.*given: '1990-02-30'"),
        ("report: {title: Gr\xfcn}".encode("latin-1"), r"byte \d+ is not UTF-8: save it in UTF-8"),
        ("seed: " + "9" * 5000, "more than 100 characters"),
        ("seed: 0x" + "f" * 5000, "more than 100 characters.*line 4"),
        ("seed: " + "1:" * 100_000 + "1", "more than 100 characters"),  # took seconds to convert
        ("seed: 0x" + "f" * 50, r"beyond 2\^63.*line 4"),
        ("seed: 1e400", "seed: Input should be"),
        ("curate: {land: l, block_size_km: .inf}", r"block_size_km: Input should be a finite number"),
        ("report: !!python/object/apply:os.system [ls]", "could not determine a constructor"),
        ("report: !!timestamp nonsense", r"not YAML: .*line 4"),
        ("report: !!binary \xfc", "not YAML: "),
        ("? [a]\n: b", "unhashable key"),
        ("7: b", "7: Keys should be strings"),
        (BOMB, "aliases stand for more than 20,000 values"),
        ("report: &a " + "x" * 2000 + "\ntasks: [" + "*a, " * 1000 + "]", "aliases stand for more than 20,000 values"),
        (BOMB.replace("[", "{").replace("]", "}"), "not YAML"),
        ("a: &a [*a]", "an alias stands for what holds it"),
        ("a: " + "[" * 100_000, "levels"),
        ("a: " + "{a: " * 40 + "}" * 40, "more than 32 levels"),
        ("seed: 1\nseed: 2", "the key seed is given twice.*line 5"),
        ("x" * 300_000 + ": 1", "more than 256 KiB"),
        ('"a\\nb\\e[31m": 1', r"unknown key a b \[31m: remove"),
        ("jobs2: [" + "x, " * 50_000 + "]", "more than 20,000 values.*line 4"),  # known before it is read to its end
    ],
)
def test_hostile_documents_are_refused_in_one_line(tmp_path: Path, content: str | bytes, message: str) -> None:
    path = tmp_path / "a.yaml"
    body = content if isinstance(content, bytes) else content.encode()
    path.write_bytes(b"workspace: w\njobs: [catalogue]\narchive: {url: a}\n" + body)

    with pytest.raises(SettingsError, match=message) as caught:
        reader.load(str(path))
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 1500


def test_only_regular_files_are_opened(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    for path in (str(pipe), "/dev/zero", str(tmp_path)):
        with pytest.raises(SettingsError, match="is not a regular file"):
            reader.load(path)
    with pytest.raises(SettingsError, match="is no path: embedded null"):
        reader.load("a\0b")


@pytest.mark.parametrize("override", ["acquire.bands=[B5", "seed=1: 2: 3", "report.title='", "seed=&a [*a]", "seed=\0"])
def test_a_hostile_override_is_refused_in_one_line(tmp_path: Path, override: str) -> None:
    with pytest.raises(SettingsError, match="--set") as caught:
        reader.load(write(tmp_path / "a.yaml"), [override])
    assert "\n" not in str(caught.value)


def test_an_override_changes_one_of_the_sections_that_an_alias_shares(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_text(
        "workspace: w\njobs: [catalogue]\narchive: {url: a, storage_options: {x: &shared {k: 1}, y: *shared}}\n"
    )
    settings = reader.load(str(path), ["archive.storage_options.x.k=2"])
    assert settings.archive.storage_options == {"x": {"k": 2}, "y": {"k": 1}}


def test_a_local_metric_may_decide_when_its_distance_is_among_the_settings(tmp_path: Path) -> None:
    path = write(tmp_path / "a.yaml", evaluate={"local_km": [250]}, train={"primary_metric": {"richness": "r2"}})
    found = reader.load(path, ["train.primary_metric.presence=local_auc_250"]).train.primary_metric
    assert (found.of("presence"), found.of("richness")) == ("local_auc_250", "r2")
    assert reader.load(write(tmp_path / "b.yaml", evaluate={"local_km": []})).evaluate.local_km == []


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"tasks": ["presense:gold"]}, r"'presense:gold' is no task: .*; did you mean presence:gold\?$"),
        ({"tasks": ["presence:"]}, r"tasks\.0: 'presence:' is no task: write presence or richness, alone or with"),
        ({"tasks": ["presence:gold", "presence:Gold"], "jobs": ["curate"]}, "names something twice"),
        (
            {"tasks": ["presence:gold"]},
            "tasks: the job prospect ranks .*, and tasks are about gold alone: set",
        ),
        ({"prospect": {"commodity": "gold"}}, "add presence:gold and richness:gold to tasks$"),
        ({"tasks": ["presence:gold"], "prospect": {"commodity": "gold"}}, "add richness:gold to tasks$"),
        ({"prospect": {"commodity": "group:"}}, r"prospect\.commodity: 'group:' is no commodity"),
    ],
)
def test_tasks_that_cannot_be_meant(changes: dict[str, Any], says: str) -> None:
    with pytest.raises(SettingsError, match=says):
        reader.parse(COMMODITY_BASE | changes)


def test_tasks_are_written_in_one_way() -> None:
    made = reader.parse(COMMODITY_BASE | {"tasks": ["presence", "presence: Barium-Barite", "richness:group:precious"],
                                          "jobs": ["curate"]})  # fmt: skip
    assert made.tasks == ["presence", "presence:barium_barite", "richness:group:precious"]
    assert made.subjects == ["", "barium_barite", "group:precious"]
    assert made.prospect_tasks == ["presence"]
    assert made.train.primary_metric.of("richness:group:precious") == "mae"
