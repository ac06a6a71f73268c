"""Schema of a settings file: one class per section, every field with its unit and default."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, field_validator, model_validator

from mineral_pipeline.learning import METRICS, TASKS, Task, kind_of, local_metric, make_task, subject_of
from mineral_pipeline.settings.backtest import Backtest
from mineral_pipeline.settings.curate import Curate
from mineral_pipeline.settings.fields import (
    HALF_EARTH_KM,
    Distinct,
    Fraction,
    Latitude,
    Longitude,
    OpenFraction,
    PositiveInt,
    Range,
    TaskName,
    Uri,
    is_off,
    ordered,
)
from mineral_pipeline.settings.hyperparameters import Hyperparameters, Normalisation, Pretraining
from mineral_pipeline.settings.label import Label
from mineral_pipeline.settings.prospect import Prospect
from mineral_pipeline.settings.section import Section

JobName = Literal[
    "simulate", "catalogue", "acquire", "label", "curate", "train", "tune", "evaluate", "prospect", "backtest", "report"
]
Size = Literal["small", "medium", "big"]

JOBS: tuple[JobName, ...] = (
    "catalogue",
    "acquire",
    "label",
    "curate",
    "train",
    "tune",
    "evaluate",
    "prospect",
    "report",
)
"""All jobs of a run, in their order; ``simulate`` comes before them when a settings file lists it, ``backtest`` before
the report."""


class Simulate(Section):
    """The simulated planet, written as an archive at ``archive.url``."""

    locations: int = Field(600, gt=0)
    """Number of locations (path/rows) over land; a twentieth as many more lie at sea."""
    dates: int = Field(3, gt=0, le=200)
    """Number of scenes of every location."""
    islands: int = Field(2, gt=0)
    """Number of islands, at least 1,000 km from each other."""
    scene_size: int = Field(160, ge=32)
    """Approximate number of lines and samples of a scene, which span 222 km. ``scale`` multiplies it."""
    scale: float = Field(1.0, gt=0)
    """1 for a small test archive; about 46 makes scenes of the real size (7,400 pixels)."""
    signal: float = Field(1.0, ge=0, le=1)
    """Share of the mineral systems whose altered rock shows; at 0 altered rock tells nothing of deposits."""
    confounding: float = Field(1.0, ge=0, le=1)
    """How much geography tells of known deposits: fertile regions, unequal search effort, and a climate that follows
    both and shows in the pixels; 0 removes all of it."""
    difficulty: float = Field(0.5, ge=0, le=1)
    """How much hides altered rock: barren altered rock, lakes, dry lake beds, burnt ground, and little contrast."""


class Archive(Section):
    """The archive of scenes."""

    url: Uri
    """Folder of products in any layout that docs/archives.md shows, or ``gs://``, ``s3://``, ``az://`` or ``http(s)://``
    URL of an archive in the layout of ``gs://gcp-public-data-landsat``."""
    index: Uri | None = None
    """Path or URL of the index (CSV, gzip if it ends in .gz); default ``index.csv.gz`` under ``url``.
    An archive without one is listed: clouds and bounds are then unknown."""
    anonymous: bool = True
    """Whether the data are public: then no request is signed and no credentials are looked for."""
    storage_options: dict[str, Any] = Field(default_factory=dict, repr=False)
    """Configuration of the store in obstore's words, such as ``region`` and ``endpoint``; never written anywhere."""
    checksums: bool = True
    """Whether bytes must have the MD5 that the store gives; false for stores whose etags are no MD5 (SSE-KMS)."""
    reduced: bool = False
    """Whether rasters are reduced in resolution: their ground extent must agree with the MTL then, not their size."""
    retries: int = Field(8, ge=0)
    """Maximum number of further attempts after a transient error, at growing intervals; 8 take a minute and a half."""
    timeout_s: float = Field(120, gt=0)
    """Seconds after which a request is abandoned and tried again."""
    deadline_s: float = Field(900, gt=0)
    """Seconds after which no further attempt is made for a scene."""
    requests_per_s: float | None = Field(None, gt=0)
    """Maximum number of requests per second of the whole run, however many workers there are; unlimited by default."""


