"""The commands of a package that is installed, without its repository: init, bundled files by name, version, help."""

from __future__ import annotations

import importlib
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from jobs.__main__ import main
from jobs.running import bundled, preflight
from jobs.running.command_line import COMMANDS, DESCRIPTIONS, OTHERS
from mineral_pipeline import settings as reader
from mineral_pipeline.errors import ClusterError, SettingsError

ROOT = Path(__file__).parents[2]


def one_line(capsys: pytest.CaptureFixture[str]) -> str:
    (line,) = capsys.readouterr().err.splitlines()
    return line


@pytest.mark.parametrize("name", bundled.names())
def test_init_writes_a_copy_that_is_valid(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("MINERAL_PIPELINE_DATA", "DEPOSITS", "LAND"):
        monkeypatch.setenv(variable, "/data")
    assert main(["init", str(tmp_path / "new/folder"), "--from", name]) == 0
    written = tmp_path / "new/folder/settings.yaml"
    text = written.read_text()
    assert text.startswith("# ")
    assert f"mineral-pipeline run {name}" not in text
    assert yaml.safe_load(text) == yaml.safe_load((ROOT / f"jobs/settings/{name}.yaml").read_text())
    assert reader.load(str(written)) == reader.load(bundled.find_settings(name))


def test_init_overwrites_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "settings.yaml").write_text("mine")
    assert main(["init", str(tmp_path)]) == 2
    assert one_line(capsys) == f"mineral-pipeline: {tmp_path}/settings.yaml exists: remove it, or name another folder"
    assert (tmp_path / "settings.yaml").read_text() == "mine"
    assert main(["init", f"{tmp_path}/settings.yaml/below"]) == 2
    assert "cannot be written: Not a directory: name another folder" in one_line(capsys)
    assert main(["init", f"{tmp_path}/b", "--from", "dmeo"]) == 2
    assert "--from dmeo: give one of demo, landsat4, own, real-" in one_line(capsys)
    assert not (tmp_path / "b").exists()


def test_settings_are_found_by_name_and_a_path_goes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert Path(bundled.find_settings("demo")).samefile(ROOT / "jobs/settings/demo.yaml")
    (tmp_path / "demo").write_text("")
    assert bundled.find_settings("demo") == "demo"
    with pytest.raises(SettingsError, match=r"jobs/settings/own\.yaml: no such file: .*; did you mean own\?$"):
        bundled.find_settings("jobs/settings/own.yaml")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["catalog", "demo"], "did you mean catalogue?: see mineral-pipeline --help"),
        (["reprot", "demo"], "did you mean report?"),
        (["demo"], "invalid choice: 'demo'"),
        (["run"], "the following arguments are required: settings: see mineral-pipeline run --help"),
        ([], "the following arguments are required: COMMAND"),
    ],
)
def test_usage_is_one_line(arguments: list[str], says: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
    assert says in one_line(capsys)


def test_a_mistyped_cluster(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["catalogue", "demo", "--cluster", "thread"]) == 2
    assert one_line(capsys).endswith("give a file or one of address, local, slurm, threads; did you mean threads?")


def test_help_says_what_every_command_does(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--help"])
    overview = " ".join(capsys.readouterr().out.split())
    for command in [*COMMANDS, *OTHERS]:
        if command not in DESCRIPTIONS:
            documentation = importlib.import_module(f"jobs.{command.replace('-', '_')}").__doc__ or ""
            first = documentation.partition("\n")[0]
            assert f"{command} {' '.join(first.removesuffix('.').split())}" in overview
    with pytest.raises(SystemExit):
        main(["acquire", "--help"])
    assert (importlib.import_module("jobs.acquire").__doc__ or "").splitlines()[-1] in capsys.readouterr().out


def test_the_version(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--version"])
    assert ended.value.code == 0
    assert capsys.readouterr().out.startswith("mineral-pipeline 0.")


def test_help_and_mistakes_import_no_heavy_library() -> None:
    code = (
        "import sys; from jobs.__main__ import main\n"
        "try: main(['--help'])\n"
        "except SystemExit: pass\n"
        "main(['run', 'nosuch'])\n"
        "print(sorted({'dask', 'distributed', 'keras', 'tensorflow', 'xarray', 'geopandas'} & {*sys.modules}))"
    )
    ended = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert ended.stdout.splitlines()[-1] == "[]"


def test_without_tensorflow_one_line_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tensorflow", None)
    preflight.check_tensorflow(["catalogue", "acquire", "report"], "local")
    monkeypatch.setenv("DASK_SCHEDULER_ADDRESS", "tcp://127.0.0.1:1")
    preflight.check_tensorflow(["train"], "address")  # its workers say it themselves
    says = r"^train, evaluate: TensorFlow is not installed: pip install 'mineral-pipeline\[cpu\]', or \[gpu\], or leave"
    for cluster_file in ("local", "threads"):
        with pytest.raises(ClusterError, match=says):
            preflight.check_tensorflow(["curate", "train", "evaluate"], cluster_file)
