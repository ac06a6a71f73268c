"""A small workspace that the whole pipeline makes, damaged file by file, and everything that reads it."""

from __future__ import annotations

import dataclasses
import hashlib
import subprocess
import sys
import traceback
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pandas as pd

from jobs import verify
from jobs.running.provenance import check_makers, digest_inputs
from jobs.running.runner import load_job
from jobs.running.status import job_statuses, open_existing
from mineral_pipeline import curation, modelling, reporting, settings
from mineral_pipeline.learning import SUBSETS, TASKS
from mineral_pipeline.modelling.model_files import read_file
from mineral_pipeline.workspace import Workspace, artefacts, lock
from mineral_pipeline.workspace.digests import digest_array, digest_table
from mineral_pipeline.workspace.documents import digest_document
from tests.fuzzing.damage import DAMAGES, Damage, damaged, kind_of
from tests.fuzzing.fuzz import LAST_INPUT, Findings, answer
from tests.jobs.small_demo import DEMO, demo_overrides

CHANGES = ("acquire.chips_per_shard=12", "tune.candidates=1", "max_failed_fraction=0.5")
LOST_SCENES = 4
"""Scenes that are taken out of the archive, so that not every chip has pixels."""

LIMIT_S = 300
"""Seconds after which reading all counts as something that hangs."""

MAX_FAILURES = 40
"""Failures after which no more damage is done."""


def damage_workspace(damages: int, seed: int, folder: Path) -> Findings:
    """Damage a workspace in one file at a time, and read all of it.

    A failure is an error that is not one of ours, and a damage that ``verify`` does not name although something does
    not read as before.
    """
    workspace, jobs = make_workspace(folder)
    files = _files_by_kind(Path(workspace.url))
    findings, done, named = Findings(), Counter[str](), Counter[str]()
    before = read_all(workspace, jobs)
    if faults := [str(fault) for fault in verify.find_faults(workspace)]:
        raise RuntimeError(f"verify finds faults before anything is damaged: {faults}")
    for number, (kind, damage) in enumerate(islice(_schedule(list(files), Random(seed)), damages)):
        random = Random(f"{seed} {number}")
        path = random.choice(files[kind])
        name = str(path.relative_to(workspace.url))
        whole = before | read_one(workspace, name)
        (folder / LAST_INPUT).write_text(f"{damage.__name__} {name}")
        with damaged(path, damage, random, files[kind]), findings.watching(f"{damage.__name__} {name}", LIMIT_S):
            try:
                outcome = judge(workspace, jobs, name, whole)
            except Exception as error:
                outcome = "failed"
                findings.fail(f"workspace: {damage.__name__} {name}: {_describe(error)}")
        findings.outcomes[outcome] += 1
        done[kind] += 1
        named[kind] += outcome == "named"
        if len(findings.failures) == MAX_FAILURES:
            break
    findings.lines = [f"    {kind:<48}{done[kind]:>4} damaged,{named[kind]:>4} named" for kind in sorted(done)]
    for fault in verify.find_faults(workspace):
        findings.fail(f"workspace: all is as it was, but {fault}")
    return findings


def make_workspace(folder: Path) -> tuple[Workspace, settings.Settings]:
    """A workspace in which every job was done, some scenes of which were missing, and its settings."""
    workspace = str(folder / "workspace")
    given = [option for change in [*demo_overrides(folder), *CHANGES] for option in ("--set", change)]
    command = [sys.executable, "-m", "jobs", "run", str(DEMO), "--workspace", workspace, "--cluster", "threads", *given]
    jobs = settings.load(str(DEMO), [*demo_overrides(folder), *CHANGES], workspace)
    for names in (jobs.jobs[:2], jobs.jobs[1:]):
        run = subprocess.run([*command, "--set", f"jobs=[{','.join(names)}]"], capture_output=True, text=True)
        if run.returncode:
            raise RuntimeError(f"the workspace could not be made: {run.stdout[-2000:]} {run.stderr[-2000:]}")
        for band in sorted((folder / "archive").rglob("*_B7.TIF"))[:LOST_SCENES]:
            band.unlink()
    return Workspace(workspace), jobs


def judge(workspace: Workspace, jobs: settings.Settings, name: str, before: Mapping[str, str]) -> str:
    """What came of the damage of a file.

    Raises:
        AssertionError: ``verify`` does not name it, though something does not read as ``before``; or a message has more
            than one line.
        Exception: an error that is not one of ours.
    """
    found, error = answer(lambda: list(verify.find_faults(open_existing(workspace.url))))
    faults = [str(fault) for fault in found] if isinstance(found, list) else [str(error)]
    now = read_all(workspace, jobs, name) | read_one(workspace, name)
    assert all(fault.isprintable() for fault in faults), faults
    if faults:
        return "named" if any(_artefact_of(name) in fault for fault in faults) else "named by what depends on it"
    if name.startswith(f"{artefacts.RUNS}/") and not workspace.exists(name):
        return "forgotten"  # nothing tells of a run that left no record; the job is done again
    others = [f"{key}: {now[key]}" for key in now if now[key] != before[key]]
    assert not others, f"verify finds nothing, but does not read as before: {'; '.join(others)}"
    return "read as before"


