"""The processes of a run, to be started and killed: a scheduler, two workers under their nannies, a client."""

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
WORKERS = 2

# A client that died leaves its lease; the next one waits it out, here for a few seconds in place of thirty.
CLIENT = (
    "from mineral_pipeline import lease; lease.LENGTH_S = 5.0; from jobs.__main__ import main; raise SystemExit(main())"
)


class Processes:
    """The processes of one run after another. Use as a context manager, which leaves none behind."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._log = folder, folder / "log.txt"
        self._scheduler: subprocess.Popen[bytes] | None = None
        self._workers: list[subprocess.Popen[bytes]] = []
        self._client: subprocess.Popen[bytes] | None = None
        self._port = open_port("127.0.0.1")

    def __enter__(self) -> Self:
        """Nothing runs yet."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Kill what still runs; show what they wrote when something went wrong."""
        self.kill_client()
        self._kill_cluster()
        if kind is not None and self._log.exists():
            sys.stderr.write(self._log.read_text()[-8000:])

    @property
    def client_runs(self) -> bool:
        """Whether the client is there."""
        return self._client is not None and self._client.poll() is None

    def start_cluster(self) -> None:
        """A scheduler, always at the same address, and its workers; what is left of earlier ones ends first."""
        self._kill_cluster()
        address = f"tcp://127.0.0.1:{self._port}"
        options = ["--host", address, "--dashboard-address", "127.0.0.1:0"]
        self._scheduler = self._start("-m", "distributed.cli.dask_scheduler", *options)
        self._workers = [self._start_worker() for _ in range(WORKERS)]

    def _start_worker(self) -> subprocess.Popen[bytes]:
        options = ["--nthreads", "1", "--no-dashboard", "--local-directory", str(self._folder)]
        return self._start("-m", "distributed.cli.dask_worker", f"tcp://127.0.0.1:{self._port}", *options)

    def start_client(self, settings: Path, workspace: Path) -> None:
        """The command line, as a user gives it."""
        self._client = self._start(
            "-c", CLIENT, "run", str(settings), "--workspace", str(workspace), "--cluster", "address"
        )

    def expect_end(self, status: int) -> None:
        """Wait for the client's own end."""
        assert self._client is not None
        found = self._client.wait(PATIENCE_S)
        if found != status:
            raise RuntimeError(f"the client ended with status {found}, not {status}")

    def kill_a_worker(self, chance: random.Random) -> bool:
        """Kill one of the workers; its nanny starts another, and where the nanny gave up, a batch system would."""
        self._workers = [self._start_worker() if worker.poll() is not None else worker for worker in self._workers]
        nanny = psutil.Process(chance.choice(self._workers).pid)
        workers = [child for child in nanny.children() if "spawn_main" in " ".join(child.cmdline())]
        if workers:
            workers[0].kill()
        return bool(workers)

    def kill_client(self) -> None:
        """Kill the client, if it runs."""
        if self._client is not None:
            self._client.kill()
            self._client.wait(PATIENCE_S)

    def kill_scheduler(self) -> None:
        """Kill the scheduler; its workers follow by themselves."""
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
            "DASK_SCHEDULER_ADDRESS": f"tcp://127.0.0.1:{self._port}",
            "OMP_NUM_THREADS": "1",
        }
        with self._log.open("ab") as log:
            return subprocess.Popen(
                [sys.executable, *command], stdout=log, stderr=log, env=environment, start_new_session=True
            )
