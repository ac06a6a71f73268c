"""`archive.requests_per_s` is the rate of the whole run, however many workers make the requests."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from distributed import Client, LocalCluster, Scheduler, wait

from jobs.running.request_rate import share_request_rate
from mineral_pipeline import archive, settings

RATE = 20.0


@pytest.fixture
def requests() -> Iterator[tuple[str, list[float]]]:
    """URL of a web server, and the times of the requests to it."""
    times: list[float] = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            times.append(time.monotonic())
            self.send_response(200)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"ok")

        def log_message(self, *arguments: object) -> None:
            """Print nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}", times
        server.shutdown()
        thread.join()


def fetch(url: str, count: int) -> None:
    """Requests of one task, some at a time as those of acquire."""
    source = archive.open_source(settings.Archive(url=url, requests_per_s=RATE))
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda number: source.fetch(f"{url}/{number}"), range(count)))


def check_rate(client: Client, url: str, times: list[float], tasks: int) -> None:
    addresses = client.scheduler_info(n_workers=-1)["workers"]
    wait([client.submit(fetch, url, 1, workers=address, pure=False) for address in addresses])  # imports take seconds
    times.clear()
    started = time.monotonic()
    wait([client.submit(fetch, url, 5, pure=False) for _ in range(tasks)])
    assert len(times) == 5 * tasks
    assert all(moment >= started + n / RATE for n, moment in enumerate(sorted(times)))


def count_turns(dask_scheduler: Scheduler) -> None:
    """Keep the rates of all turns that are asked for."""
    handlers, asked = dask_scheduler.handlers, []
    reserve = handlers["mineral_pipeline_reserve"]

    def count(per_second: float) -> float:
        asked.append(per_second)
        return float(reserve(per_second))

    handlers["mineral_pipeline_reserve"], dask_scheduler.extensions["turns"] = count, asked


def test_workers_ask_the_scheduler(requests: tuple[str, list[float]]) -> None:
    with (
        LocalCluster(processes=False, n_workers=1, threads_per_worker=2, dashboard_address="127.0.0.1:0") as workers,
        Client(workers) as client,
    ):
        share_request_rate(client)
        share_request_rate(client)  # of the next run on the same scheduler
        client.run_on_scheduler(count_turns)
        check_rate(client, *requests, tasks=2)
        assert client.run_on_scheduler(lambda dask_scheduler: len(dask_scheduler.extensions["turns"])) == 11


@pytest.mark.slow
def test_the_rate_is_that_of_all_processes_together(requests: tuple[str, list[float]]) -> None:
    with (
        LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address="127.0.0.1:0") as workers,
        Client(workers) as client,
    ):
        share_request_rate(client)
        workers.scale(3)  # one joins later
        client.wait_for_workers(3)
        check_rate(client, *requests, tasks=3)