class Catalogue(Section):
    """Filters on the scenes of the index. An empty list means all.

    Scenes of Level 1 and Level 2, or of several data types (TM and OLI) unless ``acquire.radiometry`` is
    ``reflectance``, are refused: they would be scaled alike.
    """

    spacecraft: list[str] = Field(["LANDSAT_4"])
    """SPACECRAFT_ID of the index."""
    sensors: list[str] = Field(["TM"])
    """SENSOR_ID of the index."""
    tiers: list[Literal["T1", "T2", "RT"]] = Field([])
    """COLLECTION_CATEGORY of the index."""
    levels: list[str] = Field([])
    """DATA_TYPE of the index, such as L1TP."""
    start: date | None = None
    """First day of acquisition."""
    end: date | None = None
    """Last day of acquisition."""
    bounds: tuple[Longitude, Latitude, Longitude, Latitude] | None = None
    """West, south, east, north in degrees, west > east across the antimeridian; boxes that intersect are kept."""
    max_cloud_cover: float | None = Field(None, ge=0, le=100)
    """Maximum cloud cover in percent; scenes of unknown cloud cover are kept."""
    limit: int | None = Field(None, gt=0)
    """Maximum number of scenes, the first by path/row."""

    @model_validator(mode="after")
    def _ranges_are_not_empty(self) -> Catalogue:
        if self.start is not None and self.end is not None and self.start > self.end:
            raise ValueError(f"start {self.start} is after end {self.end}")
        if self.bounds is not None and self.bounds[1] >= self.bounds[3]:
            raise ValueError(f"bounds are west, south, east, north: {self.bounds[1]} is not south of {self.bounds[3]}")
        return self


class Acquire(Section):
    """From scenes to chips."""

    bands: list[Annotated[str, Field(pattern=r"^\w+$")]] = Field(["B7"], min_length=1)
    """Bands of a chip, in order: by the number that file names have (``B7``, ``B6_VCID_1``), or by STAC's common name
    (``swir22``, ``nir08``, ``red``, also ``swir1``, ``swir2`` and ``nir``), which is resolved for each sensor."""
    radiometry: Literal["dn", "reflectance"] = "dn"
    """What the pixels of a chip are: the sensor's digital numbers (``dn``), as in the study, or reflectance at the top
    of the atmosphere (``reflectance``), from the coefficients and the Sun's elevation in the MTL, stored in 16 bits as
    10,000 times itself plus 1,001. Scenes of different sensors, and of different light, then have one scale."""
    chip_size: int = Field(512, gt=0)
    """Edge length of a chip in pixels."""
    method: Literal["resize", "rescale", "sampling"] = "rescale"
    """Downsampling: Lanczos filter (``resize``), area average (``rescale``) or nearest neighbour (``sampling``)."""
    chips_per_shard: int = Field(16, gt=0)
    """Number of chips in one shard, the unit of work."""
    footprint: Literal["image", "metadata"] = "image"
    """Source of the footprint: the valid pixels, or the corners in the MTL as in the study."""
    threads: int = Field(4, gt=0)
    """Number of scenes that a task fetches at the same time."""
    max_download_mb: float = Field(96, gt=0)
    """Maximum megabytes of fetched files that a task holds at a time; a larger scene is fetched alone."""
    stop_after: Fraction = 0.5
    """Maximum fraction of the last 100 scenes that may be unreachable before the job stops; 1 never stops it."""


class PrimaryMetric(Section):
    """The metric of each task by which models are chosen on the validation subset and compared on the test subset.

    Any that ``evaluate`` gives: ``accuracy``, ``precision``, ``recall``, ``f1``, ``auc``, ``brier``, ``calibration``,
    ``cross_entropy`` or ``local_auc_500`` of presence, ``mae``, ``mse``, ``rmse``, ``r2`` or ``concordance_500`` of
    richness; the distances are those of ``evaluate.local_km``. A change chooses anew and trains nothing again.
    """

    presence: str = "accuracy"
    """Metric of presence; the study's by default."""
    richness: str = "mae"
    """Metric of richness; the study's by default."""

    def of(self, task: Task) -> str:
        """The metric of a task."""
        return self.presence if kind_of(task) == "presence" else self.richness


