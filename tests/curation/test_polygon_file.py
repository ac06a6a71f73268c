"""Polygons by URL: fetched once, checked, cached, used again without a network; from a server on this machine."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import geopandas as gpd
import pytest
import shapely

from mineral_pipeline import curation
from mineral_pipeline.errors import SettingsError


class Server:
    """A server of one file."""

    def __init__(self, content: bytes, port: int) -> None:
        self.content, self.requests = content, 0
        self.url = f"http://127.0.0.1:{port}/ne_110m_land.zip"
        self.sha256 = hashlib.sha256(content).hexdigest()


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """A zipped shapefile, as Natural Earth publishes its land; and an empty cache."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    square = gpd.GeoDataFrame({"scalerank": [0]}, geometry=[shapely.box(0, 0, 5, 5)], crs="EPSG:4326")
    square.to_file(tmp_path / "ne_110m_land.shz", driver="ESRI Shapefile")

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            found.requests += 1
            self.send_response(200)
            self.send_header("Content-Length", str(len(found.content)))
            self.end_headers()
            self.wfile.write(found.content)

        def log_message(self, format: str, *args: object) -> None:
            """Stay silent."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as http:
        found = Server((tmp_path / "ne_110m_land.shz").read_bytes(), http.server_port)
        Thread(target=http.serve_forever, args=(0.05,), daemon=True).start()
        yield found
        http.shutdown()


def is_right(land: gpd.GeoDataFrame) -> bool:
    return curation.over_land([(1, 1), (9, 9)], land).tolist() == [True, False]


def save_without_reference_system(shape: shapely.Geometry, path: Path) -> None:
    gpd.GeoDataFrame(geometry=[shape], crs="EPSG:4326").to_file(path)
    path.with_suffix(".prj").unlink()


@pytest.mark.parametrize(
    "box", [(-10, -45, 30, 90), (-360, -90, 360, 90), (-360, 20, -350, 30), (350, -90, 360, -80), (0, 0, 1, 1)]
)
def test_shapes_without_a_reference_system_are_in_degrees_where_they_can_be(
    tmp_path: Path, box: tuple[float, float, float, float]
) -> None:
    save_without_reference_system(shapely.box(*box), tmp_path / "own.shp")
    found = curation.read_shapes(str(tmp_path / "own.shp"), "report.shapes")
    assert found.crs == "EPSG:4326"
    assert found.total_bounds.tolist() == list(box)


@pytest.mark.parametrize(
    "box", [(0, 0, 1, 90.5), (0, -91, 1, 0), (-361, 0, 0, 1), (0, 0, 361, 1), (500_000, 5_000_000, 600_000, 5_100_000)]
)
def test_shapes_that_cannot_be_in_degrees_need_a_reference_system(
    tmp_path: Path, box: tuple[float, float, float, float]
) -> None:
    save_without_reference_system(shapely.box(*box), tmp_path / "own.shp")
    with pytest.raises(SettingsError, match=r"report\.shapes: .*own\.shp tells no reference system, and its"):
        curation.read_shapes(str(tmp_path / "own.shp"), "report.shapes")
    gpd.GeoDataFrame(geometry=[shapely.box(*box)], crs="EPSG:32633").to_file(tmp_path / "own.shp")
    assert curation.read_shapes(str(tmp_path / "own.shp"), "report.shapes").crs == "EPSG:32633"


def test_every_part_of_a_shape_is_a_row(tmp_path: Path) -> None:
    shapes = [shapely.MultiPoint([(1, 2), (3, 4)]), None, shapely.Point(5, 6)]
    gpd.GeoDataFrame(geometry=shapes, crs="EPSG:4326").to_file(tmp_path / "own.gpkg")
    found = curation.read_shapes(str(tmp_path / "own.gpkg"), "report.shapes")
    assert found.index.tolist() == [0, 0, 2]
    assert [(point.x, point.y) for point in found.geometry] == [(1, 2), (3, 4), (5, 6)]


def test_fetched_once_and_used_again_offline(server: Server) -> None:
    assert is_right(curation.read_land(server.url, server.sha256))
    assert is_right(curation.read_land(server.url, server.sha256.upper()))
    no_server = "http://127.0.0.1:1/ne_110m_land.zip"
    assert is_right(curation.read_land(no_server, server.sha256))
    assert server.requests == 1
    assert [file.name for file in curation.cache_folder().iterdir()] == [server.sha256]


def test_without_a_checksum_nothing_is_cached(server: Server) -> None:
    assert is_right(curation.read_land(server.url))
    assert is_right(curation.read_land(server.url))
    assert server.requests == 2
    assert not curation.cache_folder().exists()


def test_a_wrong_checksum_names_both(server: Server) -> None:
    with pytest.raises(SettingsError, match=rf"curate\.land_sha256: .*{server.sha256}, not {'0' * 64}") as caught:
        curation.read_land(server.url, "0" * 64)
    assert "\n" not in str(caught.value)
    assert not curation.cache_folder().exists()


def test_a_damaged_copy_is_fetched_again(server: Server) -> None:
    curation.read_land(server.url, server.sha256)
    copy = curation.cache_folder() / server.sha256
    copy.write_bytes(copy.read_bytes()[:100])
    assert is_right(curation.read_land(server.url, server.sha256))
    assert server.requests == 2
    assert copy.read_bytes() == server.content


def test_no_server_answers(server: Server) -> None:
    with pytest.raises(SettingsError, match=r"curate.land: http://127\.0\.0\.1:1/x\.zip cannot be read") as caught:
        curation.read_land("http://127.0.0.1:1/x.zip", server.sha256)
    assert "\n" not in str(caught.value)


def test_a_local_file_is_checked_too(server: Server, tmp_path: Path) -> None:
    file = tmp_path / "ne_110m_land.shz"
    assert is_right(curation.read_land(str(file), server.sha256))
    with pytest.raises(SettingsError, match="land_sha256"):
        curation.read_land(str(file), "1" * 64)
    assert not curation.cache_folder().exists()
