"""The lock of a workspace, which only one run holds at a time: a lease that its owner must renew.

The leases of a workspace are numbered files, ``lock/00000007.json``; the one of the highest number is valid. A run
takes the lease by creating the next number, which the file system or the object store grants to exactly one run (see
`Workspace.create_bytes`). Its owner increments the count of renewals in its file every third of the lease's length.
Clocks of two hosts are never compared: a lease has expired when a waiting run has seen no change in it for its length
by its own clock. An owner that finds a higher number than its own, or cannot renew, has lost the lease.

A task that outlives its run, because the run's process was killed, must not write beside the next run: it is given the
lease of its run (`holding`) and ends at the next `check` once that lease is no longer valid.
"""

from __future__ import annotations

import json
import os
import re
import secrets
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import asdict, dataclass, field, fields, replace
from datetime import UTC, datetime
from pathlib import Path

from mineral_pipeline.errors import LeaseLostError, WorkspaceError
from mineral_pipeline.workspace import artefacts
from mineral_pipeline.workspace.workspace import Workspace

LEASE_S = 30.0
"""Seconds that a lease is valid after its last renewal; a healthy run renews it three times in between."""
MAX_LEASE_S = 3600.0
"""Longest lease that is believed: the next run waits as long when its owner has died."""
LEASE_FILE = re.compile(r"\d{8}\.json", re.ASCII)
ENDED = "ZX"
SUSPENDED_OR_DEAD = f"Tt{ENDED}"


@dataclass(frozen=True)
class Owner:
    """Owner of a lease: the content of its file."""

    length_s: float
    """Seconds without a renewal after which the lease has expired."""
    host: str = field(default_factory=socket.gethostname)
    """Name of the owner's machine."""
    pid: int = field(default_factory=os.getpid)
    """Number of its process there."""
    born: str = field(default_factory=lambda: _process(os.getpid())[1])
    """Start of the process in ticks since the machine's, because process numbers are reused. Empty where not known."""
    since: str = field(default_factory=lambda: datetime.now(UTC).isoformat(timespec="seconds"))
    """Time at which the lease was taken, by the owner's clock, to show to a person."""
    token: str = field(default_factory=lambda: secrets.token_hex(8))
    """Distinguishes leases of the same process."""
    renewals: int = 0
    """Number of renewals."""
    released: bool = False
    """Whether the owner has released the lease."""

    def __str__(self) -> str:
        return f"process {self.pid} on {self.host} (since {self.since})"

    @property
    def is_running_here(self) -> bool:
        """Whether the owner is a running process of this machine; a suspended one is not, and not all can be seen."""
        state, born = _process(self.pid)
        return self.host == socket.gethostname() and self.born == born != "" and state not in SUSPENDED_OR_DEAD

    @property
    def has_died_here(self) -> bool:
        """Whether the owner was a process of this machine that has ended; not, where that cannot be seen."""
        state, born = _process(self.pid)
        return self.host == socket.gethostname() and self.born != "" and (born != self.born or state in ENDED)


OWNER_FIELDS = [field.name for field in fields(Owner)]
"""A later version may write more, which is no reason to break its lock."""


@dataclass(frozen=True)
class Lease:
    """The lease that a run holds. It is cheap to send to a worker."""

    workspace: Workspace
    """The workspace."""
    number: int
    """Number of its file."""
    run: str
    """Token of its owner, which names the run."""


_CURRENT: ContextVar[Lease | None] = ContextVar("lease", default=None)


def current() -> Lease | None:
    """The lease under which this code runs: the client's, or that of a task; None outside of a run."""
    return _CURRENT.get()


@contextmanager
def holding(lease: Lease | None) -> Iterator[None]:
    """A block that runs under a lease, which `current` returns and `check` watches."""
    token = _CURRENT.set(lease)
    try:
        yield
    finally:
        _CURRENT.reset(token)


def check() -> None:
    """End the work of a run that is over: call it before anything is written that the next run may write too.

    Nothing happens outside of a run.

    Raises:
        LeaseLostError: another run has taken the lease over, or the run has released it.
    """
    lease = current()
    if lease is None:
        return
    number, owner = _newest(lease.workspace)
    if owner is None or number != lease.number or owner.released:
        now = f"it is in use by {owner}" if owner and not owner.released else "it has ended"
        raise LeaseLostError(f"the run of this task no longer holds workspace {lease.workspace.url}: {now}")


@contextmanager
def acquire(
    workspace: Workspace,
    stop: Callable[[WorkspaceError], None],
    say: Callable[[str], None],
    length_s: float,
) -> Iterator[Lease]:
    """Hold the lock of ``workspace`` during the block, which runs under the lease.

    Args:
        workspace: the workspace.
        stop: called from another thread when the lease is lost: the block must end.
        say: given one line when this run waits for the lease of a run that may have died.
        length_s: seconds that the lease is valid after a renewal; `LEASE_S` except in tests.

    Raises:
        WorkspaceError: another run holds the lock, or its file cannot be written.
    """
    for stray in stray_files(workspace):
        say(f"{workspace.uri(stray)} is no lease: it is ignored")
    mine = Owner(length_s)
    number = _take(workspace, mine, say)
    done = threading.Event()
    renewal = threading.Thread(target=_renew, args=(workspace, number, mine, stop, done), daemon=True, name="lease")
    renewal.start()
    lease = Lease(workspace, number, mine.token)
    try:
        with holding(lease):
            yield lease
    finally:
        done.set()
        renewal.join(length_s)
        _release(workspace, number, mine)


