"""The benchmark of the index runs, and its index is as described."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pandas as pd
import pytest

from benchmarks import index
from benchmarks.support import harness


@pytest.mark.slow
def test_a_small_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "index.json"
    assert (
        harness.command_line("index", index.measure, index.PACKAGES, ["--small", "--check", "--json", str(path)]) == 0
    )
    assert "holds: counts and identifiers that are right: 3" in capsys.readouterr().out
    rows = {row["method"]: row for row in json.loads(path.read_text())["reports"][0]["rows"]}
    assert rows[index.ZCAT]["seconds"] > 0
    assert rows["zcat | grep"]["facts"]["rows"] == "90"
    assert all(0 < float(row["facts"]["peak_MB"]) < 1000 for row in rows.values())


def test_the_index_is_one_member_with_the_real_columns(tmp_path: Path, data: Path) -> None:
    blocks = [index.make_block(number, 1000) for number in range(index.DISTINCT_BLOCKS)]
    path = tmp_path / "index.csv.gz"
    size = index.write_index(path, blocks, 2)
    text = gzip.decompress(path.read_bytes())
    assert len(text) == size
    assert path.read_bytes().count(b"\x1f\x8b\x08\x00") == 1
    table = pd.read_csv(path)
    assert table.columns.tolist() == pd.read_csv(data / "index" / "index-header.csv").columns.tolist()
    assert len(table) == 16_000
    assert (table["SPACECRAFT_ID"] == "LANDSAT_4").sum() == 90
    assert (table["SPACECRAFT_ID"] == "LANDSAT_8").sum() == 2000
    assert table["PRODUCT_ID"].nunique() == 8000


def test_the_peak_is_that_of_the_process_alone() -> None:
    ballast = bytearray(300_000_000)
    result = index.run("bash", "-c", "echo done")
    assert result.output == "done"
    assert result.peak_mb < len(ballast) / 2e6
