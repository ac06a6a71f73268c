"""Single objects of an archive: in a folder, or in a store that obstore speaks to (Google, S3, Azure, HTTP)."""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit

import obstore
from obstore.exceptions import BaseError, PermissionDeniedError, UnauthenticatedError
from obstore.store import ObjectStore, from_url

from mineral_pipeline import settings
from mineral_pipeline.archive.errors import CorruptError, CorruptionDetails
from mineral_pipeline.errors import ArchiveError

SCHEMES = ("gs", "s3", "az", "http", "https")
LARGEST = 2**30
"""Bytes of the largest object worth reading: no band of any Landsat is larger, even uncompressed."""

TRANSIENT_STATUS = frozenset({408, 425, 429})
"""Of the 4xx; every 5xx is transient."""

MD5 = re.compile(r'"?([0-9a-f]{32})"?', re.ASCII)
"""The etag of an object that Google or S3 took in one piece; that of a multi-part one ends in ``-`` and a number."""


@dataclass(frozen=True)
class ReceivedObject:
    """An object's bytes."""

    content: bytes
    """All of them."""
    checksum_verified: bool = False
    """Whether the store's own checksum says that they are right."""


def is_local(url: str) -> bool:
    """Whether ``url`` is a path of this machine or of a shared file system."""
    return urlsplit(url).scheme in ("", "file")


def local_path(url: str) -> str:
    """Path of a local ``url``."""
    return os.path.expanduser(url.removeprefix("file://"))


def open_store(url: str, archive: settings.Archive, retries: int = 0) -> tuple[ObjectStore, str]:
    """The store of an object, and the object's name in it. One store per process keeps its connections.

    Args:
        url: of the object, in the archive or elsewhere in the same store.
        archive: how to speak to the store.
        retries: that the store itself makes.

    Raises:
        ArchiveError: no such kind of store, or its options are wrong.
    """
    parts = urlsplit(url)
    if parts.scheme not in SCHEMES:
        raise ArchiveError(f"{url}: no archive is read from {parts.scheme}://: use a folder, {', '.join(SCHEMES)}")
    options = dict(archive.storage_options)
    if archive.anonymous and not parts.scheme.startswith("http"):
        options["skip_signature"] = True
    try:
        client = {"timeout": f"{archive.timeout_s:g}s", **options.pop("client_options", {})}
        if parts.scheme == "http" or str(options.get("endpoint", "")).startswith("http://"):
            client["allow_http"] = True
        store = _store(f"{parts.scheme}://{parts.netloc}", json.dumps([options, client, retries], sort_keys=True))
    except (BaseError, ValueError, TypeError, OSError) as error:
        raise ArchiveError(f"{url} cannot be opened: archive.storage_options: {describe_error(error)}") from error
    return store, parts.path.lstrip("/")


@lru_cache(maxsize=32)
def _store(root: str, options: str) -> ObjectStore:
    config, client, retries = json.loads(options)
    return from_url(root, client_options=client, retry_config={"max_retries": retries}, **config)


def read(url: str, archive: settings.Archive, claim: Callable[[int], None]) -> ReceivedObject:
    """An object in one request.

    Args:
        url: of the object.
        archive: how to speak to its store.
        claim: told the object's size before its bytes are read; may wait.

    Raises:
        Corrupt: the object is larger than `LARGEST`, or its MD5 is not the one that the store gives.
        Exception: whatever the file system or the store raises.
    """
    if is_local(url):
        with open(local_path(url), "rb") as file:
            _claim(os.fstat(file.fileno()).st_size, url, claim)
            return ReceivedObject(file.read())
    store, name = open_store(url, archive)
    result = obstore.get(store, name)
    _claim(result.meta["size"], url, claim)
    content = bytes(result.bytes())
    if len(content) != result.meta["size"]:
        raise OSError(f"{len(content):,} of {result.meta['size']:,} bytes came")
    md5 = MD5.fullmatch(result.meta["e_tag"] or "") if url.startswith(("gs://", "s3://")) else None
    if not (archive.checksums and md5):
        return ReceivedObject(content)
    if hashlib.md5(content, usedforsecurity=False).hexdigest() != md5[1]:
        raise CorruptError(
            f"{url.rpartition('/')[2]} has not the MD5 that the store gives (archive.checksums: false ignores that)",
            CorruptionDetails.of(content),
        )
    return ReceivedObject(content, checksum_verified=True)


def _claim(size: int, url: str, claim: Callable[[int], None]) -> None:
    if size > LARGEST:
        evidence = CorruptionDetails(size, b"", "", checksum_verified=True)
        raise CorruptError(f"{url.rpartition('/')[2]} has {size:,} bytes: no file of a scene is that large", evidence)
    claim(size)


def is_missing(error: Exception) -> bool:
    """Whether the object is not there, as far as the archive knows."""
    absent = isinstance(error, (FileNotFoundError, IsADirectoryError, NotADirectoryError))
    return absent or _status(error) in (404, 410)


def is_permanent(error: Exception) -> bool:
    """Whether the archive would refuse the same request again."""
    status = _status(error)
    refused = isinstance(error, (PermissionError, PermissionDeniedError, UnauthenticatedError))
    return refused or (400 <= status < 500 and status not in TRANSIENT_STATUS)


def describe_error(error: Exception) -> str:
    """A few words on an error; never the URL of the request or the server's own words, which may hold credentials."""
    status = _status(error)
    if is_missing(error):
        return "not there"
    if isinstance(error, PermissionDeniedError | UnauthenticatedError) or status in (401, 403):
        return "permission denied (public data need archive.anonymous: true, others false and credentials)"
    if status:
        return f"HTTP {status}"
    text = " ".join(str(error).split("Debug source")[0].split())
    if isinstance(error, TimeoutError) or "timed out" in text:
        return "timed out"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return text[:200] if text and "://" not in text else "the connection failed or was cut"


def _status(error: Any) -> int:
    """HTTP status that an error of obstore tells in words; 0 without one."""
    found = re.search(r"status code: (\d{3})\b", str(error)) if isinstance(error, BaseError | OSError) else None
    return int(found[1]) if found else 0
