"""A web server that fails on purpose, for tests and benchmarks: it serves a folder, or stands before another server.

    python -m benchmarks.faults PLACE [--port 8099] [--seed 0] [--rules '[{"fault": "503", "share": 0.1}]']

A folder is served with Content-Length, ETag (the quoted MD5), HEAD and Range: enough for an archive on ``http://`` or,
with ``endpoint`` set to it, on ``s3://``. Requests to another server go on unchanged, Host included, so that signatures
stay valid. What fails follows from the seed, the request and the number of its attempt, and from nothing else.
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

PIECE = 2**20
"""Bytes written at once."""
HTML = b"<!DOCTYPE html><html><body>Service temporarily unavailable</body></html>"


@dataclass(frozen=True)
class Rule:
    """What goes wrong, and when. Of the rules that strike, the first decides; ``slow`` and ``latency`` come on top."""

    fault: str
    """A status such as ``503``, or ``reset``, ``hang``, ``truncate`` (cut under the true Content-Length), ``short``
    (cut, and Content-Length with it), ``html`` (200 and a page), ``wrong`` (the bytes of ``other``), ``slow``,
    ``latency``."""
    match: str = ""
    """Regular expression, searched in the method and the decoded path: ``^GET .*[.]TIF``."""
    share: float = 1.0
    """Of the attempts, or of the requests when ``lasting``, that it strikes."""
    times: int | None = None
    """At most so many attempts of a request fail in a row; then one gets through."""
    lasting: bool = False
    """It strikes all attempts of a request or none."""
    amount: float = 0.5
    """Seconds of ``latency`` and ``hang``, bytes a second of ``slow``, share that ``truncate`` and ``short`` leave."""
    other: str = ""
    """Path of the object whose bytes ``wrong`` sends under the asked object's ETag."""


@dataclass
class Statistics:
    """What a server was asked, and what it did."""

    requests: int = 0
    """All of them, failed ones included."""
    bytes: int = 0
    """Of bodies, sent."""
    by_request: Counter[str] = field(default_factory=Counter)
    """Attempts of each request, by method and decoded path."""
    by_fault: Counter[str] = field(default_factory=Counter)
    """How often each fault struck."""
    active: int = 0
    """Requests being answered now."""
    peak: int = 0
    """Most requests that were answered at once."""


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
        """Follow other rules, and count from nothing."""
        self.rules, self.statistics, self._in_a_row = rules, Statistics(), Counter[str]()

    @contextmanager
    def counted(self, request: str) -> Iterator[list[Rule]]:
        """Count a request while it is answered, and give the rules that strike it."""
        statistics = self.statistics
        with self._lock:
            statistics.requests += 1
            statistics.by_request[request] += 1
            statistics.active += 1
            statistics.peak = max(statistics.peak, statistics.active)
            struck = [rule for number, rule in enumerate(self.rules) if self._strikes(number, rule, request)]
            statistics.by_fault.update(rule.fault for rule in struck)
            fails = any(rule.fault != "latency" for rule in struck)
            self._in_a_row[request] = self._in_a_row[request] + 1 if fails else 0
        try:
            yield struck
        finally:
            with self._lock:
                statistics.active -= 1

    def _strikes(self, number: int, rule: Rule, request: str) -> bool:
        if not re.search(rule.match, request) or (rule.times is not None and self._in_a_row[request] >= rule.times):
            return False
        attempt = 0 if rule.lasting else self.statistics.by_request[request]
        digest = hashlib.blake2b(f"{self.seed} {number} {request} {attempt}".encode(), digest_size=8).digest()
        return int.from_bytes(digest, "big") < rule.share * 2**64

    def process_request(self, request: Any, client_address: Any) -> None:
        """Remember the connection, to end it with the server."""
        self._connections.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        """Forget the connection."""
        self._connections.discard(request)
        super().shutdown_request(request)

    def server_close(self) -> None:
        """End all connections."""
        self.stopping.set()
        super().server_close()
        for connection in list(self._connections):
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients hang up, also in the middle; anything else is a mistake of this module."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)


