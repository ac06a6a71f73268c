"""Single objects of an archive: in a folder or a tar file, or in a store that obstore speaks to (Google, S3, ...)."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from functools import lru_cache
from urllib.parse import urlsplit

import obstore
from obstore.exceptions import BaseError
from obstore.store import ObjectStore, from_url

from mineral_pipeline import settings
from mineral_pipeline.archive.errors import describe_error
from mineral_pipeline.archive.fetched import FetchedObject
from mineral_pipeline.archive.retry import NO_CLIENT_RETRIES
from mineral_pipeline.archive.tar_file import find_tar, read_member
from mineral_pipeline.archive.validation import MAX_OBJECT_BYTES, check_md5, check_regular, check_size
from mineral_pipeline.errors import ArchiveError

SCHEMES = ("gs", "s3", "az", "http", "https")


def is_local(url: str) -> bool:
    """Whether ``url`` is a path of this machine or of a shared file system."""
    return urlsplit(url).scheme in ("", "file")


def local_path(url: str) -> str:
    """Path of a local ``url``."""
    return os.path.expanduser(url.removeprefix("file://"))


def open_store(url: str, archive: settings.Archive, client_retries: int = NO_CLIENT_RETRIES) -> tuple[ObjectStore, str]:
    """Open the store of an object. A process keeps its stores, and so their connections.

    Args:
        url: URL of the object, in the archive or elsewhere in the same store.
        archive: settings of the archive, which configure the client.
        client_retries: retries that the client makes itself; see `mineral_pipeline.archive.retry`.

    Returns:
        The store, and the name of the object in it.

    Raises:
        ArchiveError: there is no such kind of store, or its options are wrong.
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
        config = json.dumps([options, client, client_retries], sort_keys=True)
        store = _cached_store(f"{parts.scheme}://{parts.netloc}", config)
    except (BaseError, ValueError, TypeError, OSError) as error:
        raise ArchiveError(f"{url} cannot be opened: archive.storage_options: {describe_error(error)}") from error
    return store, parts.path.lstrip("/")


@lru_cache(maxsize=32)
def _cached_store(root: str, config: str) -> ObjectStore:
    options, client, client_retries = json.loads(config)
    return from_url(root, client_options=client, retry_config={"max_retries": client_retries}, **options)


def read(url: str, archive: settings.Archive, reserve: Callable[[int], None]) -> FetchedObject:
    """Read an object in one request.

    Args:
        url: URL of the object.
        archive: settings of the archive.
        reserve: called with the object's size in bytes before these are read; it may wait.

    Raises:
        CorruptError: the object is too large, a pipe or a device, or has not the MD5 that the store gives.
        Exception: whatever the file system or the store raises.
    """
    name = url.rpartition("/")[2]
    if is_local(url):
        if tar := find_tar(local_path(url)):
            return FetchedObject(read_member(tar, name, reserve))
        check_regular(os.stat(local_path(url)).st_mode, name)
        with open(local_path(url), "rb") as file:
            size = os.fstat(file.fileno()).st_size
            _admit(size, name, reserve)
            return FetchedObject(file.read(size))
    store, key = open_store(url, archive)
    result = obstore.get(store, key)
    size = result.meta["size"]
    _admit(size, name, reserve)
    content = bytes(result.bytes())
    if len(content) != size:
        raise OSError(f"{len(content):,} of {size:,} bytes came")
    has_md5 = archive.checksums and url.startswith(("gs://", "s3://"))
    return FetchedObject(content, has_md5 and check_md5(content, result.meta["e_tag"] or "", name))


def _admit(size: int, name: str, reserve: Callable[[int], None]) -> None:
    check_size(size, name, MAX_OBJECT_BYTES)
    reserve(size)
