"""An object store on this machine that counts its requests: the S3 emulator moto, in a thread of this process."""

from __future__ import annotations

import logging
import os
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, ClassVar

from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import make_server

BUCKET = "fleet"
ENVIRONMENT = {"AWS_ACCESS_KEY_ID": "testkey", "AWS_SECRET_ACCESS_KEY": "testsecret", "AWS_DEFAULT_REGION": "us-east-1"}


class CountedStore:
    """The application around moto's, with the number of requests by kind, and of those that found their object."""

    KINDS: ClassVar[tuple[str, ...]] = ("GET", "HEAD", "LIST", "PUT", "DELETE")
    url = f"s3://{BUCKET}"

    def __init__(self) -> None:
        self._store = DomainDispatcherApplication(create_backend_app)
        self._lock = threading.Lock()
        self.counts: Counter[str] = Counter()
        self.found: Counter[tuple[str, str]] = Counter()

    def clear(self) -> None:
        """Count anew."""
        self.counts.clear()
        self.found.clear()

    @property
    def asked_before_read(self) -> int:
        """Number of HEAD requests that found an object which was read, too."""
        return sum(number for (kind, path), number in self.found.items()
                   if kind == "HEAD" and self.found["GET", path])  # fmt: skip

    def most_reads(self, part: str) -> int:
        """Largest number of times that one of the objects with ``part`` in their names was read."""
        return max((n for (kind, path), n in self.found.items() if kind == "GET" and part in path), default=0)

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Answer a request, and count it."""
        method, query, path = environ["REQUEST_METHOD"], environ.get("QUERY_STRING", ""), environ["PATH_INFO"]
        is_listing = method == "GET" and "list-type" in query
        kind = "LIST" if is_listing else "DELETE" if method == "POST" and "delete" in query else method
        with self._lock:
            self.counts[kind] += 1

        def respond(status: str, *others: Any) -> Any:
            if status.startswith("2"):
                with self._lock:
                    self.found[kind, path] += 1
            return start_response(status, *others)

        answer: Iterable[bytes] = self._store(environ, respond)
        return answer


@contextmanager
def counted_store() -> Iterator[CountedStore]:
    """The store, with an empty bucket; the environment tells the clients of workspaces, also in new processes."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)  # it tells of every request
    store = CountedStore()
    server = make_server("127.0.0.1", 0, store, threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    before = {name: os.environ.get(name) for name in (*ENVIRONMENT, "AWS_ENDPOINT_URL")}
    os.environ.update(ENVIRONMENT, AWS_ENDPOINT_URL=f"http://127.0.0.1:{server.server_port}")
    try:
        import fsspec

        fsspec.filesystem("s3", skip_instance_cache=True).mkdir(BUCKET)
        yield store
    finally:
        for name, value in before.items():
            os.environ.pop(name) if value is None else os.environ.update({name: value})
        server.shutdown()
        thread.join()
        server.server_close()
