"""Fetching through faults: what is tried again, what is not, and what is said in the end."""

from __future__ import annotations

import pickle
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

import fsspec
import pytest
from fsspec import AbstractFileSystem
from hypothesis import given
from hypothesis import strategies as st

from mineral_pipeline import settings
from mineral_pipeline.archive import FetchError, Missing, Source, Unreachable, open_source, source
from mineral_pipeline.errors import ArchiveError


class HttpError(Exception):
    """What network clients raise: not an OSError, and the status in an attribute."""

    def __init__(self, status: int) -> None:
        super().__init__(f"{status}, url='https://user:secret@host/x?signature=secret'")
        self.status = status


class Faulty(AbstractFileSystem):
    """A file system that raises what it is told to before it gives its one object."""

    protocol = "faulty"
    faults: ClassVar[list[Exception]] = []
    requests: ClassVar[int] = 0

    def cat_file(self, path: str, start: int | None = None, end: int | None = None, **options: Any) -> bytes:
        type(self).requests += 1
        if self.faults:
            raise self.faults.pop(0)
        return b"content"


@pytest.fixture
def faulty(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Source]:
    """Build a source with 3 retries whose first requests fail."""
    fsspec.register_implementation("faulty", Faulty, clobber=True)
    monkeypatch.setattr(source, "FIRST_PAUSE", 1e-4)

    def build(*faults: Exception) -> Source:
        monkeypatch.setattr(Faulty, "faults", list(faults))
        monkeypatch.setattr(Faulty, "requests", 0)
        return open_source(settings.Archive(url="faulty://archive", retries=3))

    return build


@pytest.mark.parametrize(
    "fault",
    [
        TimeoutError(),
        ConnectionResetError(104, "Connection reset by peer"),
        OSError(5, "Input/output error"),
        HttpError(429),
        HttpError(503),
        RuntimeError("payload is not completed"),
    ],
)
def test_transient_errors_are_tried_again(faulty: Callable[..., Source], fault: Exception) -> None:
    fetched = faulty(fault, fault, fault).fetch("faulty://archive/a/b")
    assert (fetched.content, fetched.attempts, Faulty.requests) == (b"content", 4, 4)
    assert fetched.seconds > 0
    with pytest.raises(Unreachable, match=r"^a/b cannot be read: .*4 attempts$") as caught:
        faulty(*[fault] * 4).fetch("faulty://archive/a/b")
    assert (caught.value.attempts, Faulty.requests) == (4, 4)
    assert "secret" not in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        (FileNotFoundError("x"), Missing),
        (IsADirectoryError("x"), Missing),
        (HttpError(404), Missing),
        (HttpError(410), Missing),
        (PermissionError("x"), Unreachable),
        (HttpError(401), Unreachable),
        (HttpError(403), Unreachable),
    ],
)
def test_lasting_errors_are_not(faulty: Callable[..., Source], fault: Exception, kind: type[FetchError]) -> None:
    with pytest.raises(kind, match=r"^a/b ") as caught:
        faulty(fault).fetch("faulty://archive/a/b")
    assert (caught.value.attempts, Faulty.requests) == (1, 1)
    with pytest.raises(kind):
        faulty(TimeoutError(), fault).fetch("faulty://archive/a/b")
    assert Faulty.requests == 2


@given(st.integers(1, 60), st.floats(0, 1))
def test_pauses_grow_and_are_bounded(attempts: int, jitter: float) -> None:
    assert 0 < source.pause(attempts, jitter) <= source.LONGEST_PAUSE
    assert source.pause(attempts, jitter) <= source.pause(attempts, 0) <= source.pause(attempts + 1, 0)
    assert source.pause(attempts, 1) >= source.pause(attempts, 0) / 2


def test_failures_survive_pickling() -> None:
    failure = pickle.loads(pickle.dumps(Unreachable("a/b cannot be read", 5)))
    assert isinstance(failure, Unreachable)
    assert isinstance(failure, ArchiveError)
    assert (str(failure), failure.attempts) == ("a/b cannot be read", 5)


def test_a_source_is_cheap_to_send_and_keeps_its_secrets(tmp_path: Path) -> None:
    archive = settings.Archive(url=str(tmp_path), storage_options={"secret": "key"}, retries=7, timeout_s=3)
    opened = open_source(archive)
    assert pickle.loads(pickle.dumps(opened)) == opened
    assert len(pickle.dumps(opened)) < 500
    assert "key" not in repr(opened)
    assert (opened.retries, opened.timeout_s) == (7, 3)


def test_a_local_folder(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"x" * 1000)
    opened = open_source(settings.Archive(url=str(tmp_path)))
    assert opened.fetch(f"{tmp_path}/file").content == b"x" * 1000
    for name in ("absent", "", "file/below"):
        with pytest.raises(Missing):
            opened.fetch(f"{tmp_path}/{name}")


def test_an_unknown_url() -> None:
    with pytest.raises(ArchiveError, match=r"archive\.url nosuch://x cannot be opened: Protocol not known"):
        open_source(settings.Archive(url="nosuch://x"))


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
            threading.Event().wait(1.0)
        if behaviour in ("hang", "reset"):
            return
        self.send_response(int(behaviour) if behaviour.isdigit() else 200)
        self.send_header("Content-Length", "7")
        self.end_headers()
        self.wfile.write(b"con" if behaviour == "cut" else b"content")

    def log_message(self, format: str, *args: object) -> None:
        """Stay silent."""


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Source]:
    """A faulty web server on the loopback address."""
    pytest.importorskip("aiohttp", reason="fsspec reads HTTP with aiohttp, of the cloud extra")
    monkeypatch.setattr(source, "FIRST_PAUSE", 1e-4)
    monkeypatch.setattr(Server, "requests", {})
    with ThreadingHTTPServer(("127.0.0.1", 0), Server) as web:
        threading.Thread(target=web.serve_forever, args=(0.01,), daemon=True).start()
        url = f"http://127.0.0.1:{web.server_port}"
        yield open_source(settings.Archive(url=url, retries=2, timeout_s=0.5))
        web.shutdown()


@pytest.mark.parametrize("path", ["200", "503-200", "429-500-200", "cut-200", "hang-200", "reset-503-200"])
def test_http_through_faults(server: Source, path: str) -> None:
    fetched = server.fetch(f"{server.url}/{path}")
    answers = len(path.split("-"))
    assert fetched.content == b"content"
    assert Server.requests == {f"/{path}": answers}, "a whole object in one request"
    assert fetched.attempts == answers - ("reset" in path)  # aiohttp repeats a GET without an answer itself


@pytest.mark.parametrize(
    ("path", "kind", "attempts"),
    [("404", Missing, 1), ("403", Unreachable, 1), ("503", Unreachable, 3), ("cut", Unreachable, 3)],
)
def test_http_that_fails(server: Source, path: str, kind: type[FetchError], attempts: int) -> None:
    with pytest.raises(kind, match=f"^{path} ") as caught:
        server.fetch(f"{server.url}/{path}")
    assert caught.value.attempts == attempts == Server.requests[f"/{path}"]
