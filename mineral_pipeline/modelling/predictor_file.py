"""Fitted baselines in files of which nothing but data of known types is made: no pickles, which are code.

A ``model.skops`` is a ZIP archive of arrays and a tree of typed nodes; see `skops.io`. It comes with a workspace, which
somebody else may have made.
"""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from typing import Any
from zipfile import ZIP_STORED, ZipFile

from mineral_pipeline.errors import WorkspaceError, one_line
from mineral_pipeline.modelling.baselines import BASELINES, FeaturePredictor
from mineral_pipeline.modelling.draft import Draft
from mineral_pipeline.modelling.model_files import MAX_FILE_BYTES, damage, member_sizes, read_file
from mineral_pipeline.modelling.spec import ModelSpec
from mineral_pipeline.workspace import Workspace, artefacts

TREE = "schema.json"
"""Member of the archive: the tree of nodes, some of which name other members."""

MAX_TREE_BYTES = 2**24
"""Size of the largest tree; a forest of 1,000 trees has some 3 MB."""


def save_baseline(draft: Draft, predictor: FeaturePredictor) -> None:
    """Write ``model.skops``.

    Raises:
        WorkspaceError: the predictor could not be loaded again.
    """
    import skops.io  # slow to import, with all of scikit-learn

    kind = draft.spec.kind
    types = BASELINES[kind].types
    try:
        content = _without_identities(skops.io.dumps(predictor))
        _load(content, types)
    except Exception as error:  # of whatever kind: the predictor is of the user's classes
        raise WorkspaceError(
            f"a fitted {kind} cannot be saved ({one_line(error)}): define its classes in a module that the workers can"
            " import, and name those that are not scikit-learn's, numpy's or Python's own in `types` of the baseline"
        ) from error
    draft.workspace.write_bytes(draft.file(artefacts.MODEL_BASELINE), content)


def load_baseline(workspace: Workspace, spec: ModelSpec) -> FeaturePredictor:
    """Read ``model.skops``; nothing of it is run.

    Raises:
        WorkspaceError: it is absent or damaged, or holds what no predictor of the baseline may hold.
    """
    content, types = (
        read_file(workspace, spec.sample_set, spec.name, artefacts.MODEL_BASELINE),
        BASELINES[spec.kind].types,
    )
    try:
        return _load(content, types)
    except Exception as error:  # of whatever kind: its bytes may be anything
        name = artefacts.model(spec.sample_set, spec.name, artefacts.MODEL_BASELINE)
        raise damage(workspace, name, f"{type(error).__name__}: {error}") from error


def _load(content: bytes, types: Sequence[type | str]) -> FeaturePredictor:
    import skops.io

    _check_bounds(content)
    trusted = [given if isinstance(given, str) else f"{given.__module__}.{given.__name__}" for given in types]
    if unknown := sorted({*skops.io.get_untrusted_types(data=content)} - {*trusted}):
        raise TypeError(f"it holds {', '.join(unknown)}, which its baseline does not name among its types")
    predictor: FeaturePredictor = skops.io.loads(content, trusted=trusted)
    if not callable(getattr(predictor, "predict", None)):
        raise TypeError(f"it holds a {type(predictor).__name__}, which does not predict")
    return predictor


def _check_bounds(content: bytes) -> None:
    """Refuse an archive from which more would be made than it has bytes.

    Raises:
        ValueError: members are compressed or read many times over, or the tree is large or one only at first sight.
    """
    sizes = member_sizes(content)
    if sizes[TREE] > MAX_TREE_BYTES:
        raise ValueError(f"{TREE} has more than {MAX_TREE_BYTES:,} bytes")
    with ZipFile(io.BytesIO(content)) as archive:
        tree = archive.read(TREE)
    total = 0

    def look(node: dict[str, Any]) -> dict[str, Any]:
        nonlocal total
        if "__loader__" in node:
            if "__id__" in node:
                raise ValueError("a node has an identity")
            if node["__loader__"] == "SparseMatrixNode":
                raise ValueError("a sparse matrix is compressed")
            total += sizes[node["file"]] if "file" in node else 0
        return node

    json.loads(tree, object_hook=look)
    if total > MAX_FILE_BYTES:
        raise ValueError(f"its arrays have more than {MAX_FILE_BYTES:,} bytes")


def _without_identities(content: bytes) -> bytes:
    """An archive without the identities of nodes, by which one can stand for another, as an alias does in YAML.

    skops writes them and needs none: a tree of some hundred bytes could have billions of branches.
    """

    def strip(node: dict[str, Any]) -> dict[str, Any]:
        return {key: value for key, value in node.items() if key != "__id__" or "__loader__" not in node}

    with ZipFile(io.BytesIO(content)) as source, ZipFile(made := io.BytesIO(), "w", ZIP_STORED) as target:
        for name in source.namelist():
            member = source.read(name)
            is_tree = name == TREE
            target.writestr(name, json.dumps(json.loads(member, object_hook=strip)) if is_tree else member)
    return made.getvalue()
