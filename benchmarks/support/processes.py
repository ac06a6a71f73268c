"""The processes of a run, which can be started and killed: a scheduler, two workers with their nannies, a client."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

import psutil
from distributed.utils import open_port

PATIENCE_S = 300
"""Longest time to wait for a process to end."""
WORKERS = 2

CLIENT = (
    "from mineral_pipeline.workspace import lock; lock.LEASE_S = 5.0;"
    " from jobs.running.command_line import main; raise SystemExit(main())"
)
"""The command line with a short lease: a client that is killed leaves its lease, and the next waits for its end."""


class Processes:
    """The processes of consecutive runs. Use as a context manager, which leaves none behind."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._log = folder, folder / "log.txt"
        self._scheduler: subprocess.Popen[bytes] | None = None
        self._workers: list[subprocess.Popen[bytes]] = []
        self._client: subprocess.Popen[bytes] | None = None
        self._port = open_port("127.0.0.1")

    def __enter__(self) -> Self:
        """Return the processes, none of which runs yet."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Kill the processes that still run; show the end of their log after an error."""
        self.kill_client()
        self._kill_cluster()
        if kind is not None and self._log.exists():
            sys.stderr.write(self._log.read_text()[-8000:])

    @property
    def client_runs(self) -> bool:
        """Whether the client runs."""
        return self._client is not None and self._client.poll() is None

    @property
    def address(self) -> str:
        """Address of the scheduler."""
        return f"tcp://127.0.0.1:{self._port}"

    def start_cluster(self) -> None:
        """Start a scheduler, always at the same address, and its workers, after earlier ones have ended."""
        self._kill_cluster()
        options = ["--host", self.address, "--dashboard-address", "127.0.0.1:0"]
        self._scheduler = self._start("-m", "distributed.cli.dask_scheduler", *options)
        self._workers = [self._start_worker() for _ in range(WORKERS)]

    def _start_worker(self) -> subprocess.Popen[bytes]:
        options = ["--nthreads", "1", "--no-dashboard", "--local-directory", str(self._folder)]
        return self._start("-m", "distributed.cli.dask_worker", self.address, *options)

    def start_client(self, settings: Path, workspace: Path) -> None:
        """Start the command line, as a user does."""
        self._client = self._start(
            "-c", CLIENT, "run", str(settings), "--workspace", str(workspace), "--cluster", "address"
        )

    def expect_end(self, status: int) -> None:
        """Wait until the client ends by itself.

        Raises:
            RuntimeError: its exit status is not ``status``.
        """
        assert self._client is not None
        found = self._client.wait(PATIENCE_S)
        if found != status:
            raise RuntimeError(f"the client ended with status {found}, not {status}")

    def kill_a_worker(self, chance: random.Random) -> bool:
        """Kill one of the workers, and return whether one was killed.

        Its nanny starts another; where the nanny has given up, this method starts both, as a batch system would.
        """
        self._workers = [self._start_worker() if worker.poll() is not None else worker for worker in self._workers]
        try:
            nanny = psutil.Process(chance.choice(self._workers).pid)
            workers = [child for child in nanny.children() if "spawn_main" in " ".join(child.cmdline())]
            if workers:
                workers[0].kill()
        except psutil.NoSuchProcess:  # it has just ended by itself
            return False
        return bool(workers)

    def kill_client(self) -> None:
        """Kill the client, if it runs."""
        if self._client is not None:
            self._client.kill()
            self._client.wait(PATIENCE_S)

    def kill_scheduler(self) -> None:
        """Kill the scheduler; its workers end by themselves."""
        assert self._scheduler is not None
        self._scheduler.kill()

    def _kill_cluster(self) -> None:
        for process in (self._scheduler, *self._workers):
            if process is None:
                continue
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait(PATIENCE_S)

    def _start(self, *command: str) -> subprocess.Popen[bytes]:
        environment = os.environ | {
            "DASK_SCHEDULER_ADDRESS": self.address,
            "OMP_NUM_THREADS": "1",
        }
        with self._log.open("ab") as log:
            return subprocess.Popen(
                [sys.executable, *command], stdout=log, stderr=log, env=environment, start_new_session=True
            )
