"""GeoPackage and QGIS project: opened by GDAL, and by QGIS itself where it is installed."""

from __future__ import annotations

import shutil
import subprocess
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import geopandas as gpd
import numpy as np
import pyogrio
import pytest
import rasterio
from prospect_tables import make_prospects

from mineral_pipeline import prospecting
from mineral_pipeline.workspace import Workspace, artefacts


@pytest.fixture
def written(workspace: Workspace) -> Workspace:
    prospecting.write(workspace, make_prospects([20.0, 179.8, -60.0]))
    return workspace


def test_the_geopackage_holds_the_table(written: Workspace) -> None:
    path = written.path(artefacts.PROSPECTS_PACKAGE)
    assert pyogrio.list_layers(path).tolist() == [["prospects", "MultiPolygon"]]
    mapped, table = gpd.read_file(path), written.read_table(artefacts.PROSPECTS)
    assert mapped.crs == "EPSG:4326"
    for name in table.columns.drop("geometry"):
        assert mapped[name].tolist() == table[name].tolist(), name
    assert mapped.geometry.union_all().equals(table.geometry.union_all())


def test_infinity_is_null_in_geojson(written: Workspace) -> None:
    mapped = gpd.read_file(written.path(artefacts.PROSPECTS_GEOJSON))
    assert mapped["expected_high"].isna().tolist() == [False, True, False]


def test_every_layer_of_the_project_opens_and_is_styled(written: Workspace) -> None:
    root = ElementTree.fromstring(written.read_bytes(artefacts.PROSPECTS_PROJECT))
    layers = root.findall("projectlayers/maplayer")
    shown = {layer.attrib["id"]: layer.attrib["source"] for layer in root.findall("layer-tree-group/layer-tree-layer")}
    assert [layer.findtext("id") for layer in layers] == list(shown)
    assert list(shown) == ["prospects", "probability", "expected_number", "spread", "applicability"]
    for layer in layers:
        source = layer.findtext("datasource")
        assert source == shown[str(layer.findtext("id"))]
        path, _, name = str(source).partition("|layername=")
        if layer.attrib["type"] == "vector":
            table = gpd.read_file(written.path(path), layer=name)
            renderer = layer.find("renderer-v2")
            assert renderer is not None
            values = table[renderer.attrib["attr"]]
            bounds = [(float(one.attrib["lower"]), float(one.attrib["upper"])) for one in renderer.iter("range")]
            assert (bounds[0][0], bounds[-1][1]) == pytest.approx((values.min(), values.max()))
        else:
            renderer = layer.find("pipe/rasterrenderer")
            assert renderer is not None
            with rasterio.open(written.path(path)) as file:
                band = int(renderer.attrib["band"])
                assert file.descriptions[band - 1] == layer.findtext("id")
                assert float(renderer.attrib["classificationMax"]) == pytest.approx(np.nanmax(file.read(band)))


def test_the_project_shows_prospects_across_the_antimeridian_as_one(workspace: Workspace) -> None:
    prospecting.write(workspace, make_prospects([179.0, -179.0]))
    extent = ElementTree.fromstring(workspace.read_bytes(artefacts.PROSPECTS_PROJECT)).find("mapcanvas/extent")
    assert extent is not None
    assert [float(one.text or "nan") for one in extent] == pytest.approx([178.2, 11.2, 181.8, 12.8])


QGIS = """
import sys
from qgis.core import QgsApplication, QgsProject
application = QgsApplication([], False)
application.initQgis()
project = QgsProject.instance()
assert project.read(sys.argv[1]), "cannot be read"
layers = project.mapLayers().values()
assert len(layers) == 5 and all(layer.isValid() for layer in layers), [layer.source() for layer in layers]
application.exitQgis()
"""


@pytest.mark.slow
def test_qgis_itself_opens_the_project(written: Workspace, tmp_path: Path) -> None:
    python = shutil.which("python3", path="/usr/bin")
    if not shutil.which("qgis") or python is None:
        pytest.skip("QGIS is not installed: apt install qgis python3-qgis")
    script = tmp_path / "open.py"
    script.write_text(QGIS)
    environment = {"QT_QPA_PLATFORM": "offscreen", "HOME": str(tmp_path), "PATH": "/usr/bin:/bin"}
    project = written.path(artefacts.PROSPECTS_PROJECT)
    done = subprocess.run([python, str(script), project], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
