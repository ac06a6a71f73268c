"""A web server that fails on purpose, for tests and benchmarks: it serves a folder, or is a proxy of another server.

    python -m benchmarks.support.faults ORIGIN [--port 8099] [--seed 0] [--rules '[{"fault": "503", "share": 0.1}]']

A folder is served with Content-Length, ETag (the quoted MD5), HEAD and Range: enough for an archive on ``http://`` or,
with ``endpoint`` set to it, on ``s3://``. Requests to another server are passed on unchanged, Host included, so that
signatures stay valid. Which requests fail depends only on the seed, the request and the number of its attempt.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import json
import re
import select
import signal
import socket
import struct
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote

from benchmarks.support.http_backend import Answer, Origin, Request, open_origin

PIECE_BYTES = 2**20
"""Largest number of bytes in one write."""
HTML = b"<!DOCTYPE html><html><body>Service temporarily unavailable</body></html>"


@dataclass(frozen=True)
class Rule:
    """A fault, and the requests that get it.

    Of several rules that apply to a request, the first decides; ``slow`` and ``latency`` are added to it.
    """

    fault: str
    """A status such as ``503``, or ``reset``, ``hang``, ``truncate`` (cut under the true Content-Length), ``short``
    (cut, and Content-Length with it), ``html`` (200 and a page), ``wrong`` (the bytes of ``other``), ``slow``,
    ``latency``."""
    match: str = ""
    """Regular expression, searched in the method and the decoded path: ``^GET .*[.]TIF``."""
    share: float = 1.0
    """Fraction of the attempts that get the fault, or of the requests when ``lasting``."""
    times: int | None = None
    """Largest number of attempts of a request that fail in a row, after which one succeeds."""
    lasting: bool = False
    """Whether all attempts of a request get the fault, or none."""
    amount: float = 0.5
    """Seconds of ``latency`` and ``hang``, bytes a second of ``slow``, fraction left by ``truncate`` and ``short``."""
    other: str = ""
    """Path of the object whose bytes ``wrong`` sends under the asked object's ETag."""


@dataclass
class Statistics:
    """Counts of the requests to a server, and of its faults."""

    requests: int = 0
    """Number of requests, failed ones included."""
    bytes: int = 0
    """Bytes of bodies that were sent."""
    by_request: Counter[str] = field(default_factory=Counter)
    """Number of attempts of each request, by method and decoded path."""
    by_fault: Counter[str] = field(default_factory=Counter)
    """Number of attempts that got each fault."""
    active: int = 0
    """Requests that are being answered."""
    peak: int = 0
    """Largest number of requests that were answered at the same time."""


