"""What every job reads and writes: settings by section, files outside the workspace, artefacts in it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from mineral_pipeline import labelling, modelling
from mineral_pipeline.learning import SUBSETS, TUNED, Task, subject_of
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


def _polygons(settings: Settings) -> list[str]:
    """The polygons of land, regions and excluded ground."""
    config = settings.curate
    paths = [config.regions, *(entry.polygons for entry in config.exclude or ())] if config else []
    return _land(settings) + [path for path in paths if path is not None]


def makes_prospects(settings: Settings) -> bool:
    """Whether ensembles may make prospects, so that they have to be evaluated."""
    return "prospect" in settings.jobs


def _sets(settings: Settings) -> list[str]:
    """Names of the sample sets, those of the folds included."""
    return [artefacts.sample_set(*one) for one in settings.sample_sets]


def _summaries(settings: Settings) -> list[str]:
    """Summaries of the sample sets: each holds the digest of its set."""
    return [artefacts.samples_summary(name) for name in _sets(settings)]


def _folds(settings: Settings, tasks: Sequence[Task]) -> list[str]:
    """Tables of the folds, one for all tasks about the same."""
    return [artefacts.folds(subject) for subject in dict.fromkeys(map(subject_of, tasks)) if settings.folds]


def _sample_sets(settings: Settings) -> list[str]:
    """Every file of the sample sets."""
    names = _sets(settings)
    stores = [artefacts.samples_store(name, subset) for name in names for subset in SUBSETS]
    tables = (artefacts.samples_table, artefacts.samples_leakage, artefacts.samples_summary)
    return _folds(settings, settings.tasks) + stores + [table(name) for name in names for table in tables]


def _metrics(settings: Settings, sets: Iterable[str], *others: str) -> list[str]:
    """``metrics.json`` of the models of ``train`` and of ``others``: no two trainings leave the same."""
    names = [*modelling.model_names(settings), *others]
    return [artefacts.model(one, name, artefacts.MODEL_METRICS) for one in sets for name in names]


def _models(sets: Iterable[str], names: Sequence[str]) -> list[str]:
    """Models: the names and sizes of their files, and the content of those that tell what they are and are worth."""
    files = ("", artefacts.MODEL_SPEC, artefacts.MODEL_METRICS)
    return [artefacts.model(one, name, file) for one in sets for name in names for file in files]


def _evaluations(settings: Settings, tasks: Sequence[Task]) -> list[str]:
    tables = (artefacts.evaluation_metrics, artefacts.evaluation_predictions)
    folds = [artefacts.out_of_fold(task) for task in tasks] if settings.folds else []
    return [table(name) for name in [*tasks, *folds] for table in tables]


def _prospecting_sets(settings: Settings) -> list[str]:
    """Sample sets of the ensembles that make the prospects: those of the folds, where there are any."""
    return [artefacts.sample_set(task, fold) for fold in settings.folds or (None,) for task in settings.prospect_tasks]


def _layers(settings: Settings) -> list[str]:
    """Files of the layers of the prospects, of which a shapefile has several."""
    return [part for layer in settings.prospect.layers or () for part in labelling.parts_of(layer.path)]


def _barren(settings: Settings) -> list[str]:
    return [artefacts.BARREN] if settings.label and settings.label.barren else []


def _deposits(settings: Settings) -> list[str]:
    """Files of the deposit tables, of which a shapefile has several."""
    tables = [*settings.label.deposits, *(settings.label.barren or ())] if settings.label else []
    hidden = [settings.label.hidden] if settings.label and settings.label.hidden else []
    return [part for table in tables for part in labelling.parts_of(table.path)] + hidden


def _ensembles(settings: Settings, sets: Iterable[str]) -> list[str]:
    return _models(sets, [modelling.member_name(seed) for seed in range(settings.prospect.ensemble_size)])


def _evaluated_ensembles(settings: Settings) -> list[str]:
    sets = [artefacts.sample_set(*one) for one in settings.sample_sets if one[0] in settings.prospect_tasks]
    return _ensembles(settings, sets) if makes_prospects(settings) else []


def _weights(settings: Settings) -> list[str]:
    """The file in whose weights training begins."""
    return [settings.train.pretrained] if settings.train.pretrained else []


def _unlabelled(settings: Settings) -> list[str]:
    """The chips from which networks learn before they learn from labels."""
    return [artefacts.CHIPS] if settings.train.pretraining else []


MAKERS: dict[str, JobName] = {
    artefacts.CATALOGUE: "catalogue",
    artefacts.CHIPS: "acquire",
    artefacts.LEDGER: "acquire",
    artefacts.DEPOSITS: "label",
    artefacts.DEPOSITS_REPORT: "label",
    artefacts.BARREN: "label",
    artefacts.LABELS: "label",
    artefacts.SAMPLES: "curate",
    artefacts.EVALUATIONS: "evaluate",
    **dict.fromkeys(artefacts.PROSPECT_FILES, "prospect"),
    artefacts.BACKTESTS: "backtest",
    artefacts.REPORT_FOLDER: "report",
}
"""Job that makes an artefact, or all in a folder, whatever the settings; models: see `makers`."""


def makers(artefact: str) -> tuple[JobName, ...]:
    """Jobs that make an artefact, or a file of it, each as it should be; none for what is no job's."""
    top, model = artefact.partition("/")[0], artefacts.find_model(artefact)
    if top in MAKERS:
        return (MAKERS[top],)
    if model is None:
        return ()
    _, name = model
    if name.startswith("member-"):
        return ("evaluate", "prospect")
    return ("tune",) if name == TUNED or name.startswith("candidate-") else ("train",)


