"""Fetching through faults: what is tried again, what is not, and the error in the end."""

from __future__ import annotations

import os
import pickle
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

import pytest
from obstore.exceptions import GenericError, PermissionDeniedError, UnauthenticatedError

from mineral_pipeline import settings
from mineral_pipeline.archive import (
    CorruptError,
    CorruptionDetails,
    FetchedObject,
    FetchError,
    MissingError,
    Source,
    UnreachableError,
    objects,
    open_source,
    retry,
    source,
)
from mineral_pipeline.errors import ArchiveError, SettingsError

FAULTS: list[tuple[Exception, str]] = [
    (TimeoutError(), "timed out"),
    (ConnectionResetError(104, "Connection reset by peer"), "Connection reset by peer"),
    (OSError(5, "Input/output error"), "Input/output error"),
    (GenericError("Server returned non-2xx status code: 429 Too Many Requests: secret"), "HTTP 429"),
    (GenericError("GET http://h/?signature=secret - Server returned non-2xx status code: 503 Slow"), "HTTP 503"),
    (
        GenericError("GET http://h/?signature=secret - HTTP error: error sending request"),
        "the connection failed or was",
    ),
    (GenericError("HTTP error: request or response body error\n\nDebug source: http://secret"), "body error"),
]


@pytest.fixture
def faulty(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Source]:
    """Build a source with 3 retries whose first requests fail; ``requests`` counts them."""
    monkeypatch.setattr(retry, "FIRST_PAUSE_S", 1e-4)

    def build(*faults: Exception, **archive: Any) -> Source:
        left = list(faults)

        def read(url: str, archive: settings.Archive, reserve: Callable[[int], None]) -> FetchedObject:
            requests.append(url)
            if left:
                raise left.pop(0)
            return FetchedObject(b"content")

        requests.clear()
        monkeypatch.setattr(source, "read", read)
        return Source(settings.Archive(url="gs://archive", retries=3, **archive))

    return build


requests: list[str] = []


@pytest.mark.parametrize(("fault", "words"), FAULTS)
def test_transient_errors_are_tried_again(faulty: Callable[..., Source], fault: Exception, words: str) -> None:
    fetched = faulty(fault, fault, fault).fetch("gs://archive/a/b")
    assert (fetched.content, fetched.attempts, len(requests)) == (b"content", 4, 4)
    with pytest.raises(UnreachableError, match=rf"^a/b cannot be read: .*{words}") as caught:
        faulty(*[fault] * 4).fetch("gs://archive/a/b")
    assert (caught.value.attempts, len(requests)) == (4, 4)
    assert "secret" not in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        (FileNotFoundError("x"), MissingError),
        (IsADirectoryError("x"), MissingError),
        (GenericError("status code: 410 Gone"), MissingError),
        (PermissionError("x"), UnreachableError),
        (PermissionDeniedError("x"), UnreachableError),
        (UnauthenticatedError("x"), UnreachableError),
        (GenericError("status code: 400 Bad Request"), UnreachableError),
    ],
)
def test_lasting_errors_are_not(faulty: Callable[..., Source], fault: Exception, kind: type[FetchError]) -> None:
    with pytest.raises(kind, match=r"^a/b ") as caught:
        faulty(fault).fetch("gs://archive/a/b")
    assert (caught.value.attempts, len(requests)) == (1, 1)
    with pytest.raises(kind):
        faulty(TimeoutError(), fault).fetch("gs://archive/a/b")
    assert len(requests) == 2


def test_a_wrong_checksum_is_tried_again_and_is_corrupt_in_the_end(faulty: Callable[..., Source]) -> None:
    wrong = CorruptError("b has not the MD5 that the store gives", CorruptionDetails.of(b"other"))
    assert faulty(wrong, wrong).fetch("gs://archive/a/b").attempts == 3
    with pytest.raises(CorruptError, match="MD5") as caught:
        faulty(*[wrong] * 4).fetch("gs://archive/a/b")
    assert (caught.value.attempts, caught.value.details.first_bytes) == (4, b"other")


