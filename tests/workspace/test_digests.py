"""What artefacts hold decides their digest: values and pixels, not the bytes of files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

from mineral_pipeline.geometry import CRS
from mineral_pipeline.workspace import Workspace, artefacts, ledger
from mineral_pipeline.workspace.digests import ABSENT, digest_array, digest_artefacts, digest_table
from mineral_pipeline.workspace.ledger import Outcome, State


@pytest.fixture(params=["disk", "object store"])
def workspace(request: pytest.FixtureRequest, tmp_path: Path) -> Workspace:
    return Workspace(str(tmp_path / "w") if request.param == "disk" else f"memory://{tmp_path.name}")


def table() -> gpd.GeoDataFrame:
    shapes = [shapely.box(0, 0, 1, 1), None, shapely.Point(1, 2)]
    columns = {"a": [1, 2, 3], "b": ["x", None, ""], "c": [0.5, float("nan"), -0.0], "d": pd.to_datetime(["2026"] * 3)}
    return gpd.GeoDataFrame(columns, geometry=shapes, crs=CRS)


def test_a_table_is_its_values_whatever_its_file(workspace: Workspace) -> None:
    """PROJ words a coordinate system in more than one way."""
    worded = shapely.box(0, 0, 1, 1)
    first = gpd.GeoDataFrame({"a": [1]}, geometry=[worded], crs=CRS)
    second = gpd.GeoDataFrame({"a": [1]}, geometry=[worded], crs=first.crs.to_wkt("WKT1_GDAL"))
    workspace.write_table("a.parquet", first)
    workspace.write_table("b.parquet", second)
    assert workspace.read_bytes("a.parquet") != workspace.read_bytes("b.parquet")

    found = digest_artefacts(workspace, ["a.parquet", "b.parquet"])
    assert found["a.parquet"] == found["b.parquet"] == digest_table(first)


@pytest.mark.parametrize(
    "change",
    [
        lambda t: t.assign(a=[1, 2, 4]),
        lambda t: t.assign(a=t["a"].astype("float64")),
        lambda t: t.assign(b=["x", "y", ""]),
        lambda t: t.iloc[::-1],
        lambda t: t.iloc[:2],
        lambda t: t.rename(columns={"a": "e"}),
        lambda t: t[["b", "a", "c", "d", "geometry"]],
        lambda t: t.set_geometry(shapely.transform(t.geometry.to_numpy(), lambda xy: xy + 1e-9)),
    ],
)
def test_another_table_has_another_digest(change: Callable[[gpd.GeoDataFrame], pd.DataFrame]) -> None:
    assert digest_table(table()) == digest_table(table())
    assert digest_table(change(table())) != digest_table(table())


@pytest.mark.parametrize("kept", [["geometry"], ["b", "geometry", "a"], ["a", "b", "c", "d"]])
def test_a_file_has_the_digest_of_its_table(workspace: Workspace, kept: list[str]) -> None:
    """Also a file that was digested before, and another one of its name."""
    for rows in (slice(None), slice(0, 2), slice(None)):
        part = table()[kept].iloc[rows]
        workspace.write_table("table.parquet", part)
        for _ in range(2):
            assert digest_artefacts(workspace, ["table.parquet"]) == {"table.parquet": digest_table(part)}


def test_an_array_is_its_type_shape_and_values() -> None:
    array = np.arange(6, dtype="uint8").reshape(2, 3)
    others = (array.reshape(3, 2), array.astype("int8"), array + np.uint8(1), array[::-1])
    assert len({digest_array(one) for one in (array, array.copy(order="F"), *others)}) == 1 + len(others)


def test_artefacts_of_every_kind(workspace: Workspace) -> None:
    names = ["table.parquet", "parts.parquet", "store.zarr", "document.json", "absent"]
    assert digest_artefacts(workspace, names) == dict.fromkeys(names, ABSENT)

    workspace.write_table("table.parquet", table())
    for number in range(2):
        workspace.write_table(f"parts.parquet/part-{number:05d}.parquet", pd.DataFrame({"a": [number]}))
    workspace.write_bytes("store.zarr/image/c/0", b"12")
    workspace.write_bytes("store.zarr/zarr.json", b"{}")
    workspace.write_json("document.json", {})
    first = digest_artefacts(workspace, names)
    parts = ["parts.parquet/part-00000.parquet", "parts.parquet/part-00001.parquet"]
    assert list(first) == ["table.parquet", *parts, "store.zarr", "document.json", "absent"]

    workspace.write_bytes("store.zarr/image/c/0", b"1")
    workspace.write_json("document.json", {"a": 1})
    for name in ("table.parquet", parts[0]):
        workspace.write_bytes(name, workspace.read_bytes(name)[:-9])  # truncated
    workspace.remove(parts[1])
    second = digest_artefacts(workspace, names)
    assert {name for name in first if first[name] != second.get(name)} == {*first} - {"absent"}


def test_of_the_ledger_counts_what_later_jobs_read(workspace: Workspace) -> None:
    def digest(*changes: dict[str, object]) -> str:
        facts = {"sha256": "a", "geometry": shapely.box(0, 0, 1, 1), "seconds": 1.0}
        rows = [Outcome("a", "a", "010010", 0, "a", State.OK, **{**facts, **change}) for change in changes]
        ledger.write_part(workspace, 0, [*rows, Outcome("b", "b", "010010", 1, "b", State.MISSING)])
        (found,) = digest_artefacts(workspace, [artefacts.LEDGER]).values()
        return found

    first = digest({})
    named = "".join(list(artefacts.LEDGER))  # as the record of a run has it: the same name, and another object
    assert digest_artefacts(workspace, [named]) == {artefacts.LEDGER: first}
    assert digest({"seconds": 2.0, "attempts": 3, "bytes": 9}) == first, "the same chip, acquired again"
    others = [digest({"sha256": "b"}), digest({"geometry": shapely.box(0, 0, 1, 2)}), digest({"brightness": 9.0})]
    assert len({first, *others}) == 4
