"""The simulated planet's archive, in the layout of the public bucket: opened, filled by scenes, closed by its index.

The index is written last, so that an archive with an index is whole. ``planet.json`` marks an archive as ours and
says what was asked for; nothing is ever written into any other.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from mineral_pipeline.errors import SettingsError
from mineral_pipeline.settings import Settings, Simulate
from mineral_pipeline.simulation import tables
from mineral_pipeline.simulation.planet import Planet, create
from mineral_pipeline.simulation.product import SceneRecord, is_written, write_product
from mineral_pipeline.simulation.render import check_bands
from mineral_pipeline.simulation.scene import Scene, scenes
from mineral_pipeline.workspace import Workspace

MARKER_FILE, INDEX = "planet.json", "index.csv.gz"
DEPOSITS, LAND, TRUTH = "deposits.csv", "land.geojson", "truth.parquet"
PUBLIC = "gcp-public-data-landsat"


@dataclass(frozen=True)
class ArchiveSpec:
    """What is to be photographed and where it goes: all that a worker needs to know."""

    url: str
    """Root of the archive."""
    simulate: Simulate
    """What the planet is like."""
    seed: int
    """Of everything random."""
    bands: tuple[str, ...]
    """Of every scene."""

    @classmethod
    def of(cls, settings: Settings) -> ArchiveSpec:
        """The commission of a settings file.

        Raises:
            SettingsError: Landsat 4 has no such band, or the archive may not be written to.
        """
        check_bands(settings.acquire.bands)
        commission = cls(settings.archive.url, settings.simulate, settings.seed, tuple(settings.acquire.bands))
        commission.refuse_foreign()
        return commission

    @property
    def archive(self) -> Workspace:
        """The archive, whose objects appear whole or not at all."""
        return Workspace(self.url)

    @property
    def planet(self) -> Planet:
        """The planet; made once per process."""
        return create(self.simulate, self.seed)

    @property
    def scenes(self) -> tuple[Scene, ...]:
        """Every scene, by path, row and date."""
        return scenes(self.planet)

    @property
    def mark(self) -> dict[str, Any]:
        """What ``planet.json`` says."""
        return {"simulate": self.simulate.model_dump(mode="json"), "seed": self.seed, "bands": list(self.bands)}

    def refuse_foreign(self) -> None:
        """Refuse to write where something else is.

        Raises:
            SettingsError: the archive is the public one, real, or of another planet.
        """
        archive = self.archive
        if PUBLIC in self.url:
            why = "is the public archive, and simulate writes there"
        elif archive.exists(MARKER_FILE):
            why = "" if archive.read_json(MARKER_FILE) == self.mark else "holds another simulated planet"
        else:
            why = "holds an archive that simulate did not write" if archive.exists(INDEX) else ""
        if why:
            raise SettingsError(f"archive.url: {self.url} {why}: name another folder")


def write_scenes(numbers: Iterable[int], commission: ArchiveSpec) -> list[SceneRecord]:
    """Write some scenes of a commission: what a worker does.

    Args:
        numbers: places in `Commission.scenes`.
        commission: what is wanted.
    """
    return [
        write_product(commission.archive, commission.planet, commission.scenes[number], commission.bands)
        for number in numbers
    ]


def count_written(commission: ArchiveSpec) -> int:
    """How many scenes are there already."""
    return sum(is_written(commission.archive, scene.product_id) for scene in commission.scenes)


def begin(commission: ArchiveSpec) -> None:
    """Mark the archive as ours."""
    commission.archive.write_json(MARKER_FILE, commission.mark)


def finish(commission: ArchiveSpec, sizes: Mapping[str, int]) -> None:
    """Write the tables when every scene is there, the index last.

    Args:
        commission: what was wanted.
        sizes: bytes of each product, by product identifier.
    """
    archive, planet = commission.archive, commission.planet
    archive.write_bytes(DEPOSITS, tables.deposits(planet))
    archive.write_bytes(LAND, tables.land(planet))
    archive.write_table(TRUTH, tables.truth(planet))
    archive.write_bytes(INDEX, tables.index(commission.scenes, sizes))