class Handler(BaseHTTPRequestHandler):
    """Answers the requests of one connection."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: FaultyServer

    def answer(self) -> None:
        """Answer one request, or fail at it."""
        content = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        request = Request(self.command, self.path, self.headers, content)
        with self.server.counted(f"{self.command} {unquote(self.path)}") as rules, ExitStack() as stack:
            self.server.stopping.wait(sum(rule.amount for rule in rules if rule.fault == "latency"))
            rate = min((rule.amount for rule in rules if rule.fault == "slow"), default=0.0)
            rule = next((rule for rule in rules if rule.fault not in ("latency", "slow")), Rule("none"))
            if rule.fault == "hang":
                self.close_connection = True
                select.select([self.connection], [], [], rule.amount)  # until the client hangs up
            elif rule.fault == "reset":
                self._reset()
            elif rule.fault.isdigit():
                self._send(Answer(int(rule.fault)))
            elif rule.fault == "html":
                self._send(Answer(200, len(HTML), io.BytesIO(HTML), (("Content-Type", "text/html"),)))
            else:
                answer, share = self._spoilt(request, rule, stack)
                self._send(answer, share, rate)

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = do_PATCH = answer

    def _spoilt(self, request: Request, rule: Rule, stack: ExitStack) -> tuple[Answer, float]:
        """The origin's answer after a rule, and the share of its body to send."""
        answer = self.server.origin(request, stack)
        if rule.fault == "wrong":
            other = self.server.origin(replace(request, path=rule.other), stack)
            answer = replace(answer, length=other.length, body=other.body)
        elif rule.fault == "short":
            answer = replace(answer, length=int(answer.length * rule.amount))
        return answer, rule.amount if rule.fault == "truncate" else 1.0

    def _send(self, answer: Answer, share: float = 1.0, rate: float = 0.0) -> None:
        self.send_response_only(answer.status)
        for name, value in answer.headers:
            self.send_header(name, value)
        if answer.status not in (204, 304):
            self.send_header("Content-Length", str(answer.length))
        self.end_headers()
        rest = 0 if self.command == "HEAD" else int(answer.length * share)
        while content := answer.body.read(min(rest, max(int(rate / 20), 1) if rate else PIECE)):
            if rate:
                self.server.stopping.wait(len(content) / rate)
            self.wfile.write(content)
            rest -= len(content)
            self.server.statistics.bytes += len(content)
        self.close_connection |= share < 1 or rest > 0

    def _reset(self) -> None:
        """End the connection with RST in place of FIN."""
        self.close_connection = True
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        socket.close(self.connection.detach())

    def log_message(self, format: str, *args: object) -> None:
        """Stay silent."""


@contextmanager
def serve(origin: Origin | str, *rules: Rule, seed: int = 0, port: int = 0) -> Iterator[FaultyServer]:
    """Serve a folder, or stand before a server, for the length of a block.

    Args:
        origin: folder, ``http://host:port`` of the other server, or a function that answers.
        rules: what goes wrong.
        seed: of all that is left to chance.
        port: 0 for a free one.
    """
    with FaultyServer(open_origin(origin) if isinstance(origin, str) else origin, rules, seed, port) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        try:
            yield server
        finally:
            server.shutdown()


def main() -> None:
    """Serve until interrupted, then print the statistics."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.faults")
    parser.add_argument("place", help="folder, or URL of the server to stand before")
    parser.add_argument("--port", type=int, default=8099)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--rules", default="[]", help="JSON: a list of rules, each with the fields of Rule")
    options = parser.parse_args()
    rules = [Rule(**rule) for rule in json.loads(options.rules)]
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with serve(options.place, *rules, seed=options.seed, port=options.port) as server, suppress(KeyboardInterrupt):
        print(f"{options.place} at {server.url}", flush=True)
        threading.Event().wait()
    print(json.dumps(vars(server.statistics), indent=1))


if __name__ == "__main__":
    main()
