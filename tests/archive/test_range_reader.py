"""Reading an index over a network that fails: right rows or an error, and nothing twice."""

from __future__ import annotations

import gzip
import threading
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar

import pytest
from small_archive import listing

from benchmarks.support.faults import Rule, serve
from mineral_pipeline import settings
from mineral_pipeline.archive import index, range_reader
from mineral_pipeline.archive.index import read_index
from mineral_pipeline.errors import ArchiveError

EVERYTHING = settings.Catalogue(spacecraft=[], sensors=[])
PRODUCTS = [f"LT04_L1TP_181{row:03d}_198801{day:02d}_20170209_01_T1" for row in range(1, 100) for day in range(1, 12)]
TEXT = listing(*PRODUCTS).to_csv(index=False).encode()
REQUESTS = 12


@pytest.fixture(params=["index.csv", "index.csv.gz"])
def name(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """An index below ``tmp_path`` that takes many requests."""
    name: str = request.param
    content = gzip.compress(TEXT) if name.endswith("gz") else TEXT
    (tmp_path / name).write_bytes(content)
    monkeypatch.setattr(range_reader, "RANGE_BYTES", len(content) // REQUESTS)
    monkeypatch.setattr(index, "BLOCK_BYTES", 2000)
    return name


def read(url: str, name: str, **options: object) -> list[str]:
    archive = settings.Archive.model_validate({"url": url, "index": f"{url}/{name}", "timeout_s": 0.5, **options})
    found: list[str] = read_index(archive, EVERYTHING).rows["PRODUCT_ID"].tolist()
    return found


@pytest.mark.parametrize(
    "rules",
    [
        [],
        [Rule("truncate", times=2)],
        [Rule("truncate", amount=0.9, share=0.3)],
        [Rule("503", times=1)],
        [Rule("429", times=1)],
        [Rule("reset", times=1)],
        [Rule("hang", share=0.2, amount=2)],
    ],
    ids=lambda rules: "-".join(rule.fault for rule in rules) or "none",
)
def test_faults_cost_little_and_change_nothing(tmp_path: Path, name: str, rules: list[Rule]) -> None:
    with serve(str(tmp_path), *rules) as server:
        assert read(server.url, name) == PRODUCTS
        assert bool(rules) == bool(server.statistics.by_fault)
        size = (tmp_path / name).stat().st_size
        assert server.statistics.requests > REQUESTS
        assert server.statistics.bytes < 1.2 * size + 2**20  # the first request, whose body is left, fills its buffers


def test_faults_that_last(tmp_path: Path, name: str) -> None:
    with serve(str(tmp_path), Rule("truncate", match=name)) as server:
        with pytest.raises(ArchiveError, match="cannot be read: ") as caught:
            read(server.url, name, retries=1)
        assert name in str(caught.value)
        server.reset(Rule("403"))
        with pytest.raises(ArchiveError, match="permission denied"):
            read(server.url, name)


def test_an_index_that_changes_while_it_is_read(tmp_path: Path, name: str) -> None:
    with serve(str(tmp_path)) as server:
        file = range_reader.open_remote(f"{server.url}/{name}", settings.Archive(url=server.url))
        assert len(file.read(10)) == 10
        (tmp_path / name).write_bytes((tmp_path / name).read_bytes()[::-1])
        with pytest.raises(OSError, match="changed while it was read"):
            file.read()
        file.close()


def test_a_small_index_takes_one_request(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "index.csv").write_bytes(TEXT)
    with serve(str(tmp_path)) as server:
        assert read(server.url, "index.csv") == PRODUCTS
        assert server.statistics.requests == 1


class WithoutRanges(SimpleHTTPRequestHandler):
    """Python's web server, which ignores Range; it may cut what it sends."""

    cut: ClassVar[bool] = False
    seen: ClassVar[list[str | None]] = []

    def copyfile(self, source: object, outputfile: object) -> None:
        self.seen.append(self.headers.get("x-secret"))
        content = source.read()  # type: ignore[attr-defined]
        outputfile.write(content[: len(content) // 2] if self.cut else content)  # type: ignore[attr-defined]

    def log_message(self, format: str, *args: object) -> None:
        """Stay silent."""


@pytest.fixture
def web(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """URL of a web server without ranges."""
    monkeypatch.setattr(WithoutRanges, "seen", [])

    def build(*arguments: object) -> WithoutRanges:
        return WithoutRanges(*arguments, directory=str(tmp_path))  # type: ignore[arg-type]

    with ThreadingHTTPServer(("127.0.0.1", 0), build) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_a_web_server_without_ranges(web: str, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert read(web, name) == PRODUCTS
    monkeypatch.setattr(WithoutRanges, "cut", True)
    with pytest.raises(ArchiveError, match=f"{name} cannot be read"):
        read(web, name, retries=1)


def test_storage_options_go_to_their_own_archive_only(web: str, name: str) -> None:
    secret = {"client_options": {"default_headers": {"x-secret": "key"}}}
    for url, shown in ((web, "key"), ("http://127.0.0.1:9/elsewhere", None), ("s3://elsewhere", None)):
        WithoutRanges.seen.clear()
        archive = settings.Archive(url=url, index=f"{web}/{name}", storage_options=secret)
        assert len(read_index(archive, EVERYTHING).rows) == len(PRODUCTS)
        assert set(WithoutRanges.seen) == {shown}