class Train(Section):
    """The grid of architectures and its baselines."""

    convolutions: Annotated[list[Size], Distinct] = Field(["small", "medium", "big"], min_length=1)
    """Sizes of the convolutional part in the grid."""
    dense_layers: Annotated[list[Size], Distinct] = Field(["small", "medium", "big"], min_length=1)
    """Sizes of the dense part in the grid."""
    networks: Annotated[list[str], Distinct] = Field([])
    """Names of registered networks that are trained beside the grid."""
    seeds: Annotated[list[Annotated[int, Field(ge=0)]], Distinct] = Field([0], min_length=1)
    """Every architecture is trained once per seed."""
    epochs: int = Field(100, gt=0)
    """Maximum number of epochs."""
    patience: int = Field(10, gt=0)
    """Number of epochs without a lower validation loss after which training stops, but not during the first 3 epochs
    and 100 steps."""
    n_label_permutations: int = Field(3, ge=1)
    """Number of random-label baselines: medium-medium networks trained on labels exchanged between blocks."""
    normalisation: Normalisation = "batch"
    """Normalisation between the convolutions of the nine networks: over a ``batch``, over each of 4 groups of the
    feature maps of an image, over all of them (``layer``), or ``none``."""
    richness_loss: Literal["mae", "mse"] = "mae"
    """Loss of the regression; the study's text and formula disagree."""
    memory_mb: int = Field(512, gt=0)
    """Memory in MB (2^20 bytes) of the decoded images of each subset, training and validation, that a training streams.
    The order of samples is drawn among as many batches, at most 16, as half of it holds."""
    primary_metric: PrimaryMetric = PrimaryMetric()
    """Metric by which models are chosen and compared."""
    hyperparameters: Hyperparameters = Hyperparameters()
    """Hyperparameters of every architecture of the grid."""
    pretraining: Pretraining | None = Field(None, exclude_if=is_off)
    """How the convolutions learn from images without labels before they learn from labels; by default they do not."""
    pretrained: Uri | None = Field(None, exclude_if=is_off)
    """Path or URL of a ``model.keras`` in which training begins: layers of the same name and shape have its weights,
    but for the output. By default there is none."""

    @model_validator(mode="after")
    def _begins_in_one_place(self) -> Train:
        if self.pretraining and self.pretrained:
            raise ValueError("give pretraining or pretrained: training begins with the weights of one of them")
        return self


class Tune(Section):
    """The search over the best architecture. Ranges are the study's; all but dropout and kernel are logarithmic."""

    candidates: int = Field(20, gt=0)
    """Number of points: the hyperparameters of the grid's best network, and others drawn from the ranges."""
    epochs: int | None = Field(None, gt=0)
    """Maximum number of epochs of each candidate; by default as many as those of the grid had, ``train.epochs``."""
    learning_rate: Range = (1e-7, 1e-3)
    """Adam learning rate."""
    conv_l1: Range = (1e-4, 0.3)
    """L1 penalty of the convolutions."""
    conv_l2: Range = (1e-4, 0.3)
    """L2 penalty of the convolutions."""
    dense_l1: Range = (1e-8, 0.2)
    """L1 penalty of the dense layers."""
    dense_l2: Range = (1e-8, 0.2)
    """L2 penalty of the dense layers."""
    dropout: Annotated[tuple[OpenFraction, OpenFraction], AfterValidator(ordered)] = (0.1, 0.5)
    """Uniform."""
    kernel: Annotated[tuple[PositiveInt, PositiveInt], AfterValidator(ordered)] = (3, 11)
    """Uniform over the odd numbers."""
    choices: dict[str, list[Any]] = Field({})
    """Values of further hyperparameters, of which one is drawn: ``{augmentation: [true, false]}``."""

    @field_validator("choices")
    @classmethod
    def _choices_are_hyperparameters(cls, choices: dict[str, list[Any]]) -> dict[str, list[Any]]:
        """Values as the hyperparameter has them, so that none fails only when it is trained."""
        known = [name for name in Hyperparameters.model_fields if name not in cls.model_fields]
        found = {}
        for name, values in choices.items():
            if name not in known:
                raise ValueError(f"{name} is no hyperparameter without a range: choose among {', '.join(known)}")
            if not values:
                raise ValueError(f"{name} has no values: give one or more, or leave it out")
            found[name] = [getattr(Hyperparameters.model_validate({name: value}), name) for value in values]
        return found


