"""The damages of `make fuzz` damage, and leave nothing behind."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest

from mineral_pipeline.errors import DataError
from tests.fuzzing.damage import DAMAGES, Damage, damaged, kind_of
from tests.fuzzing.fuzz import answer


def state(folder: Path) -> dict[str, object]:
    """What lies in a folder, by name."""
    return {path.name: path.read_bytes() if path.is_file() else path.is_dir() for path in folder.iterdir()}


@pytest.mark.parametrize("damage", dict.fromkeys(DAMAGES), ids=lambda damage: damage.__name__)
def test_a_damage_changes_its_place_and_is_undone(tmp_path: Path, damage: Damage) -> None:
    path, other = tmp_path / "a.json", tmp_path / "other.json"
    path.write_text('{"format": 3, "nested": [1, {"text": "a"}]}')
    other.write_text('{"format": 4}')
    before = state(tmp_path)
    for number in range(20):
        with damaged(path, damage, Random(number), [path, other]):
            assert state(tmp_path) != before
        assert state(tmp_path) == before


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("samples/presence/fold-1/train.zarr/image/c/12/0/0/0", "samples/*.zarr/image/c/*"),
        ("chips.zarr/chip_id/zarr.json", "chips.zarr/COORDINATE/zarr.json"),
        ("chips.zarr/image/zarr.json", "chips.zarr/image/zarr.json"),
        ("models/richness/member-s0/model.keras", "models/model.keras"),
        ("chips.parquet/part-00012.parquet", "chips.parquet/part-*.parquet"),
        ("runs/20261128T234426697788Z-report.json", "runs/*.json"),
    ],
)
def test_files_of_one_kind_have_one_name(name: str, kind: str) -> None:
    assert kind_of(name) == kind


def test_an_error_of_two_lines_is_no_answer() -> None:
    def read() -> None:
        raise DataError("one\ntwo")

    with pytest.raises(AssertionError, match="is not one line"):
        answer(read)
