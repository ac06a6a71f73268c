"""Files of networks, of which nothing is run but layers of Keras and our own. Imports Keras: for workers.

A ``.keras`` file is a ZIP archive of a description of layers and their weights. It comes with a workspace or from a
user, and somebody else may have made it.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from mineral_pipeline.modelling.backend import keras
from mineral_pipeline.modelling.model_files import member_sizes
from mineral_pipeline.workspace import artefacts

LAYERS, WEIGHTS = "config.json", "model.weights.h5"
MEMBERS = {LAYERS, WEIGHTS, "metadata.json"}
"""What Keras writes for a network without files of its own, such as vocabularies."""

MAX_LAYERS_BYTES = 2**20
"""Size of the largest description of layers; those of the study have some thousand bytes."""


def parse_network(content: bytes) -> Any:
    """The Keras model of a file, not compiled.

    Raises:
        Exception: of whatever kind: the bytes may be anything.
    """
    check_bounds(content)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / artefacts.MODEL_NETWORK
        path.write_bytes(content)
        return keras.models.load_model(path, compile=False, safe_mode=True)


def check_bounds(content: bytes) -> None:
    """Refuse an archive that holds more than Keras writes for a network, or more than it has bytes.

    Raises:
        ValueError: it does.
    """
    sizes = member_sizes(content)
    if sizes.keys() != MEMBERS:
        raise ValueError(f"it holds {', '.join(sorted(sizes))}, not just {', '.join(sorted(MEMBERS))}")
    if sizes[LAYERS] > MAX_LAYERS_BYTES:
        raise ValueError(f"{LAYERS} has more than {MAX_LAYERS_BYTES:,} bytes")
