"""The client's watch over acquire: whose fault it is when scenes are missing or cannot be reached.

A worker most of whose scenes were not there, or could not be reached, is suspected. If it no longer sees the archive it
is set aside at once. Otherwise another worker acquires one of its shards again: where that goes better the suspect is
set aside, else the archive is to blame and the outcome stands. Whatever a worker has spoilt is acquired again by the
others, in the same run. What cannot be reached from anywhere trips the circuit breaker, ``acquire.stop_after``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import dask.bag as db
from distributed import Client

from jobs.acquisition.shard import Shard, ShardResult
from jobs.running import workers
from jobs.running.tasks import collect, compute
from jobs.running.worker import Place
from mineral_pipeline import archive
from mineral_pipeline.errors import ArchiveError, ClusterError
from mineral_pipeline.workspace import Workspace, artefacts

WINDOW = 100
"""Scenes, the last that ended, at which the circuit breaker looks."""

SUSPICIOUS_SCENES = 10
"""Scenes of a worker, its last, by which it is suspected."""

PATIENCE = 4
"""Factor by which a suspect that was found innocent must acquire more scenes before it is suspected again."""

Change = tuple[ShardResult, int]
"""A result that counts from now on (1), or that counts no longer because another will come (-1)."""


@dataclass
class Supervisor:
    """Acquires shards, and watches who fails."""

    client: Client
    """Client of the cluster."""
    workspace: Workspace
    """The workspace, from whose ledger the parts of a bad worker are removed."""
    source: archive.Source
    """The archive, as the client sees it."""
    task: Callable[[Shard], ShardResult]
    """Acquires a shard on a worker."""
    stop_after: float
    """Fraction of the last scenes that may be unreachable."""
    counted: dict[int, ShardResult] = field(default_factory=dict)
    """Results that count, by shard, in the order in which they came."""
    aside: set[str] = field(default_factory=set)
    """Addresses of the workers that were set aside."""
    spoilt: set[int] = field(default_factory=set)
    """Shards that are to be acquired again."""
    done: Counter[str] = field(default_factory=Counter)
    """Scenes that a worker has acquired, by address."""
    trusted: Counter[str] = field(default_factory=Counter)
    """Scenes up to which a worker is not suspected again, by address."""

    def acquire(self, shards: Sequence[Shard]) -> Iterator[Change]:
        """Acquire shards.

        Raises:
            ArchiveError: too many scenes could not be reached.
            ClusterError: no worker sees the archive.
        """
        todo = {shard.number: shard for shard in shards}
        while todo:
            for result in self._results(todo.values()):
                yield from self._note(result, todo)
            yield from self._examine_all(todo)
            todo, self.spoilt = {number: todo[number] for number in sorted(self.spoilt)}, set()

    def _results(self, shards: Collection[Shard], addresses: Sequence[str] = ()) -> Iterator[ShardResult]:
        """Graph: shards -> results, one shard to a task; the tasks go first of all to the workers, if any are given."""
        results = db.from_sequence(shards, partition_size=1).map(self.task).to_delayed()
        names = [f"shard {shard.number:05d}" for shard in shards]
        for partition in collect(compute(self.client, "acquire", results, names, workers=addresses)):
            yield from partition.value

    def _note(self, result: ShardResult, shards: dict[int, Shard]) -> Iterator[Change]:
        """Count a result, unless it came late from a worker that is set aside; then look whether something is wrong."""
        address = result.place.address
        if address in self.aside and result.unread:
            self._spoil(result)
            return
        self._count(result)
        yield result, 1
        if result.unread and self._is_failing(address) and self.done[address] >= self.trusted[address]:
            yield from self._examine(address, shards)
        if self._unreachable_share() > self.stop_after:
            yield from self._examine_all(shards)
            self._stop_if_unreachable()

    def _count(self, result: ShardResult) -> None:
        self.counted[result.shard] = result
        self.done[result.place.address] += len(result.states)

    def _examine_all(self, shards: dict[int, Shard]) -> Iterator[Change]:
        """Examine every worker with failures, as long as there is another that has none to speak of."""
        if any(result.unreachable for result in self.counted.values()):
            yield from self._set_blind_aside()
        failing = {result.place for result in self.counted.values() if result.unread}
        for place in failing:
            is_suspect = self._is_failing(place.address, scenes=1) or self._fails_more(place.address)
            if is_suspect and self._peers(place.address, healthy=True):
                yield from self._examine(place.address, shards)

    def _examine(self, address: str, shards: dict[int, Shard]) -> Iterator[Change]:
        """Find out whether a suspect is to blame: let another worker acquire one of its shards again."""
        yield from self._set_blind_aside()
        peers = self._peers(address, healthy=True) or self._peers(address)
        if address in self.aside or not peers or self.source.find_fault():
            return
        before = next(result for result in self._recent(address, self.done[address]) if result.unread)
        (after,) = self._results([shards[before.shard]], peers)
        del self.counted[before.shard]
        self._count(after)
        yield before, -1
        yield after, 1
        if after.place.address != address and 2 * after.unread <= before.unread:
            reason = f"{before.unread} of {len(before.states)} scenes of shard {before.shard} failed there, of which"
            yield from self._set_aside(before.place, f"{reason} {after.place.name} acquired all but {after.unread}")
        else:
            self.trusted[address] = PATIENCE * self.done[address]

    def _set_blind_aside(self) -> Iterator[Change]:
        """Set aside every worker that does not see the archive, which the client sees."""
        if self.source.find_fault():
            return
        answers = workers.ask(self.client, partial(_look, source=self.source)).values()
        seen = [
            answer for answer in answers if not isinstance(answer, Exception) and answer[0].address not in self.aside
        ]
        blind = [(place, fault) for place, fault in seen if fault]
        if blind and len(blind) == len(seen):
            raise ClusterError(
                f"acquire stopped: no worker sees the archive: {blind[0][1]} Once it is, run again with --retry-failed;"
                " what is done is kept"
            )
        for place, fault in blind:
            yield from self._set_aside(place, fault)

    def _set_aside(self, place: Place, reason: str) -> Iterator[Change]:
        """Close a worker; what it has failed to read is acquired again by the others."""
        self.aside.add(place.address)
        workers.set_aside(self.client, place, reason)
        for result in [one for one in self.counted.values() if one.place.address == place.address and one.unread]:
            del self.counted[result.shard]
            self._spoil(result)
            yield result, -1

    def _spoil(self, result: ShardResult) -> None:
        """Forget a shard, also in the ledger: a run that ends now would leave it undone, not failed."""
        self.workspace.remove(artefacts.ledger_part(result.shard))
        self.spoilt.add(result.shard)

    def _peers(self, address: str, healthy: bool = False) -> list[str]:
        """Addresses of the other workers; with ``healthy`` of those that have done something and are not failing."""
        others = [one for one in workers.addresses(self.client) if one != address and one not in self.aside]
        return [one for one in others if not healthy or (self.done[one] and not self._is_failing(one))]

    def _recent(self, address: str | None, scenes: int) -> Iterator[ShardResult]:
        """The last results of a worker, or of all, until they are of so many scenes; the newest first."""
        for result in reversed(self.counted.values()):
            if scenes <= 0:
                return
            if address in (None, result.place.address):
                scenes -= len(result.states)
                yield result

    def _is_failing(self, address: str, scenes: int = SUSPICIOUS_SCENES) -> bool:
        """Whether most of the last scenes of a worker were not there or could not be reached."""
        last = list(self._recent(address, SUSPICIOUS_SCENES))
        total = sum(len(result.states) for result in last)
        return total >= scenes and 2 * sum(result.unread for result in last) > total

    def _fails_more(self, address: str) -> bool:
        """Whether a worker could not read a far larger part of its scenes than the others, and not only a few."""
        unread: Counter[bool] = Counter()
        total: Counter[bool] = Counter()
        for result in self.counted.values():
            is_its = result.place.address == address
            unread[is_its] += result.unread
            total[is_its] += len(result.states)
        allowed = 0.05 + 2 * unread[False] / max(total[False], 1)
        return unread[True] >= SUSPICIOUS_SCENES and unread[True] > allowed * total[True]

    def _unreachable_share(self) -> float:
        """Fraction of the last `WINDOW` scenes that could not be reached; 0 as long as there are fewer."""
        last = list(self._recent(None, WINDOW))
        total = sum(len(result.states) for result in last)
        return sum(result.unreachable for result in last) / total if total >= WINDOW else 0.0

    def _stop_if_unreachable(self) -> None:
        share = self._unreachable_share()
        if share <= self.stop_after:
            return
        last = [result for result in self._recent(None, WINDOW) if result.reasons]
        example, hosts = last[0].reasons[0], sorted({result.place.host for result in last})
        (kind, number), *_ = Counter(_kind(reason) for result in last for reason in result.reasons).most_common()
        raise ArchiveError(
            f"acquire stopped: {share:.0%} of the last scenes could not be reached from {', '.join(hosts[:5])}"
            f" (acquire.stop_after = {self.stop_after:g}), {number} times because of: {kind} (such as {example}): fix"
            " the cause, then run again with --retry-failed; what is done is kept"
        )


def _look(worker: Any, source: archive.Source) -> tuple[Place, str | None]:
    """Whether a worker sees the archive; runs on it."""
    return Place.of(worker), source.find_fault()


def _kind(reason: str) -> str:
    """What reasons of several scenes have in common: all but the name of the file."""
    return reason.partition(": ")[2] or reason
