"""The simulated planet's archive, in the layout of the public bucket: begun, filled with scenes, finished by its index.

The index is written last, so that an archive with an index is whole. ``planet.json`` marks an archive as simulated and
holds the settings of its planet; nothing is ever written into any other archive.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from mineral_pipeline.errors import ArchiveError, SettingsError
from mineral_pipeline.sensors.landsat import BUCKET, INDEX
from mineral_pipeline.settings import Settings, Simulate
from mineral_pipeline.simulation import tables, truth
from mineral_pipeline.simulation.planet import Planet, create
from mineral_pipeline.simulation.product import SceneRecord, is_written, write_product
from mineral_pipeline.simulation.render import check_bands
from mineral_pipeline.simulation.scene import SimulatedScene, scenes
from mineral_pipeline.workspace import Workspace

MARKER_FILE = "planet.json"
DEPOSITS, LAND, TRUTH, TRUE_DEPOSITS = "deposits.csv", "land.geojson", "truth.parquet", "true-deposits.parquet"
PUBLIC_BUCKET = BUCKET.removeprefix("gs://")
"""Name of the public archive's bucket, whatever the URL by which it is reached."""


@dataclass(frozen=True)
class ArchiveSpec:
    """What a simulated archive holds and where it is written: all that a worker needs to know."""

    url: str
    """Root of the archive."""
    simulate: Simulate
    """Settings of the planet."""
    seed: int
    """Seed of everything random."""
    bands: tuple[str, ...]
    """Bands of every scene, such as ``B7``."""

    @classmethod
    def of(cls, settings: Settings) -> ArchiveSpec:
        """The archive that a settings file describes.

        Raises:
            SettingsError: Landsat 4 has no such band, or the archive may not be written to.
        """
        check_bands(settings.acquire.bands)
        spec = cls(settings.archive.url, settings.simulate, settings.seed, tuple(settings.acquire.bands))
        spec.refuse_foreign()
        return spec

    @property
    def archive(self) -> Workspace:
        """The archive, whose objects appear whole or not at all."""
        return Workspace(self.url)

    @property
    def planet(self) -> Planet:
        """The planet; made once per process."""
        return create(self.simulate, self.seed)

    @property
    def scenes(self) -> tuple[SimulatedScene, ...]:
        """Every scene, by path, row and date."""
        return scenes(self.planet)

    @property
    def marker(self) -> dict[str, Any]:
        """Content of the marker file."""
        return {"simulate": self.simulate.model_dump(mode="json"), "seed": self.seed, "bands": list(self.bands)}

    def refuse_foreign(self) -> None:
        """Refuse to write into an archive that holds anything else.

        Raises:
            SettingsError: the archive is the public one, real, or of another planet.
        """
        archive = self.archive
        if PUBLIC_BUCKET in self.url:
            reason = "is the public archive, and simulate writes there"
        elif archive.exists(MARKER_FILE):
            marker = archive.read_json(MARKER_FILE, with_digest=False)
            reason = "" if marker == self.marker else "holds another simulated planet"
        else:
            reason = "holds an archive that simulate did not write" if archive.exists(INDEX) else ""
        if reason:
            raise SettingsError(f"archive.url: {self.url} {reason}: name another folder")


def write_scenes(numbers: Iterable[int], spec: ArchiveSpec) -> list[SceneRecord]:
    """Write some scenes of an archive; runs on a worker.

    Args:
        numbers: indices into `ArchiveSpec.scenes`.
        spec: archive that the scenes belong to.
    """
    return [write_product(spec.archive, spec.planet, spec.scenes[number], spec.bands) for number in numbers]


def count_written(spec: ArchiveSpec) -> int:
    """Number of scenes that are in the archive already."""
    return sum(is_written(spec.archive, scene.product_id) for scene in spec.scenes)


def begin(spec: ArchiveSpec) -> None:
    """Write the marker file."""
    spec.archive.write_json(MARKER_FILE, spec.marker)


def finish(spec: ArchiveSpec, sizes: Mapping[str, int]) -> None:
    """Write the tables once every scene is there, the index last.

    Args:
        spec: archive to finish.
        sizes: bytes of each product, by product identifier.

    Raises:
        ArchiveError: a scene is not there.
    """
    planned, written = len(spec.scenes), count_written(spec)
    if written < planned:
        raise ArchiveError(
            f"archive.url: {planned - written:,} of {planned:,} scenes that workers wrote are not in {spec.url}: name a"
            " folder that this machine and every worker share"
        )
    archive, planet = spec.archive, spec.planet
    archive.write_bytes(DEPOSITS, tables.deposits(planet))
    archive.write_bytes(LAND, tables.land(planet))
    archive.write_table(TRUTH, truth.locations(planet))
    archive.write_table(TRUE_DEPOSITS, truth.deposits(planet))
    archive.write_bytes(INDEX, tables.index(spec.scenes, sizes))
