"""What a settings file may say, with every unit and default: one class per section."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from mineral_pipeline.learning import TASKS, Task

JobName = Literal[
    "simulate", "catalogue", "acquire", "label", "curate", "train", "tune", "evaluate", "prospect", "report"
]
Fraction = Annotated[float, Field(ge=0, le=1)]
OpenFraction = Annotated[float, Field(gt=0, lt=1)]
"""Neither 0 nor 1."""

Size = Literal["small", "medium", "big"]
Longitude = Annotated[float, Field(ge=-180, le=180)]
Latitude = Annotated[float, Field(ge=-90, le=90)]


def _ordered(range_: tuple[float, float]) -> tuple[float, float]:
    if range_[0] > range_[1]:
        raise ValueError(f"the range {list(range_)} must begin with its smaller end")
    return range_


def _distinct(values: list[Any]) -> list[Any]:
    if len(set(values)) < len(values):
        raise ValueError(f"{values} names something twice")
    return values


def _without_credentials(place: str) -> str:
    parts = urlsplit(place)
    if "@" in parts.netloc or (parts.scheme and parts.query):
        raise ValueError("the URL holds credentials or a query: it is written to run files, so give them another way")
    return place


Uri = Annotated[str, Field(min_length=1), AfterValidator(_without_credentials)]
Range = Annotated[tuple[Annotated[float, Field(gt=0)], Annotated[float, Field(gt=0)]], AfterValidator(_ordered)]
Distinct = AfterValidator(_distinct)
PositiveInt = Annotated[int, Field(ge=1)]

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
"""All jobs of a run, in their order; ``simulate`` comes before them when a settings file lists it."""


class Section(BaseModel):
    """A part of a settings file: frozen, and unknown keys are errors."""

    # inputs may hold credentials: a traceback must not show them
    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True, hide_input_in_errors=True)


class Simulate(Section):
    """The simulated planet, written as an archive at ``archive.url``."""

    locations: int = Field(240, gt=0)
    """Path/rows over land, half of them barren; a twentieth as many more lie at sea."""
    dates: int = Field(3, gt=0, le=200)
    """Scenes of every place."""
    islands: int = Field(14, gt=0)
    """Pieces of land, at least 1,000 km from each other so that spatial blocks can keep them apart."""
    scene_size: int = Field(160, ge=32)
    """Lines and samples of a scene, about: pixels that span 222 km. ``scale`` multiplies it."""
    scale: float = Field(1.0, gt=0)
    """1 for a small test archive; about 46 makes scenes of the real size (7,400 pixels)."""
    signal: float = Field(1.0, ge=0, le=1)
    """Strength of the link between alteration and deposits; 0 cuts it."""


class Archive(Section):
    """Where the scenes are."""

    url: Uri
    """Folder, or ``gs://``, ``s3://``, ``az://`` or ``http(s)://`` URL, of an archive in the layout of
    ``gs://gcp-public-data-landsat``."""
    index: Uri | None = None
    """Path or URL of the index (CSV, gzip if it ends in .gz); default ``index.csv.gz`` under ``url``.
    An archive without one is listed: clouds and bounds are then unknown."""
    anonymous: bool = True
    """The data are public: no request is signed and no credentials are looked for."""
    storage_options: dict[str, Any] = Field(default_factory=dict, repr=False)
    """Configuration of the store in obstore's words, such as ``region`` and ``endpoint``; never written anywhere."""
    checksums: bool = True
    """Bytes must have the MD5 that the store gives; false for stores whose etags only look like one (SSE-KMS)."""
    reduced: bool = False
    """The rasters are reduced in resolution: their ground extent must agree with the MTL, not their size."""
    retries: int = Field(8, ge=0)
    """Further attempts after a transient error, at growing intervals: 8 outlast a minute and a half."""
    timeout_s: float = Field(120, gt=0)
    """Seconds after which one request is given up and tried again."""
    deadline_s: float = Field(900, gt=0)
    """Seconds after which no further attempt is made for a scene."""
    requests_per_s: float | None = Field(None, gt=0)
    """At most so many requests a second from one worker process; unlimited by default."""


