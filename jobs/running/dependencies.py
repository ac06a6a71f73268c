"""What every job reads and writes: settings by section, files outside the workspace, artefacts in it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from mineral_pipeline import modelling
from mineral_pipeline.learning import SUBSETS, Task
from mineral_pipeline.settings import JobName, Settings
from mineral_pipeline.workspace import artefacts

Names = Callable[[Settings], list[str]]
"""Names of files or artefacts under some settings."""


def _none(settings: Settings) -> list[str]:
    return []


@dataclass(frozen=True)
class Dependencies:
    """What a job reads, and what it leaves."""

    sections: tuple[str, ...]
    """Sections of the settings that the job reads."""
    writes: Names
    """Artefacts that the job makes."""
    reads: Names = _none
    """Artefacts that the job reads."""
    files: Names = _none
    """Files outside the workspace that the job reads."""
    also: Callable[[Settings], set[str]] = lambda settings: set()
    """Sections of the settings that the job reads under some settings."""
    makers: tuple[JobName, ...] = ()
    """Jobs whose artefacts the job reads: they must have left them whole, if the settings list them."""


def _land(settings: Settings) -> list[str]:
    """The land polygons, unless the settings tell their digest already."""
    return [settings.curate.land] if settings.curate and not settings.curate.land_sha256 else []


def makes_prospects(settings: Settings) -> bool:
    """Whether an ensemble will make prospects, so that it has to be evaluated."""
    return "prospect" in settings.jobs and "richness" in settings.tasks


def _summaries(settings: Settings) -> list[str]:
    """Summaries of the sample sets that are learnt from: each holds the digest of its set."""
    return [artefacts.samples_summary(task) for task in settings.tasks]


def _sample_sets(settings: Settings) -> list[str]:
    """Every file of the sample sets, those of the folds included."""
    folds = range(settings.curate.folds or 0) if settings.curate else ()
    names = [artefacts.sample_set(task, fold) for task in settings.tasks for fold in (None, *folds)]
    stores = [artefacts.samples_store(name, subset) for name in names for subset in SUBSETS]
    tables = (artefacts.samples_table, artefacts.samples_leakage, artefacts.samples_summary)
    return stores + [table(name) for name in names for table in tables]


def _metrics(settings: Settings, task: Task) -> list[str]:
    """``metrics.json`` of the models of ``train`` and of the tuned one: no two trainings leave the same."""
    names = [*modelling.model_names(settings), modelling.TUNED]
    return [artefacts.model(task, name, artefacts.MODEL_METRICS) for name in names]


def _model(task: Task, name: str) -> list[str]:
    """A model: the names and sizes of its files, and the content of those that tell what it is and what it is worth."""
    return [artefacts.model(task, name, file) for file in ("", artefacts.MODEL_SPEC, artefacts.MODEL_METRICS)]


def _evaluations(settings: Settings) -> list[str]:
    tables = (artefacts.evaluation_metrics, artefacts.evaluation_predictions)
    return [table(task) for task in settings.tasks for table in tables]


def _ensemble(settings: Settings) -> list[str]:
    seeds = range(settings.prospect.ensemble_size)
    return [file for seed in seeds for file in _model("richness", modelling.member_name(seed))]


MAKERS: dict[str, JobName] = {
    artefacts.CATALOGUE: "catalogue",
    artefacts.CHIPS: "acquire",
    artefacts.LEDGER: "acquire",
    artefacts.DEPOSITS: "label",
    artefacts.DEPOSITS_REPORT: "label",
    artefacts.LABELS: "label",
    "samples": "curate",
    "evaluation": "evaluate",
    **dict.fromkeys(artefacts.PROSPECT_FILES, "prospect"),
    artefacts.REPORT_FOLDER: "report",
}
"""Job that makes an artefact, or all in a folder, whatever the settings; models: see `makers`."""


def makers(artefact: str) -> tuple[JobName, ...]:
    """Jobs that make an artefact, or a file of it, each as it should be; none for what is no job's."""
    top, *rest = artefact.split("/")
    if top in MAKERS:
        return (MAKERS[top],)
    if top != "models" or len(rest) < 2:
        return ()
    if rest[1].startswith("member-"):
        return ("evaluate", "prospect")
    return ("tune",) if rest[1] == modelling.TUNED or rest[1].startswith("candidate-") else ("train",)


DEPENDENCIES: dict[JobName, Dependencies] = {
    "simulate": Dependencies(("simulate", "acquire", "archive", "seed"), writes=_none),
    "catalogue": Dependencies(("archive", "catalogue", "acquire"), writes=lambda s: [artefacts.CATALOGUE]),
    "acquire": Dependencies((), writes=lambda s: [artefacts.LEDGER], reads=lambda s: [artefacts.CATALOGUE]),
    "label": Dependencies(
        ("label",),
        writes=lambda s: [artefacts.DEPOSITS, artefacts.DEPOSITS_REPORT, artefacts.LABELS],
        reads=lambda s: [artefacts.LEDGER],
        files=lambda s: list(s.label.deposits if s.label else []),
    ),
    "curate": Dependencies(
        ("curate", "tasks", "seed"),
        writes=_sample_sets,
        reads=lambda s: [artefacts.LEDGER, artefacts.LABELS, artefacts.DEPOSITS],
        files=_land,
        makers=("label",),
    ),
    "train": Dependencies(
        ("train", "tasks", "seed"),
        writes=lambda s: [f for task in s.tasks for name in modelling.model_names(s) for f in _model(task, name)],
        reads=lambda s: [artefacts.CATALOGUE, *_summaries(s)],
        makers=("curate",),
    ),
    "tune": Dependencies(
        ("tune", "train", "tasks", "seed"),
        writes=lambda s: [file for task in s.tasks for file in _model(task, modelling.TUNED)],
        reads=lambda s: _summaries(s) + [file for task in s.tasks for file in _metrics(s, task)[:-1]],
        makers=("curate", "train"),
    ),
    "evaluate": Dependencies(
        ("evaluate", "train", "tasks", "seed"),
        writes=lambda s: _evaluations(s) + (_ensemble(s) if makes_prospects(s) else []),
        reads=lambda s: [artefacts.CATALOGUE, *_summaries(s), *(f for task in s.tasks for f in _metrics(s, task))],
        also=lambda s: {"prospect"} if makes_prospects(s) else set(),  # then the ensemble is evaluated
        makers=("curate", "train", "tune"),
    ),
    "prospect": Dependencies(
        ("prospect", "train", "curate", "seed"),
        writes=lambda s: [*artefacts.PROSPECT_FILES, *_ensemble(s)],
        reads=lambda s: [
            artefacts.LEDGER, artefacts.LABELS, artefacts.DEPOSITS, artefacts.samples_summary("richness"),
            *_metrics(s, "richness"),
        ],
        files=_land,
        makers=("label", "curate", "train", "tune"),
    ),
    "report": Dependencies((), writes=lambda s: [artefacts.REPORT_FOLDER]),
}  # fmt: skip
