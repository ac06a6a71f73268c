"""Atomic writes on a local disk, and what errors of disks and object stores mean."""

from __future__ import annotations

import errno
import os
import secrets

from mineral_pipeline.errors import MineralPipelineError

FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
READ_ONLY = (errno.EROFS, errno.EACCES, errno.EPERM)
CLIENTS = ("aiohttp", "botocore", "gcsfs", "google", "requests")
"""Packages of object-store clients. Not all of their errors derive from OSError."""


def replace_file(path: str, content: bytes) -> None:
    """Write to a temporary name beside ``path``, flush to the disk, rename."""
    os.makedirs(os.path.dirname(path), exist_ok=True)
    temporary = f"{os.path.dirname(path)}/.{os.path.basename(path)}.{secrets.token_hex(4)}"
    try:
        with open(temporary, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        if os.path.exists(temporary):
            os.remove(temporary)
        raise


def create_file(path: str, content: bytes) -> bool:
    """Write ``path`` unless it exists; returns whether it was created."""
    os.makedirs(os.path.dirname(path), exist_ok=True)
    try:
        file = open(path, "xb")  # noqa: SIM115 - only the opening may find the file there
    except FileExistsError:
        return False
    try:
        with file:
            file.write(content)
    except OSError:
        os.remove(path)
        raise
    return True


def is_taken(error: OSError) -> bool:
    """Whether a conditional PUT failed because the object exists, or is being created by another client.

    s3fs understands only Amazon's 412, neither Ceph's nor the 409 of two clients that create at the same moment.
    """
    response = getattr(error.__cause__, "response", None) or {}  # of botocore
    return isinstance(error, FileExistsError) or response.get("ResponseMetadata", {}).get("HTTPStatusCode") in (
        409,
        412,
    )


def is_io_failure(error: Exception) -> bool:
    """Whether a disk or the client of an object store failed, rather than this program."""
    if isinstance(error, MineralPipelineError):
        return False
    return isinstance(error, OSError) or type(error).__module__.partition(".")[0] in CLIENTS


def describe(error: Exception) -> str:
    """What an error says, in one line."""
    return " ".join((getattr(error, "strerror", None) or str(error) or type(error).__name__).split())


def advise(error: Exception, done: str) -> str:
    """What to do about an error while something was ``read``, ``written``, ``listed`` or ``removed``."""
    number = getattr(error, "errno", None)
    if number in FULL:
        return "free some space and run the same command again; what is done is kept"
    if number in READ_ONLY or isinstance(error, PermissionError):
        return "get the permission, or give another --workspace"
    if isinstance(error, FileNotFoundError) and done == "read":
        return "run the job that makes it"
    return "fix that and run the same command again; what is done is kept"