class Catalogue(Section):
    """Which scenes of the index are wanted. An empty list means all."""

    spacecraft: list[str] = ["LANDSAT_4"]
    """SPACECRAFT_ID of the index."""
    sensors: list[str] = ["TM"]
    """SENSOR_ID of the index."""
    tiers: list[Literal["T1", "T2", "RT"]] = []
    """COLLECTION_CATEGORY of the index."""
    levels: list[str] = []
    """DATA_TYPE of the index, such as L1TP."""
    start: date | None = None
    """First day of acquisition."""
    end: date | None = None
    """Last day of acquisition."""
    bounds: tuple[Longitude, Latitude, Longitude, Latitude] | None = None
    """West, south, east, north in degrees, west > east across the antimeridian; boxes that intersect are kept."""
    max_cloud_cover: float | None = Field(None, ge=0, le=100)
    """Percent; scenes of unknown cloud cover are kept."""
    limit: int | None = Field(None, gt=0)
    """At most so many scenes, the first by path/row."""

    @model_validator(mode="after")
    def _ranges_are_not_empty(self) -> Catalogue:
        if self.start is not None and self.end is not None and self.start > self.end:
            raise ValueError(f"start {self.start} is after end {self.end}")
        if self.bounds is not None and self.bounds[1] >= self.bounds[3]:
            raise ValueError(f"bounds are west, south, east, north: {self.bounds[1]} is not south of {self.bounds[3]}")
        return self


class Acquire(Section):
    """From scenes to chips."""

    bands: list[Annotated[str, Field(pattern=r"^B\d+$")]] = Field(["B7"], min_length=1)
    """Bands of a chip, in order."""
    chip_size: int = Field(512, gt=0)
    """Edge of a chip in pixels."""
    method: Literal["resize", "rescale", "sampling"] = "rescale"
    """Downsampling: filtered, exact area average, or point sampling."""
    chips_per_shard: int = Field(16, gt=0)
    """Chips in one shard, the unit of work."""
    footprint: Literal["image", "metadata"] = "image"
    """From the valid pixels, or from the corners in the MTL as in the study."""
    threads: int = Field(4, gt=0)
    """Scenes fetched at once in one task."""
    max_download_mb: float = Field(128, gt=0)
    """Megabytes of fetched files that one task holds at once; a larger scene goes alone."""


class Label(Section):
    """Targets from known deposits."""

    deposits: list[Uri] = Field(min_length=1)
    """Paths or URLs of CSV tables in the layout of MRDS."""
    merge_km: float = Field(1.5, ge=0)
    """Deposits of one name are the same when no farther apart, in kilometres; the first table's place is kept."""
    commodities: Annotated[int, Field(ge=0)] | list[str] = 10
    """Names of the commodities that get labels of their own, or how many of the commonest."""
    groups: Literal["all"] | list[str] = "all"
    """Commodity groups that get labels of their own, such as ``precious`` (see docs/deposits.md)."""
    min_deposits: int = Field(1, ge=1)
    """Fewest deposits of a positive chip; one that has fewer, but not none, is ambiguous and belongs to no class."""
    partitions: int = Field(4, gt=0)
    """Partitions of the scenes; more than the workers gains nothing."""


class MinLocations(Section):
    """Fewest places (location buckets) of each class that a side must have."""

    train: int = Field(1, ge=1)
    """In training."""
    validation: int = Field(1, ge=1)
    """In validation."""
    test: int = Field(1, ge=1)
    """In test."""


class Curate(Section):
    """From labelled chips to training sets."""

    land: Uri
    """Path or URL of land polygons in any format that geopandas reads."""
    land_sha256: str | None = Field(None, pattern="^[0-9a-fA-F]{64}$")
    """SHA-256 that the file must have; one from a URL is then fetched once and cached."""
    land_rule: Literal["centre", "fraction"] = "centre"
    """A place is over land when its centre is, as in the study, or when enough of its outline is."""
    min_land_fraction: Fraction = 0.5
    """Least share of a place's outline that must be land, for ``land_rule: fraction``."""
    split: str = "blocks"
    """Name of a registered split: equal-area ``blocks`` with a buffer, or location ``buckets`` as in the study (which leaks)."""
    block_size_km: float = Field(1000, gt=0)
    """Edge of a block in kilometres."""
    test_fraction: OpenFraction = 0.2
    """Share of the places in test."""
    validation_fraction: OpenFraction = 0.2
    """Share of the remaining places held out for stopping and search."""
    folds: int | None = Field(None, ge=2)
    """Make so many more sets of sides, for cross-validation: every place is in the test side of one of them."""
    drop_open_mines: bool = False
    """Leave out chips that hold a large open mine: a network would learn to see the mine."""
    max_chips_per_location: int | None = Field(None, gt=0)
    """At most so many chips of one place, the clearest first."""
    batch_size: int = Field(16, gt=0)
    """Samples in one chunk of a training store."""
    richness_samples: Literal["positive", "all"] = "positive"
    """Chips that the regression sees: those with a known deposit, or all (the study)."""
    max_leakage: Fraction = 0.0
    """Largest share of the test area that may lie under training footprints."""
    min_locations: MinLocations = MinLocations()
    """Curation fails when a side is smaller."""