DEPENDENCIES: dict[JobName, Dependencies] = {
    "simulate": Dependencies(("simulate", "acquire", "archive", "seed"), writes=_none),
    "catalogue": Dependencies(("archive", "catalogue", "acquire"), writes=lambda s: [artefacts.CATALOGUE]),
    "acquire": Dependencies((), writes=lambda s: [artefacts.LEDGER], reads=lambda s: [artefacts.CATALOGUE]),
    "label": Dependencies(
        ("label",),
        also=lambda s: {"tasks"} if s.subjects[1:] else set(),  # then what they are about is counted
        writes=lambda s: [artefacts.DEPOSITS, artefacts.DEPOSITS_REPORT, *_barren(s), artefacts.LABELS],
        reads=lambda s: [artefacts.LEDGER],
        files=_deposits,
    ),
    "curate": Dependencies(
        ("curate", "tasks", "seed"),
        writes=_sample_sets,
        reads=lambda s: [artefacts.LEDGER, artefacts.LABELS, artefacts.DEPOSITS],
        files=_polygons,
        makers=("label",),
    ),
    "train": Dependencies(
        ("train", "tasks", "seed"),
        writes=lambda s: _models(_sets(s), modelling.model_names(s)),
        reads=lambda s: [artefacts.CATALOGUE, *_summaries(s), *_unlabelled(s)],
        files=_weights,
        makers=("curate",),
    ),
    "tune": Dependencies(
        ("tune", "train", "tasks", "seed"),
        writes=lambda s: _models(_sets(s), [TUNED]),
        reads=lambda s: _summaries(s) + _metrics(s, _sets(s)) + _unlabelled(s),
        files=_weights,
        makers=("curate", "train"),
    ),
    "evaluate": Dependencies(
        ("evaluate", "train", "tasks", "seed"),
        writes=lambda s: _evaluations(s, s.tasks) + _evaluated_ensembles(s),
        reads=lambda s: [artefacts.CATALOGUE, *_summaries(s), *_metrics(s, _sets(s), TUNED)],
        also=lambda s: {"prospect"} if makes_prospects(s) else set(),  # then the ensemble is evaluated
        makers=("curate", "train", "tune"),
    ),
    "prospect": Dependencies(
        ("prospect", "train", "curate", "tasks", "seed"),
        writes=lambda s: [*artefacts.PROSPECT_FILES, *_ensembles(s, _prospecting_sets(s))],
        reads=lambda s: [
            artefacts.LEDGER, artefacts.LABELS, artefacts.DEPOSITS, *_folds(s, s.prospect_tasks),
            *map(artefacts.samples_summary, _prospecting_sets(s)),
            *_metrics(s, _prospecting_sets(s), TUNED), *_evaluations(s, s.prospect_tasks),
        ],
        files=lambda s: _land(s) + _layers(s),
        makers=("label", "curate", "train", "tune", "evaluate"),
    ),
    "backtest": Dependencies(
        ("backtest", "label", "curate", "train", "evaluate", "prospect", "tasks", "seed"),
        writes=lambda s: [artefacts.backtest(s.backtest.folder, artefacts.BACKTEST)],
        reads=lambda s: [artefacts.LEDGER, artefacts.LABELS, artefacts.DEPOSITS],
        files=lambda s: _deposits(s) + _polygons(s) + _layers(s) + _weights(s),
        makers=("label",),
    ),
    "report": Dependencies((), writes=lambda s: [artefacts.REPORT_FOLDER]),
}  # fmt: skip