class Evaluate(Section):
    """Evaluation on the test subset, which no other job reads."""

    n_resamples: int = Field(999, ge=99)
    """Number of times that labels are drawn anew: as random fields for the p-value of the best model, which cannot fall
    below 1 / (1 + this), and with the predicted probabilities for the calibration error of a perfect model."""
    local_km: Annotated[list[Annotated[float, Field(gt=0, le=HALF_EARTH_KM)]], Distinct] = Field([500, 1000])
    """Distances in kilometres of the local scores, which compare a sample only with those within; none when empty.
    Time and memory grow with the square of a distance: a pair of samples takes 30 bytes."""


class Report(Section):
    """The report page."""

    title: str = "Where minerals may be"
    """Heading of the report."""
    example: str | None = None
    """Product shown as the example image; default the one with most known deposits."""
    prospect_images: int = Field(12, ge=0)
    """Number of prospects, the first, whose images are shown."""


class Settings(Section):
    """A whole settings file."""

    workspace: Uri
    """Folder or fsspec URL of everything that the jobs write."""
    jobs: list[JobName] = Field(list(JOBS), min_length=1)
    """Jobs of ``run``, in order."""
    seed: int = Field(0, ge=0)
    """Seed of everything random."""
    tasks: Annotated[list[TaskName], Distinct] = Field(list(TASKS), min_length=1)
    """Tasks that are learnt: binary ``presence``, log-``richness`` regression, of every deposit or, after a colon, of a
    commodity or a group of commodities: ``presence:gold``, ``richness:group:precious`` (see docs/deposits.md)."""
    max_failed_fraction: Fraction = 0.01
    """Maximum fraction of failed items with which a job still exits with status 0."""
    simulate: Simulate = Simulate()
    archive: Archive
    catalogue: Catalogue = Catalogue()
    acquire: Acquire = Acquire()
    label: Label | None = None
    curate: Curate | None = None
    train: Train = Train()
    tune: Tune = Tune()
    evaluate: Evaluate = Evaluate()
    prospect: Prospect = Prospect()
    backtest: Backtest = Backtest()
    report: Report = Report()

    @property
    def folds(self) -> range:
        """Numbers of the folds of ``curate.folds``."""
        return range((self.curate and self.curate.folds) or 0)

    @property
    def sample_sets(self) -> list[tuple[Task, int | None]]:
        """Task and fold of every sample set; those of the split, whose fold is None, first."""
        return [(task, fold) for fold in (None, *self.folds) for task in self.tasks]

    @model_validator(mode="after")
    def _jobs_have_their_inputs(self) -> Settings:
        for job, section in (("label", self.label), ("curate", self.curate)):
            if job in self.jobs and section is None:
                raise ValueError(f"{job}: the job {job} is listed in jobs but its section is absent")
        return self

    @property
    def subjects(self) -> list[str]:
        """What the tasks are about: first every deposit, which is empty, whether or not a task is about all."""
        return list(dict.fromkeys(["", *map(subject_of, self.tasks)]))

    @property
    def prospect_tasks(self) -> list[Task]:
        """Tasks whose models make the prospects: those about ``prospect.commodity``."""
        return [task for task in self.tasks if subject_of(task) == (self.prospect.commodity or "")]

    @model_validator(mode="after")
    def _prospects_have_their_tasks(self) -> Settings:
        if self.prospect.commodity is not None:
            needed = [make_task(kind, self.prospect.commodity) for kind in TASKS]
            if missing := [task for task in needed if task not in self.tasks]:
                raise ValueError(
                    f"prospect.commodity: {self.prospect.commodity} is ranked by {' and '.join(needed)}:"
                    f" add {' and '.join(missing)} to tasks"
                )
        elif not self.prospect_tasks and (jobs := [job for job in ("prospect", "backtest") if job in self.jobs]):
            raise ValueError(
                f"tasks: the job {jobs[0]} ranks places by presence or richness, and tasks are about"
                f" {', '.join(dict.fromkeys(map(subject_of, self.tasks)))} alone: set prospect.commodity, or leave"
                f" {' and '.join(jobs)} out of jobs"
            )
        return self

    @model_validator(mode="after")
    def _metrics_exist(self) -> Settings:
        for task in TASKS:
            known = [*METRICS[task], *(local_metric(task, km) for km in self.evaluate.local_km)]
            if (metric := self.train.primary_metric.of(task)) not in known:
                raise ValueError(f"train.primary_metric.{task}: there is no {metric!r}: give one of {', '.join(known)}")
        return self