def stray_files(workspace: Workspace) -> list[str]:
    """Names of what lies beside the leases and is none, which is ignored."""
    return [f"{artefacts.LOCK}/{name}" for name in _names(workspace)[1]]


def owner(workspace: Workspace) -> Owner | None:
    """Owner of the lease, which may have died; None when the lock is free."""
    found = _newest(workspace)[1]
    return found if found and not found.released else None


def _take(workspace: Workspace, mine: Owner, say: Callable[[str], None]) -> int:
    while True:
        number, other = _newest(workspace)
        if other is not None and not other.released:
            _wait_for_expiry(workspace, number, other, say)
        created = workspace.create_bytes(_name(number + 1), _content(mine))
        # A create whose answer was lost and that was sent again reports that the file exists, though it is ours. A run
        # that was suspended after `_newest` may create a number that has come and gone: a higher one is valid.
        newest, now = _newest(workspace)
        if now is not None and now.token == mine.token:
            for old in _numbers(workspace)[:-1]:
                workspace.remove(_name(old))
            return newest
        if created:
            workspace.remove(_name(number + 1))


def _wait_for_expiry(workspace: Workspace, number: int, other: Owner, say: Callable[[str], None]) -> None:
    """Wait until a lease has not changed for its length; raise at once when its owner is running."""
    if not other.is_running_here:
        say(f"waiting up to {other.length_s:.0f} s for the lease of {other}, which may have died")
        started = time.monotonic()
        while _newest(workspace) == (number, other):
            if time.monotonic() - started > other.length_s:
                return
            time.sleep(min(1.0, other.length_s / 30))
        number, now = _newest(workspace)
        if now is None or now.released:
            return
        other = now
    raise WorkspaceError(
        f"workspace {workspace.url} is in use by {other}: wait for its end, stop it, or give another --workspace"
    )


def _renew(
    workspace: Workspace, number: int, mine: Owner, stop: Callable[[WorkspaceError], None], done: threading.Event
) -> None:
    renewed = time.monotonic()
    while not done.wait(mine.length_s / 3):
        now = time.monotonic()
        try:
            newest, other = _newest(workspace)
            if newest > number:
                stop(WorkspaceError(_lost(workspace, f"it was taken over by {other} while this one did not renew it")))
                return
            mine = replace(mine, renewals=mine.renewals + 1)
            _write(workspace, number, mine)
            renewed = now
        except WorkspaceError as error:
            if now - renewed > mine.length_s * 0.6:
                stop(WorkspaceError(_lost(workspace, str(error))))
                return


def _process(pid: int) -> tuple[str, str]:
    """State and start of a process of this machine from ``/proc/PID/stat``; empty where there is none."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return "", ""
    return fields[0], fields[19]


def _release(workspace: Workspace, number: int, mine: Owner) -> None:
    try:
        _write(workspace, number, replace(mine, released=True))
    except WorkspaceError:  # a full disk; should even that fail, the lease expires
        with suppress(WorkspaceError):
            workspace.remove(_name(number))


def _lost(workspace: Workspace, reason: str) -> str:
    return f"this run has lost its lease on workspace {workspace.url}: {reason}"


def _newest(workspace: Workspace) -> tuple[int, Owner | None]:
    """Number and content of the valid lease; 0 and None when there is none."""
    while numbers := _numbers(workspace):
        try:
            return numbers[-1], _parse(workspace.read_bytes(_name(numbers[-1])))
        except WorkspaceError as error:
            if not isinstance(error.__cause__, FileNotFoundError):  # removed since: there is a higher one
                raise
        except (ValueError, TypeError, KeyError, OverflowError, RecursionError):  # not written yet, never, or damaged
            return numbers[-1], Owner(LEASE_S, "an unknown host", pid=-1, born="", since="just now", token="")
    return 0, None


def _parse(content: bytes) -> Owner:
    """The owner of a lease.

    Raises:
        ValueError, TypeError, KeyError, OverflowError, RecursionError: it is no lease, or none that can be believed.
    """
    found = json.loads(content)
    values = {name: found[name] for name in OWNER_FIELDS if name in found}
    owner = Owner(**{**values, "length_s": float(found["length_s"])})
    texts = (owner.host, owner.born, owner.since, owner.token)
    if not 0 < owner.length_s <= MAX_LEASE_S or not isinstance(owner.pid, int) or not "".join(texts).isprintable():
        raise ValueError("it is damaged")
    return owner


def _numbers(workspace: Workspace) -> list[int]:
    return _names(workspace)[0]


def _names(workspace: Workspace) -> tuple[list[int], list[str]]:
    """Numbers of the leases, ascending, and names of whatever else lies beside them."""
    names = workspace.list(artefacts.LOCK)
    stray = [name for name in names if not LEASE_FILE.fullmatch(name)]
    return [int(name.removesuffix(".json")) for name in names if name not in stray], stray


def _name(number: int) -> str:
    return f"{artefacts.LOCK}/{number:08d}.json"


def _content(owner: Owner) -> bytes:
    return json.dumps(asdict(owner)).encode()


def _write(workspace: Workspace, number: int, owner: Owner) -> None:
    workspace.write_bytes(_name(number), _content(owner))
