"""An archive on real servers behind a failing proxy: what is tried again, what is not, and what is detected."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote
from urllib.request import Request, urlopen

import pytest
from servers import BUCKET, S3Server

from benchmarks.support import faults
from benchmarks.support.faults import FaultyServer, Rule
from mineral_pipeline import archive
from mineral_pipeline.archive import (
    CorruptError,
    FetchedObject,
    FetchError,
    MissingError,
    Source,
    UnreachableError,
    retry,
)
from mineral_pipeline.sensors.landsat import product_folder
from mineral_pipeline.settings import Archive

PREFIX = "an archive"
BAND = "GET .*B7[.]TIF"


@dataclass(frozen=True)
class Store:
    """An archive behind a proxy."""

    kind: str
    proxy: FaultyServer
    url: str
    options: dict[str, Any]
    folder: Path

    def open(self, *rules: Rule, **archive_settings: Any) -> Source:
        """Open the archive with new faults; its requests are counted from zero."""
        self.proxy.reset(*rules)
        return archive.open_source(Archive(**{"url": self.url, **self.options, "retries": 3, **archive_settings}))

    @property
    def files(self) -> list[str]:
        """Paths of the band files in the archive."""
        return sorted(str(file.relative_to(self.folder)) for file in self.folder.rglob("*_B7.TIF"))

    def fetch(self, opened: Source, number: int = 0) -> FetchedObject:
        """Fetch one band file."""
        return opened.fetch(f"{self.url}/{self.files[number]}")

    def content(self, number: int = 0) -> bytes:
        """The true bytes of a band file."""
        return (self.folder / self.files[number]).read_bytes()

    def path(self, number: int) -> str:
        """Path of a band file on the server."""
        return quote(f"/{BUCKET}/{PREFIX}/{self.files[number]}" if self.kind != "http" else f"/{self.files[number]}")


@pytest.fixture(scope="module", params=["s3", "gs", "http", pytest.param("ceph", marks=pytest.mark.ceph)])
def store(request: pytest.FixtureRequest, planet: Path) -> Iterator[Store]:
    """The simulated archive on each kind of store."""
    if request.param == "http":
        with faults.serve(str(planet)) as proxy:
            yield Store("http", proxy, proxy.url, {}, planet)
    elif request.param == "gs":
        server = request.getfixturevalue("google_server")
        upload_to_google(planet, server)
        with faults.serve(server) as proxy:
            yield Store("gs", proxy, f"gs://{BUCKET}/{PREFIX}", google_options(proxy.url), planet)
    else:
        s3: S3Server = request.getfixturevalue("moto_server" if request.param == "s3" else "ceph_server")
        for file in planet.rglob("*.*"):
            s3.client().upload_file(str(file), BUCKET, f"{PREFIX}/{file.relative_to(planet)}")
        with faults.serve(s3.url) as proxy:
            options = {"storage_options": {**s3.storage_options, "endpoint": proxy.url}, "anonymous": False}
            yield Store(request.param, proxy, f"s3://{BUCKET}/{PREFIX}", options, planet)


def google_options(url: str) -> dict[str, Any]:
    """Settings of an archive on the emulator of Google's store."""
    key = {"gcs_base_url": url, "disable_oauth": True, "client_email": "", "private_key": "", "private_key_id": ""}
    return {"storage_options": {"service_account_key": json.dumps(key), "client_options": {"allow_http": True}}}


def upload_to_google(folder: Path, server: str) -> None:
    for file in folder.rglob("*.*"):
        name = quote(f"{PREFIX}/{file.relative_to(folder)}", safe="")
        url = f"{server}/upload/storage/v1/b/{BUCKET}/o?uploadType=media&name={name}"
        urlopen(Request(url, file.read_bytes(), {"Content-Type": "application/octet-stream"}, method="POST"))


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """No long pauses between attempts."""
    monkeypatch.setattr(retry, "FIRST_PAUSE_S", 1e-3)


