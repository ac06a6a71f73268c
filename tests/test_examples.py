"""The examples of docs/examples run as they stand."""

from __future__ import annotations

import re
import runpy
from collections.abc import Callable
from pathlib import Path

import geopandas as gpd
import pytest
import shapely
from matplotlib.image import imread
from synthetic_samples import write_samples

import mineral_pipeline as mp
from mineral_pipeline.workspace import Workspace

EXAMPLES = Path(__file__).parents[1] / "docs" / "examples"
Run = Callable[..., str]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs an example with arguments, and gives what it prints."""

    def run(name: str, *arguments: object) -> str:
        monkeypatch.setattr("sys.argv", [name, *map(str, arguments)])
        runpy.run_path(str(EXAMPLES / name))
        return capsys.readouterr().out

    return run


@pytest.fixture
def footprints(tmp_path: Path) -> Path:
    """Four squares in UTM, of which two overlap."""
    squares = [shapely.box(west, 0, west + 1, 1) for west in (0, 0.5, 20, 40)]
    table = gpd.GeoDataFrame(
        {"side": ["Training", "held out", "Training", "held out"]}, geometry=squares, crs="EPSG:4326"
    )
    table.to_crs("EPSG:3857").to_file(tmp_path / "footprints.gpkg")
    return tmp_path / "footprints.gpkg"


@pytest.fixture
def points(tmp_path: Path) -> Path:
    table = gpd.GeoDataFrame(geometry=gpd.points_from_xy([0.75, 0.25, 90], [0.5, 0.5, 0.5]), crs="EPSG:4326")
    table.to_file(tmp_path / "points.geojson")
    return tmp_path / "points.geojson"


def test_examples_are_short() -> None:
    assert [path.name for path in sorted(EXAMPLES.iterdir()) if path.suffix == ".py"] == [
        "own_network.py", "own_network_torch.py", "own_points.py", "own_split.py",
    ]  # fmt: skip
    assert all(path.read_text().count("\n") < 40 for path in EXAMPLES.glob("*.py"))


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.py")), ids=lambda path: path.name)
def test_examples_use_public_names_only(path: Path) -> None:
    """Also that which needs a package that is not installed."""
    text = path.read_text()
    assert set(re.findall(r"\bmp\.(\w+)", text)) <= set(mp.__all__)
    assert re.findall(r"mineral_pipeline\S*.*", text) == ["mineral_pipeline as mp"]


def test_own_points(run: Run, footprints: Path, points: Path) -> None:
    told = run("own_points.py", footprints, points, footprints)
    assert (
        "footprint 0 holds the points [0, 1]\nfootprint 1 holds the points [0]\nfootprint 2 holds the points []" in told
    )
    assert "2 of 3 points lie on land" in told


def test_own_split(run: Run, footprints: Path, points: Path) -> None:
    told = run("own_split.py", footprints, "side", points)
    first = told.splitlines()[1].split()
    assert first == ["Training", "held", "out", "0.25", "0.5", "0.5", "1"]
    assert "Training" in run("own_split.py", footprints, "side")


def test_own_network(run: Run, workspace: Workspace, tmp_path: Path) -> None:
    write_samples(workspace, "presence", locations=20, chips=1, size=16)
    told = run("own_network.py", workspace.url, tmp_path / "map.png", 1)
    assert "of 4 validation chips are right" in told
    assert imread(tmp_path / "map.png").shape == (600, 1200, 4)


def test_own_network_in_torch(run: Run, workspace: Workspace) -> None:
    pytest.importorskip("torch", reason="PyTorch is not installed")
    write_samples(workspace, "presence", locations=20, chips=1, size=16)
    assert "of 4 validation chips are right" in run("own_network_torch.py", workspace.url, 1)