class FaultyServer(ThreadingHTTPServer):
    """The server; `serve` starts one."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, origin: Origin, rules: tuple[Rule, ...], seed: int, port: int) -> None:
        super().__init__(("127.0.0.1", port), Handler)
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.origin, self.seed = origin, seed
        self.stopping = threading.Event()
        self._lock, self._connections = threading.Lock(), set[Any]()
        self.reset(*rules)

    def reset(self, *rules: Rule) -> None:
        """Set other rules, and count from zero."""
        self.rules, self.statistics, self._in_a_row = rules, Statistics(), Counter[str]()

    @contextmanager
    def counted(self, request: str) -> Iterator[list[Rule]]:
        """Count a request while it is answered, and give the rules that apply to it."""
        statistics = self.statistics
        with self._lock:
            statistics.requests += 1
            statistics.by_request[request] += 1
            statistics.active += 1
            statistics.peak = max(statistics.peak, statistics.active)
            rules = [rule for number, rule in enumerate(self.rules) if self._applies(number, rule, request)]
            statistics.by_fault.update(rule.fault for rule in rules)
            fails = any(rule.fault != "latency" for rule in rules)
            self._in_a_row[request] = self._in_a_row[request] + 1 if fails else 0
        try:
            yield rules
        finally:
            with self._lock:
                statistics.active -= 1

    def _applies(self, number: int, rule: Rule, request: str) -> bool:
        if not re.search(rule.match, request) or (rule.times is not None and self._in_a_row[request] >= rule.times):
            return False
        attempt = 0 if rule.lasting else self.statistics.by_request[request]
        digest = hashlib.blake2b(f"{self.seed} {number} {request} {attempt}".encode(), digest_size=8).digest()
        return int.from_bytes(digest, "big") < rule.share * 2**64

    def process_request(self, request: Any, client_address: Any) -> None:
        """Keep the connection, so that it can be closed with the server."""
        self._connections.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        """Forget the connection."""
        self._connections.discard(request)
        super().shutdown_request(request)

    def server_close(self) -> None:
        """Close the server and all connections."""
        self.stopping.set()
        super().server_close()
        for connection in list(self._connections):
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Ignore clients that close the connection; any other error is one of this module."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)


class Handler(BaseHTTPRequestHandler):
    """Answers the requests of one connection."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1
    """Buffered, flushed when `answer` returns: whoever has a whole answer is no longer counted as waiting for it."""
    server: FaultyServer

    def answer(self) -> None:
        """Answer one request, with the faults of the rules that apply to it."""
        content = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        request = Request(self.command, self.path, self.headers, content)
        with self.server.counted(f"{self.command} {unquote(self.path)}") as rules, ExitStack() as stack:
            self.server.stopping.wait(sum(rule.amount for rule in rules if rule.fault == "latency"))
            rate = min((rule.amount for rule in rules if rule.fault == "slow"), default=0.0)
            rule = next((rule for rule in rules if rule.fault not in ("latency", "slow")), Rule("none"))
            if rule.fault == "hang":
                self.close_connection = True
                select.select([self.connection], [], [], rule.amount)  # until the client hangs up
            elif rule.fault.isdigit():
                self._send(Answer(int(rule.fault)))
            elif rule.fault == "html":
                self._send(Answer(200, len(HTML), io.BytesIO(HTML), (("Content-Type", "text/html"),)))
            elif rule.fault != "reset":
                answer, fraction = self._damaged(request, rule, stack)
                self._send(answer, fraction, rate)
        if rule.fault == "reset":
            self._reset()

    def handle_expect_100(self) -> bool:
        """Tell a client at once to send its content."""
        goes_on = super().handle_expect_100()
        self.wfile.flush()
        return goes_on

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = do_PATCH = answer

    def _damaged(self, request: Request, rule: Rule, stack: ExitStack) -> tuple[Answer, float]:
        """The origin's answer, damaged as a rule says, and the fraction of its body to send."""
        answer = self.server.origin(request, stack)
        if rule.fault == "wrong":
            other = self.server.origin(replace(request, path=rule.other), stack)
            answer = replace(answer, length=other.length, body=other.body)
        elif rule.fault == "short":
            answer = replace(answer, length=int(answer.length * rule.amount))
        return answer, rule.amount if rule.fault == "truncate" else 1.0

    def _send(self, answer: Answer, fraction: float = 1.0, rate: float = 0.0) -> None:
        self.send_response_only(answer.status)
        for name, value in answer.headers:
            self.send_header(name, value)
        if answer.status not in (204, 304):
            self.send_header("Content-Length", str(answer.length))
        self.end_headers()
        rest = 0 if self.command == "HEAD" else int(answer.length * fraction)
        while content := answer.body.read(min(rest, max(int(rate / 20), 1) if rate else PIECE_BYTES)):
            if rate:
                self.wfile.flush()
                self.server.stopping.wait(len(content) / rate)
            self.server.statistics.bytes += len(content)
            self.wfile.write(content)
            rest -= len(content)
        self.close_connection |= fraction < 1 or rest > 0

    def _reset(self) -> None:
        """End the connection with RST in place of FIN."""
        self.close_connection = True
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        socket.close(self.connection.detach())

    def log_message(self, format: str, *args: object) -> None:
        """Log nothing."""


@contextmanager
def serve(origin: Origin | str, *rules: Rule, seed: int = 0, port: int = 0) -> Iterator[FaultyServer]:
    """Serve a folder, or a proxy of another server, during a block.

    Args:
        origin: folder, ``http://host:port`` of the other server, or a function that answers requests.
        rules: faults, and the requests that get them.
        seed: seed of the choice of the requests that fail.
        port: port of the server; 0 for a free one.
    """
    with FaultyServer(open_origin(origin) if isinstance(origin, str) else origin, rules, seed, port) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        try:
            yield server
        finally:
            server.shutdown()


def main() -> None:
    """Serve until interrupted, then print the statistics."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.support.faults")
    parser.add_argument("origin", help="folder, or URL of the other server")
    parser.add_argument("--port", type=int, default=8099)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--rules", default="[]", help="JSON: a list of rules, each with the fields of Rule")
    options = parser.parse_args()
    rules = [Rule(**rule) for rule in json.loads(options.rules)]
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with serve(options.origin, *rules, seed=options.seed, port=options.port) as server, suppress(KeyboardInterrupt):
        print(f"{options.origin} at {server.url}", flush=True)
        threading.Event().wait()
    print(json.dumps(vars(server.statistics), indent=1))


if __name__ == "__main__":
    main()
