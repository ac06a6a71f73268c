"""Tests contact this machine only: every other connection fails, and is remembered.

Python's sockets are guarded here. Clients in other languages (obstore is Rust) and child processes are sent to a proxy
on the loopback address by the environment variables that they obey; it lets nothing through and remembers what for.
"""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from typing import Any

import pytest

HERE = "127.0.0.1,localhost,::1"
ENVIRONMENT = {
    "AWS_EC2_METADATA_DISABLED": "true",  # botocore would ask the cloud's metadata address for a key
    "NO_GCE_CHECK": "true",  # google-auth likewise
    "GCSFS_EXPERIMENTAL_ZB_HNS_SUPPORT": "false",  # gcsfs would ask the kind of a bucket over gRPC: 60 s per call
}
"""To be set before the clients are imported."""


@contextmanager
def guarded() -> Iterator[list[str]]:
    """Guard everything in the block; gives the list of what was tried."""
    tried: list[str] = []

    class Refuse(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            tried.append(f"{self.command} {self.path}")
            self.send_error(403)

        do_CONNECT = do_HEAD = do_POST = do_PUT = do_DELETE = do_GET

        def log_message(self, format: str, *args: object) -> None:
            """Stay silent."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Refuse) as proxy, pytest.MonkeyPatch.context() as patch:
        threading.Thread(target=proxy.serve_forever, args=(0.1,), daemon=True).start()
        for name in ("http_proxy", "https_proxy", "all_proxy"):
            for spelling in (name, name.upper()):
                patch.setenv(spelling, f"http://127.0.0.1:{proxy.server_port}")
        for name, value in {"no_proxy": HERE, "NO_PROXY": HERE, **ENVIRONMENT}.items():
            patch.setenv(name, value)
        for name in [name for name in os.environ if name.startswith(("AWS_", "GOOGLE_")) and name not in ENVIRONMENT]:
            patch.delenv(name)
        for name in ("connect", "connect_ex"):
            patch.setattr(socket.socket, name, _guard(getattr(socket.socket, name), tried))
        yield tried
        proxy.shutdown()


def _guard(connect: Any, tried: list[str]) -> Any:
    def guard(self: socket.socket, address: Any) -> Any:
        # Connecting a datagram socket sends nothing; distributed learns this machine's own address so.
        if self.family != socket.AF_UNIX and self.type == socket.SOCK_STREAM and not _is_here(address[0]):
            tried.append(f"connect {address[0]}:{address[1]}")
            raise ConnectionRefusedError(f"tests may not contact {address[0]}")
        return connect(self, address)

    return guard


def _is_here(host: str) -> bool:
    """Whether an address is this machine's: a loopback one, or one that a socket can be bound to."""
    try:
        if ip_address(host).is_loopback:
            return True
        with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.bind((host, 0))
    except (ValueError, OSError):
        return host == "localhost"
    return True
