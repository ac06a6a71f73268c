"""A 404 is believed only from a process that sees the archive as the client does."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from small_archive import PRODUCT

from mineral_pipeline.archive import MissingError, Source, UnreachableError, fetch_scene, survey_source
from mineral_pipeline.archive.landmarks import Landmarks, find_fault, survey
from mineral_pipeline.settings import Archive


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """An archive of two sensors and an index, which holds no file of the product."""
    for name in ("LT04/01/001/004", "LT05/01/001/004"):
        (tmp_path / "archive" / name).mkdir(parents=True)
    (tmp_path / "archive" / "index.csv.gz").write_bytes(b"\x1f\x8b")
    return tmp_path / "archive"


def fetch(source: Source) -> None:
    fetch_scene(source, f"{source.archive.url}/LT04/01/001/004/{PRODUCT}", PRODUCT, ["B7"])


def empty(root: Path) -> None:
    shutil.rmtree(root)
    root.mkdir()


def unmount_sensor(root: Path) -> None:
    shutil.rmtree(root / "LT04")
    (root / "LT04").mkdir()


def lose_sensor(root: Path) -> None:
    shutil.rmtree(root / "LT04")


def lose_index(root: Path) -> None:
    (root / "index.csv.gz").unlink()


@pytest.mark.parametrize("damage", [empty, shutil.rmtree, unmount_sensor, lose_sensor])
def test_an_absent_file_of_an_absent_archive_is_unreachable(root: Path, damage: object) -> None:
    source = survey_source(Archive(url=str(root)))
    with pytest.raises(MissingError, match=f"{PRODUCT}_MTL.txt is not in the archive"):
        fetch(source)
    damage(root)  # type: ignore[operator]
    with pytest.raises(UnreachableError, match=rf"_MTL.txt is not there, but nor is the archive: .*{root}"):
        fetch(source)


def test_files_may_come_and_go_in_the_root(root: Path) -> None:
    source = survey_source(Archive(url=str(root)))
    lose_index(root)
    (root / "LC08").mkdir()
    with pytest.raises(MissingError):
        fetch(source)


def test_an_index_elsewhere_stands_in_for_an_empty_root(root: Path, tmp_path: Path) -> None:
    index = tmp_path / "index.csv.gz"
    shutil.copy(root / "index.csv.gz", index)
    empty(root)
    archive = Archive(url=str(root), index=str(index))
    seen = survey(archive)

    assert (seen, find_fault(archive, seen)) == (Landmarks(index=True), None)
    index.write_bytes(b"")
    assert find_fault(archive, seen) == f"index {index} is empty: fix archive.index or archive.url"
    index.unlink()
    assert str(find_fault(archive, seen)).startswith(f"index {index} cannot be read: not there")


def test_where_nothing_can_be_seen_no_404_is_believed(tmp_path: Path) -> None:
    archive = Archive(url=str(tmp_path))

    assert survey(archive) == Landmarks()
    assert "name archive.index" in str(find_fault(archive, Landmarks()))
