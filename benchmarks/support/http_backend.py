"""Origins of the answers of `benchmarks.support.faults`: a folder, or another server."""

from __future__ import annotations

import hashlib
import http.client
import io
import re
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from email.message import Message
from email.utils import formatdate
from functools import lru_cache
from pathlib import Path
from typing import BinaryIO, cast
from urllib.parse import unquote, urlsplit

HOP_BY_HOP = frozenset({"connection", "content-length", "keep-alive", "transfer-encoding"})
"""Headers that are not passed on (RFC 9110, section 7.6.1), and the length, which is set again."""


@dataclass(frozen=True)
class Request:
    """A request of a client."""

    method: str
    """Method, such as GET."""
    path: str
    """Path with the query, percent-encoded as the client sent it."""
    headers: Message
    """Headers by name, in upper or lower case."""
    content: bytes = b""
    """Body of the request."""


@dataclass(frozen=True)
class Answer:
    """A response."""

    status: int
    """HTTP status."""
    length: int = 0
    """Bytes of the body, or of the body that HEAD omits."""
    body: BinaryIO = io.BytesIO()  # noqa: RUF009 - empty, so that it may be shared
    """Body, which is read once."""
    headers: tuple[tuple[str, str], ...] = ()
    """Headers without the length."""


Origin = Callable[[Request, ExitStack], Answer]
"""Function that answers a request; it puts on the stack what must be closed after sending."""


def open_origin(url: str) -> Origin:
    """Open the origin at a folder or an ``http://`` URL."""
    if "://" in url:
        address = urlsplit(url).netloc
        return lambda request, stack: _forward(address, request, stack)
    root = Path(url).resolve()
    return lambda request, stack: _serve(root, request, stack)


def _serve(root: Path, request: Request, stack: ExitStack) -> Answer:
    """Answer with a file as an object store does."""
    file = (root / unquote(urlsplit(request.path).path).lstrip("/")).resolve()
    if request.method not in ("GET", "HEAD") or not (file.is_relative_to(root) and file.is_file()):
        return Answer(404)
    stat = file.stat()
    size = stat.st_size
    start, end = byte_range(request.headers.get("Range") or "", size)
    if start >= end and size:
        return Answer(416, headers=(("Content-Range", f"bytes */{size}"),))
    headers = [
        ("Accept-Ranges", "bytes"),
        ("ETag", _etag(file, stat.st_mtime_ns)),
        ("Last-Modified", formatdate(stat.st_mtime, usegmt=True)),
    ]
    if end - start < size:
        headers.append(("Content-Range", f"bytes {start}-{end - 1}/{size}"))
    body = stack.enter_context(file.open("rb"))
    body.seek(start)
    return Answer(206 if end - start < size else 200, end - start, body, tuple(headers))


def byte_range(header: str, size: int) -> tuple[int, int]:
    """Start and end of a Range of one part (RFC 9110, section 14.1.2), or of the whole object."""
    found = re.fullmatch(r"bytes=(\d*)-(\d*)", header)
    if not found or not (found[1] or found[2]):
        return 0, size
    if not found[1]:
        return max(size - int(found[2]), 0), size
    return int(found[1]), min(int(found[2]) + 1, size) if found[2] else size


@lru_cache(maxsize=100_000)
def _etag(file: Path, changed: int) -> str:
    with file.open("rb") as content:
        return f'"{hashlib.file_digest(content, "md5").hexdigest()}"'


def _forward(address: str, request: Request, stack: ExitStack) -> Answer:
    """Answer as another server does to the same request."""
    upstream = http.client.HTTPConnection(address, timeout=60)
    stack.callback(upstream.close)
    upstream.putrequest(request.method, request.path, skip_host=True, skip_accept_encoding=True)
    for name, value in request.headers.items():
        if name.lower() not in ("connection", "expect"):
            upstream.putheader(name, value)
    upstream.endheaders(request.content)
    response = stack.enter_context(upstream.getresponse())
    headers = tuple((name, value) for name, value in response.getheaders() if name.lower() not in HOP_BY_HOP)
    length = response.getheader("Content-Length")
    if length is not None:
        return Answer(response.status, int(length), cast(BinaryIO, response), headers)
    content = response.read()
    return Answer(response.status, len(content), io.BytesIO(content), headers)
