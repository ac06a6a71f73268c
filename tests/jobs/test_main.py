"""The command line: bad input is one line and exit status 2; status and verify tell the truth."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from small_demo import DEMO, demo_overrides

from jobs.__main__ import main
from mineral_pipeline.errors import SettingsError
from mineral_pipeline.workspace import Workspace, artefacts

Run = Callable[..., int]


@pytest.fixture
def run(planet: Path, tmp_path: Path) -> Run:
    """Run a job on a copy of the acquired planet, in one process."""
    shutil.copytree(planet / "workspace", tmp_path / "workspace")

    def call(job: str, *changes: str, options: tuple[str, ...] = ()) -> int:
        sets = [text for change in [*demo_overrides(planet), *changes] for text in ("--set", change)]
        given = ("--workspace", str(tmp_path / "workspace"))
        return main([job, str(DEMO), *given, "--cluster", "threads", *sets, *options])

    return call


def one_line(capsys: pytest.CaptureFixture[str]) -> str:
    error = capsys.readouterr().err
    lines = [line for line in error.splitlines() if line]
    assert len(lines) == 1, error
    assert lines[0].startswith("mineral-pipeline: ")
    return lines[0]


@pytest.mark.parametrize(
    ("job", "change", "says"),
    [
        ("acquire", "acquire.chipsize=3", "unknown key acquire.chipsize"),
        ("acquire", "acquire.chip_size=-64", "acquire.chip_size: Input should be greater than 0"),
        ("acquire", "acquire.method=sampling", "made with other settings (acquire): acquire.method was 'rescale'"),
        ("catalogue", "workspace=", "workspace"),
    ],
)
def test_bad_settings(run: Run, capsys: pytest.CaptureFixture[str], job: str, change: str, says: str) -> None:
    if change == "workspace=":
        assert main([job, str(DEMO), "--workspace", "", "--cluster", "threads"]) == 2
    else:
        assert run(job, change) == 2
    assert says in one_line(capsys)


def test_a_workspace_of_another_format_is_refused_by_every_command(
    run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    url = str(tmp_path / "workspace")
    Workspace(url).remove(artefacts.WORKSPACE_FILE)

    calls = [
        lambda: run("acquire"),
        lambda: run("run", options=("--plan",)),
        lambda: main(["status", url]),
    ]
    for call in calls:
        assert call() == 2
        assert f"workspace {url} has format 1, of an older version of this program" in one_line(capsys)


def test_names_that_nothing_is_registered_under(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    for change, says in (
        ("curate.split=islands", "curate.split: unknown split 'islands': choose among blocks, b"),
        (
            "curate.exclude=[{snow: 0.5}]",
            "curate.exclude: snow shows in visible light only: acquire.bands: B7 are not two visible bands",
        ),
        ("train.networks=[resnet]", "train.networks: unknown network 'resnet': choose among small-small"),
    ):
        assert run("acquire", change) == 2
        assert says in one_line(capsys)
    for job in ("curate", "run"):
        assert run(job, "curate.split=regions", "curate.test_regions=[Atlantis]") == 2
        assert "curate.test_regions: unknown 'Atlantis': choose among Africa, Antarctica, Asia" in one_line(capsys)


def test_an_unreadable_archive(run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shutil.rmtree(tmp_path / "workspace")

    assert run("catalogue", f"archive.url={tmp_path}/nowhere") == 2
    assert f"{tmp_path}/nowhere" in one_line(capsys)


def test_an_empty_catalogue(run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shutil.rmtree(tmp_path / "workspace")

    assert run("catalogue", "catalogue.spacecraft=[LANDSAT_9]") == 2
    assert "LANDSAT_9" in one_line(capsys)


@pytest.mark.parametrize("content", [None, "site_name,latitude,longitude\n", "name,where\na,b\n"])
def test_no_deposits(run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str], content: str | None) -> None:
    path = tmp_path / "none.csv"
    if content is not None:
        path.write_text(content)

    assert run("label", f"label.deposits=[{path}]") == 2
    assert str(path) in one_line(capsys)


@pytest.mark.parametrize("content", [None, '{"type": "FeatureCollection", "features": []}', "not a map"])
def test_no_land(run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str], content: str | None) -> None:
    path = tmp_path / "none.geojson"
    if content is not None:
        path.write_text(content)
    assert run("label") == 0
    capsys.readouterr()

    assert run("curate", f"curate.land={path}") == 2
    assert str(path) in one_line(capsys)


def test_one_class_only(run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "far.csv"
    path.write_text("site_name,latitude,longitude,commod1\nSouth Pole,-90,0,Gold\n")
    assert run("label", f"label.deposits=[{path}]") == 0
    capsys.readouterr()

    assert run("curate", f"label.deposits=[{path}]") == 2
    assert "one class" in one_line(capsys)


def test_debug_shows_the_traceback(run: Run) -> None:
    with pytest.raises(SettingsError, match="unknown key"):
        run("acquire", "acquire.chipsize=3", options=("--debug",))


def test_an_absent_artefact_names_the_job_that_makes_it(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("curate") == 2
    assert "labels.parquet is absent" in one_line(capsys)


def test_too_many_failures_are_exit_status_1(
    run: Run, planet: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    workspace = Workspace(str(tmp_path / "workspace"))
    for name in (artefacts.CHIPS, "chips.parquet"):
        workspace.remove(name)
    catalogue = workspace.read_table(artefacts.CATALOGUE)
    catalogue["base_url"] = str(tmp_path / "nowhere")
    workspace.write_table(artefacts.CATALOGUE, catalogue)

    assert run("acquire") == 1
    text = " ".join(capsys.readouterr().out.split())
    assert f"{len(catalogue)} missing" in text
    assert re.search(
        rf"with --retry-failed; {len(catalogue)} of them: \S*LT04_\w+_MTL\.txt is not in the archive", text
    )


def test_status_and_verify(run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    url = str(tmp_path / "workspace")
    scenes = len(Workspace(url).read_table(artefacts.CATALOGUE))

    assert main(["status", url, "--json"]) == 0
    counts = json.loads(capsys.readouterr().out)["jobs"]["acquire"]
    assert (counts["planned"], counts["failed"]) == (scenes, 0)
    assert main(["verify", url]) == 0
    part = next(
        path for path in (tmp_path / "workspace" / artefacts.CHIPS / "image" / "c").rglob("*") if path.is_file()
    )
    part.unlink()
    assert main(["verify", url]) == 1
    assert "is absent: run `mineral-pipeline repair SETTINGS`" in capsys.readouterr().out


def test_status_of_something_else(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["status", str(tmp_path)]) == 2
    assert "is it a workspace?" in one_line(capsys)


def test_plan_changes_nothing(run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = sorted(tmp_path.rglob("*"))

    assert run("run", options=("--plan",)) == 0
    output = capsys.readouterr().out
    for job in ("simulate", "acquire", "train", "report"):
        assert job in output
    assert sorted(tmp_path.rglob("*")) == before
