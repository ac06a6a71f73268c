"""Whose fault it is when scenes cannot be read: the worker's, which is set aside, or the archive's."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import pytest
from distributed import Client

from jobs.acquisition import supervision
from jobs.acquisition.shard import Shard, ShardResult
from jobs.acquisition.supervision import Supervisor
from jobs.running.worker import Place, here
from mineral_pipeline.errors import ArchiveError, ClusterError
from mineral_pipeline.workspace import Workspace, artefacts

SHARDS = [Shard(number, ()) for number in range(24)]
SCENES = 12


@dataclass(frozen=True)
class Archive:
    """An archive that the client sees, or does not."""

    fault: str | None = None

    def find_fault(self) -> str | None:
        """Why not."""
        return self.fault


def acquire(shard: Shard, folder: str, states: Callable[[int, str], str]) -> ShardResult:
    """Pretend to acquire a shard; a worker that can read takes longer than one that cannot."""
    place = here()
    found = tuple(states(shard.number, place.name) for _ in range(SCENES))
    time.sleep(0.03 if "ok" in found else 0.001)
    Workspace(folder).write_bytes(artefacts.ledger_part(shard.number), place.name.encode())
    with open(f"{folder}/calls", "ab") as file:
        file.write(b"x")
    reasons = tuple(f"scene {shard.number}: timed out" for state in found if state == "unreachable")
    return ShardResult(shard.number, found, reasons, place)


def supervise(
    client: Client,
    folder: Path,
    states: Callable[[int, str], str],
    stop_after: float = 0.5,
    archive: object = Archive(),
) -> dict[int, ShardResult]:
    """Acquire all shards; checks that what is yielded adds up to what counts."""
    task = partial(acquire, folder=str(folder), states=states)
    supervisor = Supervisor(client, Workspace(str(folder)), archive, task, stop_after)  # type: ignore[arg-type]
    scenes = sum(sign * len(result.states) for result, sign in supervisor.acquire(SHARDS))
    assert scenes == SCENES * len(SHARDS)
    return supervisor.counted


def calls(folder: Path) -> int:
    return (folder / "calls").stat().st_size


def fails_alone(shard: int, worker: str, state: str) -> str:
    return state if worker == "0" else "ok"


def test_a_worker_that_fails_alone_is_set_aside_and_nothing_is_lost(
    pair: Client, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    counted = supervise(pair, tmp_path, partial(fails_alone, state="missing"))

    assert sorted(counted) == [shard.number for shard in SHARDS]
    assert {state for result in counted.values() for state in result.states} == {"ok"}
    parts = [Workspace(str(tmp_path)).read_bytes(artefacts.ledger_part(shard.number)) for shard in SHARDS]
    assert set(parts) == {b"1"}
    assert "worker 0 on" in (said := capsys.readouterr().out)
    assert "12 of 12 scenes of shard" in said
    assert said.count("is set aside") == 1


def lacks_a_third(shard: int, worker: str) -> str:
    return "missing" if worker == "0" and shard % 3 == 0 else "ok"


def test_a_worker_with_another_copy_of_the_archive_is_found_out_in_the_end(pair: Client, tmp_path: Path) -> None:
    counted = supervise(pair, tmp_path, lacks_a_third)

    assert {state for result in counted.values() for state in result.states} == {"ok"}


def always(shard: int, worker: str, state: str) -> str:
    return state


def test_what_the_archive_lacks_is_nobodys_fault(
    pair: Client, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    counted = supervise(pair, tmp_path, partial(always, state="missing"))

    assert {state for result in counted.values() for state in result.states} == {"missing"}
    assert calls(tmp_path) <= len(SHARDS) + 6
    assert "set aside" not in capsys.readouterr().out


def lacks_a_region(shard: int, worker: str) -> str:
    return "missing" if shard < 12 else "ok"


def test_a_region_that_the_archive_lacks_is_nobodys_fault(
    pair: Client, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    counted = supervise(pair, tmp_path, lacks_a_region)

    assert [counted[shard].states[0] for shard in range(24)] == ["missing"] * 12 + ["ok"] * 12
    assert "set aside" not in capsys.readouterr().out


@pytest.mark.parametrize("archive", [Archive(), Archive("the archive is empty")])
def test_an_archive_out_of_reach_stops_the_job_with_the_reason(pair: Client, tmp_path: Path, archive: Archive) -> None:
    message = (
        r"^acquire stopped: 100% of the last scenes could not be reached from \S+ \(acquire\.stop_after = 0\.5\), 108"
        r" times because of: timed out \(such as scene \d+: timed out\): fix the cause, then run again with"
    )
    with pytest.raises(ArchiveError, match=message):
        supervise(pair, tmp_path, partial(always, state="unreachable"), archive=archive)


def test_the_circuit_breaker_can_be_turned_off(pair: Client, tmp_path: Path) -> None:
    counted = supervise(pair, tmp_path, partial(always, state="unreachable"), stop_after=1.0)

    assert {state for result in counted.values() for state in result.states} == {"unreachable"}


def answers(client: Client, *faults: str | None) -> dict[str, tuple[Place, str | None]]:
    workers = client.cluster.workers
    places = [Place("host", str(name), worker.address) for name, worker in workers.items()]
    return {place.address: (place, fault) for place, fault in zip(places, faults, strict=True)}


def test_a_worker_that_no_longer_sees_the_archive_is_set_aside_without_a_second_opinion(
    pair: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    seen = answers(pair, "it is empty", None)
    monkeypatch.setattr(supervision.workers, "ask", lambda *_: seen)
    counted = supervise(pair, tmp_path, partial(fails_alone, state="unreachable"))

    assert {state for result in counted.values() for state in result.states} == {"ok"}
    assert capsys.readouterr().out == "worker 0 on host is set aside: it is empty\n"


def test_where_no_worker_sees_the_archive_none_is_set_aside(
    pair: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = answers(pair, "it is empty", "it is empty")
    monkeypatch.setattr(supervision.workers, "ask", lambda *_: seen)
    with pytest.raises(ClusterError, match="no worker sees the archive: it is empty"):
        supervise(pair, tmp_path, partial(always, state="unreachable"))
    assert len(pair.cluster.workers) == 2


def test_shards_of_one_scene_are_judged_alike(pair: Client, tmp_path: Path) -> None:
    task = partial(acquire, folder=str(tmp_path), states=partial(fails_alone, state="unreachable"))
    one = Supervisor(pair, Workspace(str(tmp_path)), Archive(), partial(single, task=task), 0.5)  # type: ignore[arg-type]
    list(one.acquire([Shard(number, ()) for number in range(60)]))

    assert {result.states for result in one.counted.values()} == {("ok",)}


def single(shard: Shard, task: Callable[[Shard], ShardResult]) -> ShardResult:
    result = task(shard)
    return replace(result, states=result.states[:1])
