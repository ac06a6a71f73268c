"""The faulty server does exactly what its rules say, as seen by ordinary clients."""

from __future__ import annotations

import hashlib
import http.client
import json
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import quote, urlsplit

import pytest

from benchmarks.support import faults
from benchmarks.support.faults import FaultyServer, Rule

CONTENT = bytes(range(256)) * 40


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "a folder").mkdir()
    (tmp_path / "a folder" / "b+ü.bin").write_bytes(CONTENT)
    (tmp_path / "other").write_bytes(b"other bytes")
    (tmp_path / "empty").write_bytes(b"")
    return tmp_path


PATH = quote("/a folder/b+ü.bin")
REQUEST = "GET /a folder/b+ü.bin"


@pytest.fixture(params=["folder", "upstream"])
def server(request: pytest.FixtureRequest, folder: Path) -> Iterator[FaultyServer]:
    """A server of the folder, and one that stands before such a server."""
    with faults.serve(str(folder)) as origin:
        if request.param == "folder":
            yield origin
            return
        with faults.serve(origin.url) as server:
            yield server


def ask(
    server: FaultyServer, path: str = PATH, method: str = "GET", timeout: float = 5, **headers: str
) -> tuple[http.client.HTTPResponse, bytes]:
    """The answer to one request on a connection of its own."""
    connection = http.client.HTTPConnection(urlsplit(server.url).netloc, timeout=timeout)
    try:
        connection.request(method, path, headers=headers)
        response = connection.getresponse()
        return response, response.read()
    finally:
        connection.close()


def test_an_object_as_a_store_gives_it(server: FaultyServer) -> None:
    response, body = ask(server)
    assert (response.status, body) == (200, CONTENT)
    assert response.headers["Content-Length"] == str(len(CONTENT))
    assert response.headers["ETag"] == f'"{hashlib.md5(CONTENT).hexdigest()}"'
    response, body = ask(server, method="HEAD")
    assert (response.status, response.headers["Content-Length"], body) == (200, str(len(CONTENT)), b"")
    assert ask(server, "/empty")[1] == b""
    assert [ask(server, path)[0].status for path in ("/absent", "/", "/a%20folder", "/%2e%2e/x")] == [404] * 4
    assert server.statistics.requests == 7
    assert server.statistics.bytes == len(CONTENT)
    assert server.statistics.by_request[REQUEST] == 1


@pytest.mark.parametrize(
    ("header", "start", "end"),
    [
        ("0-0", 0, 1),
        ("5-9", 5, 10),
        ("10000-", 10_000, 10_240),
        ("-7", 10_233, 10_240),
        ("10000-99999", 10_000, 10_240),
    ],
)
def test_ranges(server: FaultyServer, header: str, start: int, end: int) -> None:
    response, body = ask(server, Range=f"bytes={header}")
    assert (response.status, body) == (206, CONTENT[start:end])
    assert response.headers["Content-Range"] == f"bytes {start}-{end - 1}/{len(CONTENT)}"
    assert ask(server, Range="bytes=10240-")[0].status == 416
    assert ask(server, Range="lines=1-2")[1] == CONTENT


def test_a_connection_is_kept(server: FaultyServer) -> None:
    connection = http.client.HTTPConnection(urlsplit(server.url).netloc, timeout=5)
    for path in (PATH, "/absent", "/empty", PATH):
        connection.request("GET", path)
        port = connection.sock.getsockname()[1]
        connection.getresponse().read()
        assert connection.sock is not None
        assert connection.sock.getsockname()[1] == port
    connection.close()


@pytest.mark.parametrize("status", [503, 429, 403, 404])
def test_a_status(server: FaultyServer, status: int) -> None:
    server.reset(Rule(str(status), "folder", times=2))
    assert [ask(server)[0].status for _ in range(7)] == [status, status, 200, status, status, 200, status]
    assert ask(server, "/other")[0].status == 200
    assert server.statistics.by_fault == {str(status): 5}


def test_a_reset_is_a_reset(server: FaultyServer) -> None:
    server.reset(Rule("reset", times=1))
    with pytest.raises(ConnectionResetError):
        ask(server)
    assert ask(server)[1] == CONTENT