class Hyperparameters(Section):
    """What a search varies."""

    learning_rate: float = Field(1e-3, gt=0)
    """Of Adam."""
    conv_l1: float = Field(0.0, ge=0)
    """L1 penalty of the convolutions."""
    conv_l2: float = Field(1e-4, ge=0)
    """L2 penalty of the convolutions."""
    dense_l1: float = Field(0.0, ge=0)
    """L1 penalty of the dense layers."""
    dense_l2: float = Field(1e-4, ge=0)
    """L2 penalty of the dense layers."""
    dropout: float = Field(0.3, ge=0, lt=1)
    """Share of neurons dropped between the convolutions and the dense layers."""
    kernel: PositiveInt = 3
    """Edge of the convolution filters in pixels."""


class Train(Section):
    """The grid of architectures and its baselines."""

    convolutions: Annotated[list[Size], Distinct] = Field(["small", "medium", "big"], min_length=1)
    """Convolutional parts of the grid."""
    dense_layers: Annotated[list[Size], Distinct] = Field(["small", "medium", "big"], min_length=1)
    """Dense parts of the grid."""
    networks: Annotated[list[str], Distinct] = []
    """Names of registered networks that are trained beside the grid."""
    seeds: Annotated[list[Annotated[int, Field(ge=0)]], Distinct] = Field([0], min_length=1)
    """Every architecture is trained once per seed."""
    epochs: int = Field(100, gt=0)
    """At most so many."""
    patience: int = Field(10, gt=0)
    """Epochs without a better validation loss after which training stops."""
    n_label_permutations: int = Field(3, ge=1)
    """Random-label baselines: medium-medium on permuted labels."""
    richness_loss: Literal["mae", "mse"] = "mae"
    """Loss of the regression; the study's text and formula disagree."""
    hyperparameters: Hyperparameters = Hyperparameters()
    """Of every architecture of the grid."""


class Tune(Section):
    """The search over the best architecture. Ranges are the study's; all but dropout and kernel are logarithmic."""

    candidates: int = Field(20, gt=0)
    """Points drawn from the ranges."""
    epochs: int = Field(30, gt=0)
    """At most so many for each."""
    learning_rate: Range = (1e-7, 1e-3)
    """Of Adam."""
    conv_l1: Range = (1e-4, 0.3)
    """L1 penalty of the convolutions."""
    conv_l2: Range = (1e-4, 0.3)
    """L2 penalty of the convolutions."""
    dense_l1: Range = (1e-8, 0.2)
    """L1 penalty of the dense layers."""
    dense_l2: Range = (1e-8, 0.2)
    """L2 penalty of the dense layers."""
    dropout: Annotated[tuple[OpenFraction, OpenFraction], AfterValidator(_ordered)] = (0.1, 0.5)
    """Uniform."""
    kernel: Annotated[tuple[PositiveInt, PositiveInt], AfterValidator(_ordered)] = (3, 11)
    """Uniform over the odd numbers."""


class Evaluate(Section):
    """The one look at the test side."""

    n_resamples: int = Field(1000, ge=100)
    """Resamples of the buckets for the 95 % intervals."""


class Prospect(Section):
    """The search for unknown deposits."""

    ensemble_size: int = Field(5, gt=1)
    """Networks of the ensemble, one per seed."""
    top: int = Field(100, gt=0)
    """Prospects outlined and listed in the report; the files hold all."""


class Report(Section):
    """The page."""

    title: str = "Where minerals may be"
    """Heading of the report."""
    example: str | None = None
    """Product shown as the example image; default the one with most known deposits."""


class Settings(Section):
    """A whole settings file."""

    workspace: Uri
    """Folder or fsspec URL of everything that the jobs write."""
    jobs: list[JobName] = Field(list(JOBS), min_length=1)
    """Jobs of ``run``, in order."""
    seed: int = Field(0, ge=0)
    """Of everything random."""
    tasks: Annotated[list[Task], Distinct] = Field(list(TASKS), min_length=1)
    """What is learnt: binary presence, log-richness regression."""
    max_failed_fraction: Fraction = 0.01
    """Largest share of scenes that may fail before a job's exit status is 1."""
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
    report: Report = Report()

    @model_validator(mode="after")
    def _jobs_have_their_inputs(self) -> Settings:
        for job, section in (("label", self.label), ("curate", self.curate)):
            if job in self.jobs and section is None:
                raise ValueError(f"{job}: the job {job} is listed in jobs but its section is absent")
        return self
