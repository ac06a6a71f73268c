"""The downsampling benchmark runs, and its result is complete."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks import downsample
from benchmarks.support import harness


@pytest.mark.slow
def test_a_small_run(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(downsample.PROGRAMS, "ImageMagick", ("", downsample.PROGRAMS["ImageMagick"][1]))
    path = tmp_path / "downsample.json"
    arguments = ["--small", "--check", "--json", str(path)]
    assert harness.command_line("downsample", downsample.measure, downsample.PACKAGES, arguments) == 0
    assert "holds: files of which our average is GDAL's within one level: 2" in capsys.readouterr().out
    (found,) = json.loads(path.read_text())["reports"]
    methods = [row["method"] for row in found["rows"]]
    assert methods[0] == "mineral_pipeline rescale; 600 x 650 striped LZW"
    assert "odc-loader resize; 600 x 650 tiled deflate" in methods
    assert not any(method.startswith("ImageMagick") for method in methods)
    assert "ImageMagick: absent from this machine, not measured" in found["notes"]


def test_processor_time_includes_that_of_programs() -> None:
    before = downsample.processor_seconds()
    downsample.subprocess.run(["python3", "-c", "sum(range(10**6))"], check=True)
    assert downsample.processor_seconds() > before + 0.005