def test_a_truncated_body_promises_more(server: FaultyServer) -> None:
    server.reset(Rule("truncate", amount=0.25))
    with pytest.raises(http.client.IncompleteRead) as caught:
        ask(server)
    assert caught.value.partial == CONTENT[: len(CONTENT) // 4]
    assert caught.value.expected == len(CONTENT) * 3 // 4


def test_a_short_body_does_not(server: FaultyServer) -> None:
    server.reset(Rule("short", amount=0.25))
    response, body = ask(server)
    assert (response.headers["Content-Length"], body) == (str(len(CONTENT) // 4), CONTENT[: len(CONTENT) // 4])
    assert response.headers["ETag"] == f'"{hashlib.md5(CONTENT).hexdigest()}"'


def test_wrong_bytes_under_the_right_etag(server: FaultyServer) -> None:
    server.reset(Rule("wrong", "folder", other="/other"))
    response, body = ask(server)
    assert body == b"other bytes"
    assert response.headers["ETag"] == f'"{hashlib.md5(CONTENT).hexdigest()}"'


def test_a_page(server: FaultyServer) -> None:
    server.reset(Rule("html"))
    response, body = ask(server)
    assert (response.status, response.headers["Content-Type"], response.headers["ETag"]) == (200, "text/html", None)
    assert body.startswith(b"<!DOCTYPE html>")


def test_hang_latency_and_slow(server: FaultyServer) -> None:
    server.reset(Rule("hang", times=1, amount=60))
    with pytest.raises(TimeoutError):
        ask(server, timeout=0.2)
    assert ask(server)[1] == CONTENT
    server.reset(Rule("latency", amount=0.3))
    started = time.monotonic()
    assert ask(server)[1] == CONTENT
    assert time.monotonic() - started >= 0.3
    server.reset(Rule("slow", amount=5_000))
    started = time.monotonic()
    with ThreadPoolExecutor(16) as pool:
        assert {body for _, body in pool.map(lambda _: ask(server), range(16))} == {CONTENT}
    assert time.monotonic() - started >= 1.6, "two seconds each"
    assert server.statistics.peak == 16, "side by side"


def test_chance_follows_from_the_seed(folder: Path) -> None:
    def failing(seed: int, lasting: bool) -> list[list[int]]:
        with faults.serve(str(folder), Rule("503", share=0.3, lasting=lasting), seed=seed) as server:
            return [[ask(server, f"/{name}")[0].status for _ in range(3)] for name in range(60)]

    first = failing(1, lasting=False)
    assert first == failing(1, lasting=False) != failing(2, lasting=False)
    assert 0.2 < sum(status == 503 for one in first for status in one) / 180 < 0.4
    assert any(len(set(one)) == 2 for one in first)
    lasting = failing(1, lasting=True)
    assert all(len(set(one)) == 1 for one in lasting), "all attempts or none"
    assert 0.15 < sum(one[0] == 503 for one in lasting) / 60 < 0.45


def test_enough_retries_always_succeed(folder: Path) -> None:
    rules = [Rule(fault, share=0.5, times=3) for fault in ("503", "429")]
    with faults.serve(str(folder), *rules) as server:
        statuses = [ask(server)[0].status for _ in range(200)]
    assert "200" in "".join(map(str, statuses))
    longest = max(len(run) for run in "".join("." if status == 200 else "x" for status in statuses).split("."))
    assert longest == 3


def test_bodies_and_hosts_go_through(folder: Path) -> None:
    with faults.serve(str(folder)) as origin, faults.serve(origin.url) as server:
        connection = http.client.HTTPConnection(urlsplit(server.url).netloc, timeout=5)
        connection.request("PUT", "/other?x=1", b"content", {"Host": "bucket.example", "Expect": "100-continue"})
        assert connection.getresponse().status == 404, "a folder takes nothing"
        connection.close()
        assert origin.statistics.by_request == {"PUT /other?x=1": 1}


def test_clients_that_hang_up_disturb_nobody(server: FaultyServer, capfd: pytest.CaptureFixture[str]) -> None:
    server.reset(Rule("slow", amount=1000))
    with socket.create_connection(("127.0.0.1", server.server_port)) as connection:
        connection.sendall(f"GET {PATH} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        connection.recv(10)
    server.reset()
    assert ask(server)[1] == CONTENT
    assert capfd.readouterr().err == ""


def test_the_command_line(folder: Path) -> None:
    rules = json.dumps([{"fault": "503", "times": 1}])
    command = [sys.executable, "-m", "benchmarks.support.faults", str(folder), "--port", "0", "--rules", rules]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2]) as process:
        assert process.stdout is not None
        netloc = urlsplit(process.stdout.readline().split(" at ")[1].strip()).netloc
        for status in (503, 200):
            connection = http.client.HTTPConnection(netloc, timeout=5)
            connection.request("GET", PATH)
            assert connection.getresponse().status == status
            connection.close()
        process.terminate()
        statistics = json.loads(process.stdout.read())
    assert statistics["requests"] == 2
    assert statistics["by_fault"] == {"503": 1}
