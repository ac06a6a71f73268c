"""A back-test's workspace takes the chips of the one around it, and cannot change them."""

from __future__ import annotations

import pandas as pd
import pytest

from mineral_pipeline.errors import WorkspaceError
from mineral_pipeline.workspace import Workspace, artefacts


@pytest.mark.parametrize("url", ["{folder}", "memory://shared-chips"])
def test_shared_artefacts_are_those_of_the_workspace_around(url: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    around = Workspace(url.format(folder=tmp_path_factory.mktemp("around")))
    inner = Workspace(around.uri(artefacts.backtest("places")))
    around.write_table(artefacts.CATALOGUE, pd.DataFrame({"scene_id": ["A"]}))
    around.write_table(artefacts.ledger_part(0), pd.DataFrame({"chip_id": ["C"]}))
    around.write_bytes(f"{artefacts.CHIPS}/zarr.json", b"{}")
    around.write_bytes("deposits.txt", b"around")
    inner.write_bytes("deposits.txt", b"inner")
    assert inner.read_table(artefacts.CATALOGUE)["scene_id"].tolist() == ["A"]
    assert inner.read_table(artefacts.LEDGER)["chip_id"].tolist() == ["C"]
    assert inner.sizes(artefacts.CHIPS) == {"zarr.json": 2}
    assert str(inner.zarr(artefacts.CHIPS)) == str(around.zarr(artefacts.CHIPS))
    assert inner.uri(artefacts.CHIPS) == around.uri(artefacts.CHIPS)
    assert (around.read_bytes("deposits.txt"), inner.read_bytes("deposits.txt")) == (b"around", b"inner")
    for change in (
        lambda: inner.write_bytes(artefacts.CATALOGUE, b""),
        lambda: inner.remove(artefacts.LEDGER),
        lambda: inner.remove(f"{artefacts.CHIPS}/zarr.json"),
        lambda: inner.create_bytes(artefacts.CATALOGUE, b""),
    ):
        with pytest.raises(
            WorkspaceError, match="a back-test that shares it: run the job in the workspace that holds it"
        ):
            change()
    assert inner.read_table(artefacts.CATALOGUE)["scene_id"].tolist() == ["A"]


def test_other_folders_are_workspaces_of_their_own(tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("folder")
    for name in ("backtests", "backtests/a/b", "my-backtests/a"):
        assert Workspace(f"{folder}/{name}").path(artefacts.CHIPS) == f"{folder}/{name}/{artefacts.CHIPS}"