def read_one(workspace: Workspace, name: str) -> dict[str, str]:
    """Digests of what a file holds and of the model that it is a part of, or errors, by what it is."""
    folder = name.partition("/")[0]
    task, model = artefacts.find_model(name) or (TASKS[0], "brightness")
    readers: dict[str, Callable[[], object]] = {
        name: lambda: _content(workspace, name) if folder != artefacts.LOCK else None,
        "spec": lambda: modelling.read_spec(workspace, task, model),
        "metrics": lambda: modelling.read_metrics(workspace, task, model),
        "validated": lambda: modelling.read_predictions(
            workspace, task, model, modelling.open_subset(workspace, task, "validation").table["chip_id"]
        ),
        "predicted": lambda: _predicted(workspace, task, model),
    }
    return {key: _read(reader) for key, reader in readers.items()}


def _predicted(workspace: Workspace, task: Any, model: str) -> object:
    """What a baseline predicts. Of a network only its file is read: TensorFlow would take half of the memory."""
    if modelling.read_spec(workspace, task, model).network is None:
        return modelling.predict_subset(workspace, task, model, "test")
    return read_file(workspace, task, model, artefacts.MODEL_NETWORK)


def read_all(workspace: Workspace, jobs: settings.Settings, name: str = "") -> dict[str, str]:
    """Digests of what else is read in a workspace, or errors, by what it is.

    What reads tables and documents only is left out for a ``name`` of a store or a model; it takes most of the time.
    """
    readers: dict[str, Callable[[], object]] = {
        "status": lambda: job_statuses(open_existing(workspace.url)),
        "owner": lambda: lock.owner(workspace) and None,  # a damaged lease is nobody's, and expires
        "inputs": lambda: (digest_inputs(jobs, "prospect"), check_makers(jobs, "prospect")),
    }
    for task in TASKS:
        readers[f"samples of {task}"] = lambda task=task: [_samples(workspace, task, subset) for subset in SUBSETS]
    if ".zarr/" not in name and not name.startswith(("models/", "report/")):
        readers |= {"report": lambda: _report(workspace), "chips": lambda: curation.read_chips(workspace)}
        readers |= {f"plan of {job}": lambda job=job: load_job(job).plan(jobs) for job in jobs.jobs}
    return {key: _read(reader) for key, reader in readers.items()}


def _read(reader: Callable[[], object]) -> str:
    value, error = answer(reader)
    return _digest(value) if error is None else str(error)


def _content(workspace: Workspace, name: str) -> object:
    """What a file holds: of a table and of a document its values, and the bytes of any other."""
    content = workspace.read_bytes(name)
    if name.endswith(".parquet"):
        return workspace.read_table(name)
    if name.endswith(".json"):
        return workspace.read_json(name)
    return content


def _report(workspace: Workspace) -> object:
    data = reporting.read(workspace)
    reporting.build_page(data, reporting.PageOptions("title", "settings", 5, None, None, ""))
    return data


def _samples(workspace: Workspace, task: str, subset: Any) -> object:
    found = modelling.open_subset(workspace, task, subset)
    return [found.table, found.label, found.weight, found.group, *found.samples.read_images()]


def _digest(value: Any) -> str:
    """Digest of whatever readers return."""
    if isinstance(value, pd.DataFrame | pd.Series):
        return digest_table(pd.DataFrame(value).reset_index())
    if isinstance(value, np.ndarray):
        return digest_array(value)
    if isinstance(value, Mapping):
        return digest_document({str(key): _digest(item) for key, item in value.items()})
    if isinstance(value, list | tuple):
        return digest_document([_digest(item) for item in value])
    if dataclasses.is_dataclass(value):
        return _digest({field.name: getattr(value, field.name) for field in dataclasses.fields(value)})
    return hashlib.sha256(repr(value).encode()).hexdigest()


def _artefact_of(name: str) -> str:
    """The artefact that a file is a part of, as a message may name it."""
    store, found, _ = name.partition(".zarr")
    return store + found if found else name.rpartition("/")[0] if name.startswith("models/") else name


def _files_by_kind(root: Path) -> dict[str, list[Path]]:
    names = sorted(str(path.relative_to(root)) for path in root.rglob("*") if path.is_file())
    files: dict[str, list[Path]] = {}
    for name in names:
        if "/." not in f"/{name}":
            files.setdefault(kind_of(name), []).append(root / name)
    return files


def _schedule(kinds: Sequence[str], random: Random) -> Iterator[tuple[str, Damage]]:
    """Kinds of artefacts and damages: each kind in turn, every time with another damage."""
    order = random.sample(kinds, len(kinds))
    start = [random.randrange(len(DAMAGES)) for _ in order]
    for turn in range(sys.maxsize):
        for first, kind in zip(start, order, strict=True):
            yield kind, DAMAGES[(first + turn) % len(DAMAGES)]


def _describe(error: Exception) -> str:
    """An error and where it was raised: the last place in our own code, and the very last."""
    frames = traceback.extract_tb(error.__traceback__)
    ours = [frame for frame in frames if "site-packages" not in frame.filename] or frames
    places = dict.fromkeys(f"{Path(one.filename).name}:{one.lineno}" for one in (ours[-1], frames[-1]))
    return f"{type(error).__name__} at {' and '.join(places)}: {str(error)[:600]!r}"