def test_a_scene_is_two_whole_objects_in_one_request_each(store: Store) -> None:
    file = Path(store.files[0])
    product_id = file.parent.name
    files = archive.fetch_scene(store.open(), f"{store.url}/{product_folder(product_id)}", product_id, ["B7"])
    assert files.bands[0].content == store.content()
    assert files.bytes == len(store.content()) + (store.folder / f"{file.parent}/{product_id}_MTL.txt").stat().st_size
    assert (files.attempts, files.metadata.product_id) == (1, product_id)
    assert files.bands[0].checksum_verified == (store.kind != "http")
    assert sorted(store.proxy.statistics.by_request.values()) == [1, 1]
    assert all(request.startswith("GET ") for request in store.proxy.statistics.by_request)


@pytest.mark.parametrize("fault", ["429", "500", "503", "reset", "truncate"])
def test_transient_faults_are_tried_again(store: Store, fault: str) -> None:
    fetched = store.fetch(store.open(Rule(fault, BAND, times=2)))
    assert fetched.content == store.content()
    assert (fetched.attempts, store.proxy.statistics.requests) == (3, 3), "every attempt is counted"


@pytest.mark.parametrize(("fault", "amount"), [("hang", 60), ("slow", 100)])
def test_a_request_that_never_ends_is_given_up_and_tried_again(store: Store, fault: str, amount: float) -> None:
    started = time.monotonic()
    fetched = store.fetch(store.open(Rule(fault, BAND, times=1, amount=amount), timeout_s=3))
    assert fetched.content == store.content()
    assert (fetched.attempts, store.proxy.statistics.requests) == (2, 2)
    assert time.monotonic() - started >= 3