def test_no_attempt_is_made_beyond_the_deadline(faulty: Callable[..., Source], monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("FIRST_PAUSE_S", "MAX_PAUSE_S"):
        monkeypatch.setattr(retry, name, 100.0)
    deadline = time.monotonic() + 30
    with pytest.raises(UnreachableError, match="timed out"):
        faulty(TimeoutError(), TimeoutError()).fetch("gs://archive/a/b", deadline=deadline)
    assert len(requests) == 1
    assert time.monotonic() < deadline, "a pause that would end too late is not begun"


def test_requests_are_limited_a_second(faulty: Callable[..., Source]) -> None:
    limited = faulty(*[TimeoutError()] * 3, requests_per_s=50.0)
    started = time.monotonic()
    assert limited.fetch("gs://archive/a/b").attempts == 4
    assert time.monotonic() - started >= 3 / 50


def test_failures_survive_pickling() -> None:
    failure = pickle.loads(pickle.dumps(UnreachableError("a/b cannot be read", 5)))
    assert isinstance(failure, UnreachableError)
    assert isinstance(failure, ArchiveError)
    assert (str(failure), failure.attempts) == ("a/b cannot be read", 5)


def test_a_source_is_cheap_to_send_and_keeps_its_secrets() -> None:
    options = {"access_key_id": "key", "secret_access_key": "hunter2"}
    archive = settings.Archive(url="s3://bucket", storage_options=options, anonymous=False)
    opened = open_source(archive)
    assert pickle.loads(pickle.dumps(opened)) == opened
    assert len(pickle.dumps(opened)) < 1000
    assert "hunter2" not in repr(opened)


def test_a_local_folder(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"x" * 1000)
    opened = open_source(settings.Archive(url=str(tmp_path)))
    assert opened.fetch(f"{tmp_path}/file").content == b"x" * 1000
    for name in ("absent", "", "file/below"):
        with pytest.raises(MissingError):
            opened.fetch(f"{tmp_path}/{name}")


@pytest.mark.parametrize(
    ("url", "options", "words"),
    [
        ("nosuch://x", {}, "no archive is read from nosuch://: use a folder, gs, s3"),
        ("s3://bucket", {"nosuch": "hunter2"}, "archive.storage_options: .*nosuch"),
        ("s3://bucket", {"region": ["hunter2"]}, "archive.storage_options"),
        ("absent", {}, "absent is not a folder"),
    ],
)
def test_an_archive_that_cannot_be(url: str, options: dict[str, Any], words: str) -> None:
    with pytest.raises(ArchiveError, match=words) as caught:
        open_source(settings.Archive(url=url, storage_options=options))
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("url", ["https://user:hunter2@host/x", "https://host/x?X-Amz-Signature=hunter2"])
def test_a_url_with_credentials_is_refused(url: str) -> None:
    for keys in ({"archive": {"url": url}}, {"archive": {"url": "a", "index": url}}, {"workspace": url}):
        with pytest.raises(SettingsError, match="holds credentials or a query") as caught:
            settings.parse({"workspace": "w", "archive": {"url": "a"}, "jobs": ["catalogue"], **keys})
        assert "hunter2" not in str(caught.value)


def test_an_enormous_object_is_corrupt(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(objects, "MAX_OBJECT_BYTES", 1000)
    (tmp_path / "file").write_bytes(bytes(1001))
    with pytest.raises(CorruptError, match="file has 1,001 bytes") as caught:
        open_source(settings.Archive(url=str(tmp_path))).fetch(f"{tmp_path}/file")
    assert caught.value.attempts == 1


def test_what_is_no_file_is_corrupt_and_not_opened(tmp_path: Path) -> None:
    """A pipe would wait for its writer, and a device has no end."""
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "endless").symlink_to("/dev/zero")
    for name in ("pipe", "endless"):
        with pytest.raises(CorruptError, match=f"{name} is not a regular file") as caught:
            open_source(settings.Archive(url=str(tmp_path))).fetch(f"{tmp_path}/{name}")
        assert caught.value.attempts == 1


class Server(BaseHTTPRequestHandler):
    """Answers with the behaviours that the path lists, one per request: /503-cut-200."""

    protocol_version = "HTTP/1.1"
    requests: ClassVar[dict[str, int]] = {}

    def do_GET(self) -> None:
        count = self.requests[self.path] = self.requests.get(self.path, 0) + 1
        behaviours = self.path.strip("/").split("-")
        behaviour = behaviours[min(count, len(behaviours)) - 1]
        self.close_connection = True
        if behaviour == "hang":
            threading.Event().wait(6.0)
        if behaviour in ("hang", "reset"):
            return
        self.send_response(int(behaviour) if behaviour.isdigit() else 200)
        self.send_header("Connection", "close")  # or a client that is quicker than FIN would use it again, in vain
        self.send_header("Content-Length", "7")
        self.end_headers()
        self.wfile.write(b"con" if behaviour == "cut" else b"content")

    def log_message(self, format: str, *args: object) -> None:
        """Stay silent."""


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Source]:
    """A faulty web server on the loopback address."""
    monkeypatch.setattr(retry, "FIRST_PAUSE_S", 1e-4)
    monkeypatch.setattr(Server, "requests", {})
    with ThreadingHTTPServer(("127.0.0.1", 0), Server) as web:
        threading.Thread(target=web.serve_forever, args=(0.01,), daemon=True).start()
        url = f"http://127.0.0.1:{web.server_port}"
        yield open_source(settings.Archive(url=url, retries=2, timeout_s=3))
        web.shutdown()


@pytest.mark.parametrize("path", ["200", "503-200", "429-500-200", "cut-200", "hang-200", "reset-503-200"])
def test_http_through_faults(server: Source, path: str) -> None:
    fetched = server.fetch(f"{server.archive.url}/{path}")
    answers = len(path.split("-"))
    assert fetched.content == b"content"
    assert Server.requests == {f"/{path}": answers}, "a whole object in one request"
    assert fetched.attempts == answers


@pytest.mark.parametrize(
    ("path", "kind", "attempts"),
    [
        ("404", MissingError, 1),
        ("403", UnreachableError, 1),
        ("503", UnreachableError, 3),
        ("cut", UnreachableError, 3),
    ],
)
def test_http_that_fails(server: Source, path: str, kind: type[FetchError], attempts: int) -> None:
    with pytest.raises(kind, match=f"^{path} ") as caught:
        server.fetch(f"{server.archive.url}/{path}")
    assert caught.value.attempts == attempts == Server.requests[f"/{path}"]
