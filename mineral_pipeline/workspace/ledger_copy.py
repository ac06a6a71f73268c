"""The whole ledger in one file, beside its parts, which stay the truth.

Thousands of small files take seconds to open, and every job reads all of them. A job that holds the lock makes the copy
(`update`). It names the parts of which it was made, with the mark of each (`Workspace.marks`), so that it counts only
as long as they are the ones that are there. Where it does not, or is damaged, absent or not to be read, the parts are
read. Nobody who reads writes it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from itertools import accumulate, pairwise

import pyarrow as pa

from mineral_pipeline.errors import WorkspaceError
from mineral_pipeline.workspace import artefacts, tables
from mineral_pipeline.workspace.workspace import Workspace

PARTS = b"parts"
"""Key of the copy's metadata: by the name of every part its mark and its number of rows."""


def read_parts(workspace: Workspace, columns: Sequence[str] | None = None) -> dict[str, pa.Table | WorkspaceError]:
    """Every part of the ledger by its name, as Arrow table; in place of a damaged one, the reason.

    Args:
        workspace: the workspace.
        columns: columns to read, by default all; a part that lacks one counts as damaged.

    Raises:
        WorkspaceError: the workspace cannot be read at all.
    """
    copy = _open(workspace, columns)
    if copy is not None and {name: mark for name, (mark, _) in _told(copy).items()} == _marks(workspace):
        return _split(copy)
    return workspace.read_parts(artefacts.LEDGER, columns)


def update(workspace: Workspace) -> None:
    """Make the copy of the parts that are there, unless it is; what has not changed is taken from the one before.

    No copy is made of parts that are damaged or of different versions, nor where it cannot be written.
    """
    marks, copy = _marks(workspace), _open(workspace)
    if not marks:
        return
    told = _told(copy) if copy is not None else {}
    if {name: mark for name, (mark, _) in told.items()} == marks:
        return
    before = _split(copy) if copy is not None else {}
    kept = {name: part for name, part in before.items() if marks.get(name) == told[name][0]}
    # their marks are older than what is read: a part that changes in between makes the copy count for nothing
    found = kept | workspace.read_parts(artefacts.LEDGER, names=[name for name in marks if name not in kept])
    parts = [found[name] for name in marks]
    if any(isinstance(part, WorkspaceError) or part.schema.names != parts[0].schema.names for part in parts):
        return
    told = {name: (mark, part.num_rows) for (name, mark), part in zip(marks.items(), parts, strict=True)}
    try:
        workspace.write_bytes(artefacts.LEDGER_COPY, tables.encode_arrow(parts, {PARTS: json.dumps(told).encode()}))
    except WorkspaceError:  # no permission, no space; or of a back-test, which shares the ledger
        return


def _marks(workspace: Workspace) -> dict[str, str]:
    return {name: mark for name, mark in workspace.marks(artefacts.LEDGER).items() if name.endswith(".parquet")}


def _open(workspace: Workspace, columns: Sequence[str] | None = None) -> pa.Table | None:
    """The copy, or some of its columns; None where it is absent, damaged or lacks one of them."""
    try:
        copy = tables.decode_arrow(workspace.read_bytes(artefacts.LEDGER_COPY), columns)
        _told(copy)
    except (WorkspaceError, ValueError, KeyError, TypeError):
        return None
    return copy


def _told(copy: pa.Table) -> Mapping[str, tuple[str, int]]:
    """Mark and number of rows of the parts of which a copy was made, by name."""
    return dict(json.loads(copy.schema.metadata[PARTS]))


def _split(copy: pa.Table) -> dict[str, pa.Table]:
    """The parts of which a copy was made, by name."""
    told = _told(copy)
    ends = accumulate((rows for _, rows in told.values()), initial=0)
    return {name: copy.slice(start, end - start) for name, (start, end) in zip(told, pairwise(ends), strict=True)}