@pytest.mark.parametrize("fault", ["short", "wrong"])
def test_the_checksum_detects_other_bytes(store: Store, fault: str) -> None:
    if (store.kind, fault) == ("ceph", "wrong"):
        pytest.skip("Ceph checks signatures, and the request for another object would have none")
    rule = Rule(fault, BAND, times=2, other=store.path(1))
    damaged = store.content()[: len(store.content()) // 2] if fault == "short" else store.content(1)
    if store.kind == "http":  # an ETag of a web server may be anything
        assert (store.fetch(store.open(rule)).content, store.fetch(store.open(rule)).checksum_verified) == (
            damaged,
            False,
        )
        return
    fetched = store.fetch(store.open(rule))
    assert (fetched.content, fetched.checksum_verified, fetched.attempts) == (store.content(), True, 3)
    unchecked = store.fetch(store.open(rule, checksums=False))
    assert (unchecked.content, unchecked.checksum_verified, unchecked.attempts) == (damaged, False, 1)
    with pytest.raises(
        CorruptError, match=r"B7\.TIF has not the MD5 that the store gives .*archive\.checksums"
    ) as caught:
        store.fetch(store.open(Rule(fault, BAND, other=store.path(1))))
    assert caught.value.attempts == store.proxy.statistics.requests == 4
    assert (caught.value.details.size, caught.value.details.first_bytes) == (len(damaged), damaged[:64])


@pytest.mark.parametrize("lasts", [False, True])
def test_a_page_in_place_of_an_object(store: Store, lasts: bool) -> None:
    """A proxy's page, which has no ETag, is judged corrupt only when it comes twice."""
    opened = store.open(Rule("html", BAND, times=None if lasts else 1))
    product_id = Path(store.files[0]).parent.name
    base_url = f"{store.url}/{product_folder(product_id)}"

    def read() -> archive.SceneFiles:
        return archive.fetch_scene(opened, base_url, product_id, ["B7"])

    if not lasts:
        assert archive.confirm_corrupt(read, opened.archive.retries).bands[0].content == store.content()
        return
    # Google's client requires an ETag, so that it raises an error for the page, and nothing is judged
    with pytest.raises(UnreachableError if store.kind == "gs" else CorruptError) as caught:
        archive.confirm_corrupt(read, opened.archive.retries)
    if isinstance(caught.value, CorruptError):
        assert "B7.TIF is an HTML page, not a TIFF (72 bytes)" in str(caught.value)
        assert caught.value.details.first_bytes == faults.HTML[:64]
        assert caught.value.attempts == 2


@pytest.mark.parametrize(
    ("status", "kind", "reason"),
    [
        ("404", MissingError, "is not in the archive"),
        ("403", UnreachableError, "permission"),
        ("401", UnreachableError, "permission"),
    ],
)
def test_what_is_missing_or_forbidden_is_not_tried_again(
    store: Store, status: str, kind: type[FetchError], reason: str
) -> None:
    with pytest.raises(kind, match=f"^LT04.*B7.TIF .*{reason}") as caught:
        store.fetch(store.open(Rule(status, BAND)))
    assert caught.value.attempts == store.proxy.statistics.requests == 1


def test_an_object_that_is_not_there(store: Store) -> None:
    opened = store.open()
    for name in ("absent", f"{store.files[0]}/below", str(Path(store.files[0]).parent)):
        with pytest.raises(MissingError, match=f"^{name} is not in the archive$") as caught:
            opened.fetch(f"{store.url}/{name}")
        assert caught.value.attempts == 1


@pytest.mark.parametrize(("fault", "reason"), [("503", "HTTP 503"), ("reset", "connection"), ("truncate", "")])
def test_faults_that_outlast_the_retries(store: Store, fault: str, reason: str) -> None:
    with pytest.raises(UnreachableError, match=f"^LT04.*B7.TIF cannot be read: .*{reason}") as caught:
        store.fetch(store.open(Rule(fault, BAND)))
    assert caught.value.attempts == store.proxy.statistics.requests == 4
    assert store.proxy.url not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_the_deadline_of_a_scene(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retry, "FIRST_PAUSE_S", 0.1)
    product_id = Path(store.files[0]).parent.name
    opened = store.open(Rule("503", BAND), retries=1000, deadline_s=2)
    with pytest.raises(UnreachableError, match="HTTP 503"):
        archive.fetch_scene(opened, f"{store.url}/{product_folder(product_id)}", product_id, ["B7"])
    assert 2 <= store.proxy.statistics.by_fault["503"] <= 8


def test_the_rate_of_requests(store: Store) -> None:
    opened = store.open(requests_per_s=25)
    started = time.monotonic()
    with ThreadPoolExecutor(6) as pool:
        contents = list(pool.map(lambda number: store.fetch(opened, number % 6).content, range(11)))
    assert time.monotonic() - started >= 10 / 25
    assert contents[:6] == [store.content(number) for number in range(6)]


def test_many_fetches_at_a_time_through_many_faults(store: Store) -> None:
    chances = (("503", 0.1), ("reset", 0.1), ("truncate", 0.1), ("429", 0.1))
    opened = store.open(*(Rule(fault, BAND, share, times=3) for fault, share in chances), Rule("latency", amount=0.01))

    def fetch(number: int) -> list[FetchedObject]:
        return [store.fetch(opened, number) for _ in range(12)]

    with ThreadPoolExecutor(6) as pool:
        fetched = list(pool.map(fetch, range(6)))
    for number, files in enumerate(fetched):
        assert [file.content for file in files] == [store.content(number)] * 12
    statistics = store.proxy.statistics
    assert sum(file.attempts for files in fetched for file in files) == statistics.requests > 72
    assert min(statistics.by_fault[fault] for fault, _ in chances) > 0
    assert 3 <= statistics.peak <= 6


def test_the_etag_of_an_object_of_many_parts_is_no_md5(moto_server: S3Server) -> None:
    client, key = moto_server.client(), f"{PREFIX}/parts.bin"
    parts = [b"a" * 5 * 2**20, b"b" * 10]
    upload = client.create_multipart_upload(Bucket=BUCKET, Key=key)["UploadId"]
    target = {"Bucket": BUCKET, "Key": key, "UploadId": upload}
    done = [
        {"PartNumber": number, "ETag": client.upload_part(**target, PartNumber=number, Body=part)["ETag"]}
        for number, part in enumerate(parts, start=1)
    ]
    etag = client.complete_multipart_upload(**target, MultipartUpload={"Parts": done})["ETag"]
    assert etag.strip('"').endswith("-2")
    options = {"storage_options": moto_server.storage_options, "anonymous": False}
    opened = archive.open_source(Archive(url=f"s3://{BUCKET}/{PREFIX}", **options))
    fetched = opened.fetch(f"s3://{BUCKET}/{key}")
    assert fetched.content == b"".join(parts)
    assert (fetched.checksum_verified, fetched.attempts) == (False, 1)


@pytest.mark.ceph
def test_a_store_that_checks_keys(ceph_server: S3Server) -> None:
    ceph_server.client().put_object(Bucket=BUCKET, Key="private", Body=b"content")

    def fetch(**changes: Any) -> bytes:
        options = {**ceph_server.storage_options, **changes}
        anonymous = not changes.get("access_key_id", "x")
        opened = archive.open_source(Archive(url=f"s3://{BUCKET}", storage_options=options, anonymous=anonymous))
        return opened.fetch(f"s3://{BUCKET}/private").content

    assert fetch() == b"content"
    for changes in ({"secret_access_key": "MARKER"}, {"access_key_id": "MARKER"}, {"access_key_id": ""}):
        with pytest.raises(
            UnreachableError, match=r"private cannot be read: permission denied \(public data need"
        ) as caught:
            fetch(**changes)
        assert caught.value.attempts == 1
        assert "MARKER" not in str(caught.value)


def test_a_404_is_believed_only_while_the_archive_is_seen(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive.source, "BELIEVED_S", 0.0)
    opened = archive.survey_source(store.open(retries=0).archive)
    names = ("LT04",) if store.kind in ("s3", "ceph") else ()  # a web server, and the emulator, cannot be listed
    assert opened.landmarks == archive.Landmarks(names, index=not names)
    with pytest.raises(MissingError):
        opened.fetch(f"{store.url}/LT04/file")
    store.proxy.reset(Rule("404", ".*"))
    with pytest.raises(UnreachableError, match=r"^LT04/file is not there, but nor is the archive: "):
        opened.fetch(f"{store.url}/LT04/file")


METADATA_ADDRESSES = ("169.254.169.254", "metadata.google.internal")


@pytest.mark.parametrize("url", ["gs://gcp-public-data-landsat", "s3://usgs-landsat"])
def test_no_credentials_are_looked_for_with_public_data(url: str, contacted: list[str]) -> None:
    host = "storage.googleapis.com:443" if url.startswith("gs") else "s3.us-east-1.amazonaws.com:443"
    with pytest.raises(UnreachableError):
        archive.open_source(Archive(url=url, retries=0)).fetch(f"{url}/LT04/file")
    assert contacted == [f"CONNECT {host}"]
    contacted.clear()
    # without archive.anonymous the client does ask the cloud's metadata address, so that the assertion above can fail
    with pytest.raises(UnreachableError):
        archive.open_source(Archive(url=url, retries=0, anonymous=False)).fetch(f"{url}/LT04/file")
    assert contacted
    assert all(any(address in asked for address in METADATA_ADDRESSES) for asked in contacted)
    contacted.clear()


def test_python_is_guarded_too(contacted: list[str]) -> None:
    with pytest.raises(ConnectionRefusedError, match=r"tests may not contact 198\.51\.100\.1"):
        socket.create_connection(("198.51.100.1", 80), timeout=1)
    assert contacted == ["connect 198.51.100.1:80"]
    contacted.clear()
