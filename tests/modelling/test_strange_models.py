"""Files of models by a stranger, digests and all: nothing of them is run, and each is refused in one line."""

from __future__ import annotations

import io
import json
import os
import pickle
import random
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from zipfile import ZIP_DEFLATED, ZIP_STORED, ZipFile

import numpy as np
import pandas as pd
import pytest
from synthetic_samples import pretend_trained, settings

from mineral_pipeline import modelling
from mineral_pipeline.errors import WorkspaceError
from mineral_pipeline.modelling.baselines import BASELINES, register
from mineral_pipeline.modelling.baselines.constant import ConstantPredictor
from mineral_pipeline.modelling.dataset import Samples
from mineral_pipeline.modelling.draft import begin
from mineral_pipeline.modelling.prediction import predict_samples
from mineral_pipeline.modelling.predictor_file import load_baseline, save_baseline
from mineral_pipeline.modelling.spec import ModelSpec
from mineral_pipeline.workspace import Workspace, artefacts

# Keras 3.15 makes arrays of TensorFlow variables in a way that numpy 2 announces to retire.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

Archive = dict[str, bytes]


def packed(members: Archive, compression: int = ZIP_STORED) -> bytes:
    with ZipFile(made := io.BytesIO(), "w", compression) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return made.getvalue()


def unpacked(content: bytes) -> Archive:
    with ZipFile(io.BytesIO(content)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


@pytest.fixture
def marker(tmp_path: Path) -> Iterator[str]:
    """Path of a file that hostile code would make."""
    path = tmp_path / "ran"
    yield str(path)
    assert not path.exists(), "code of a model file ran"


@pytest.fixture
def constant(workspace: Workspace) -> ModelSpec:
    """A baseline that is fitted."""
    workspace.write_json(artefacts.samples_summary("presence"), {"digest": "presence"})
    specs = modelling.baseline_specs(settings(workspace), workspace, "presence")
    spec = next(spec for spec in specs if spec.name == "constant")
    put(workspace, spec, artefacts.MODEL_BASELINE, saved(workspace, spec, ConstantPredictor(0.25)))
    return spec


def saved(workspace: Workspace, spec: ModelSpec, predictor: Any) -> bytes:
    draft = begin(workspace, spec)
    save_baseline(draft, predictor)
    return workspace.read_bytes(draft.file(artefacts.MODEL_BASELINE))


def put(workspace: Workspace, spec: ModelSpec, file: str, content: bytes) -> None:
    """Make a file a model's, with the right digests."""
    workspace.write_bytes(artefacts.model(spec.task, spec.name, file), content)
    pretend_trained(workspace, spec)


def is_refused(workspace: Workspace, spec: ModelSpec, file: str, content: bytes) -> str:
    put(workspace, spec, file, content)
    load = load_baseline if file == artefacts.MODEL_BASELINE else load_network
    with pytest.raises(WorkspaceError) as refused:
        load(workspace, spec)
    message = str(refused.value)
    assert message.startswith(f"{workspace.uri(artefacts.model(spec.task, spec.name, file))} is damaged (")
    assert message.endswith("): run `mineral-pipeline repair SETTINGS`")
    assert message.isprintable()
    return message


def load_network(workspace: Workspace, spec: ModelSpec) -> Any:
    from mineral_pipeline.modelling import network_file

    return network_file.load_network(workspace, spec.task, spec.name)


def node(module: str, name: str, loader: str, **more: object) -> dict[str, Any]:
    return {"__module__": module, "__class__": name, "__loader__": loader, **more}


def json_node(value: object) -> dict[str, Any]:
    return node("builtins", "str", "JsonNode", content=json.dumps(value), is_json=True)


def list_node(*values: dict[str, Any], name: str = "list") -> dict[str, Any]:
    return node("builtins", name, f"{name.title()}Node", content=list(values))


def tree(root: dict[str, Any], protocol: int = 2) -> Archive:
    return {"schema.json": json.dumps({**root, "protocol": protocol, "_skops_version": "0.16"}).encode()}


def hostile_trees(marker: str) -> dict[str, dict[str, Any]]:
    touch = json_node(f"touch {marker}")
    arguments = list_node(touch, name="tuple")
    constant = ConstantPredictor.__module__
    return {
        "a constructor": node("os", "system", "ConstructorFromReduceNode", content=arguments),
        "a constructor of posix": node("posix", "system", "ConstructorFromReduceNode", content=arguments),
        "a reduction": node("os", "system", "LossNode", __reduce__={"args": arguments}, content=json_node({})),
        "a tree": node("os", "system", "TreeNode", __reduce__={"args": arguments}, content=json_node({})),
        "a partial": node(
            "functools", "partial", "PartialNode",
            content={
                "func": node("os", "system", "FunctionNode"), "args": arguments,
                "kwds": json_node({}), "namespace": json_node(None),
            },
        ),
        "a method": node(
            "builtins", "list", "MethodNode", content={"func": "append", "obj": list_node(touch)}
        ),
        "an operator": node("operator", "methodcaller", "OperatorFuncNode", attrs=list_node(json_node("system"))),
        "an import": node("antigravity", "Any", "ObjectNode"),
        "a function": node("os", "system", "FunctionNode"),
        "an attribute": node(
            constant, "ConstantPredictor", "ObjectNode",
            content=node(
                "builtins", "dict", "DictNode",
                key_types=list_node(node("builtins", "str", "TypeNode")),
                content={"value": node("os", "system", "ConstructorFromReduceNode", content=arguments)},
            ),
        ),
        "a key": node(
            "builtins", "dict", "DictNode",
            key_types=list_node(node("os", "system", "TypeNode")), content={f"touch {marker}": json_node(1)},
        ),
        "a generator": node(
            "numpy.random", "Generator", "RandomGeneratorNode",
            content={"bit_generator": node("builtins", "dict", "DictNode", key_types=list_node(), content={
                "bit_generator": json_node("seed")}), "seed_seq": json_node({})},
        ),
        "a module of the baseline": node(constant, "register", "ConstructorFromReduceNode", content=arguments),
    }  # fmt: skip


def test_nothing_of_a_strange_predictor_is_run(workspace: Workspace, constant: ModelSpec, marker: str) -> None:
    for what, root in hostile_trees(marker).items():
        for protocol in (0, 1, 2):
            message = is_refused(workspace, constant, artefacts.MODEL_BASELINE, packed(tree(root, protocol)))
            if what == "a constructor":
                assert "it holds os.system, which its baseline does not name among its types" in message


class Hostile:
    """A pickle that runs a command when it is loaded."""

    def __init__(self, marker: str) -> None:
        self.marker = marker

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[str]]:
        return os.system, (f"touch {self.marker}",)


def bombs() -> dict[str, bytes]:
    zeros = io.BytesIO()
    np.save(zeros, np.zeros(2**20))
    doubling = json_node(0)
    for number in range(1, 41):
        doubling = list_node({**doubling, "__id__": number}, {"__id__": number})
    array = node("numpy", "ndarray", "NdArrayNode", type="numpy", file="0.npy")
    large = node("numpy", "ndarray", "NdArrayNode", type="numpy", file="1.npy")
    header = b"{'descr': '<f8', 'fortran_order': False, 'shape': (1000000000000,), }".ljust(118)
    return {
        "compressed": packed({**tree(array), "0.npy": zeros.getvalue()}, ZIP_DEFLATED),
        "one array many times": packed({**tree(list_node(*[array] * 300)), "0.npy": zeros.getvalue()}),
        "branches that are the same": packed(tree(doubling)),
        "deep": packed({"schema.json": b'{"content": [' * 50_000}),
        "an array of terabytes": packed({**tree(large), "1.npy": b"\x93NUMPY\x01\x00v\x00" + header}),
        "a sparse matrix": packed(
            {**tree(node("scipy.sparse", "csr_matrix", "SparseMatrixNode", type="scipy", file="0.npz")), "0.npz": b""}
        ),
    }  # fmt: skip


def test_a_predictor_takes_no_more_than_its_file(workspace: Workspace, constant: ModelSpec) -> None:
    for content in bombs().values():
        is_refused(workspace, constant, artefacts.MODEL_BASELINE, content)


def test_a_predictor_of_other_bytes_is_refused(workspace: Workspace, constant: ModelSpec, marker: str) -> None:
    content = workspace.read_bytes(artefacts.model("presence", "constant", artefacts.MODEL_BASELINE))
    made = {
        "empty": b"\n",
        "a pickle": pickle.dumps(Hostile(marker)),
        "truncated": content[:-30],
        "NULs": bytes(1000),
        "no tree": packed({"other": b"1"}),
        "a string": packed(tree(json_node("text"))),
        "another loader": packed(tree(node("builtins", "list", "NoNode", content=[]))),
        "later": packed(tree(list_node(), protocol=99)),
        "control characters": packed(tree(node("os\n\x1b[31m" * 999, "system", "ObjectNode"))),
    }
    for bytes_ in made.values():
        is_refused(workspace, constant, artefacts.MODEL_BASELINE, bytes_)


def test_flipped_bits_of_a_predictor_are_a_predictor_or_refused(workspace: Workspace, constant: ModelSpec) -> None:
    rng = random.Random(0)
    whole = workspace.read_bytes(artefacts.model("presence", "constant", artefacts.MODEL_BASELINE))
    outcomes = set()
    for _ in range(60):
        place = rng.randrange(len(whole))
        flipped = whole[:place] + bytes([whole[place] ^ 1 << rng.randrange(8)]) + whole[place + 1 :]
        put(workspace, constant, artefacts.MODEL_BASELINE, flipped)
        try:
            load_baseline(workspace, constant)
            outcomes.add("loaded")
        except WorkspaceError:
            outcomes.add("refused")
    assert outcomes == {"loaded", "refused"}


def test_a_predictor_that_cannot_predict_is_named(workspace: Workspace, constant: ModelSpec) -> None:
    samples = Samples(None, np.arange(3), pd.DataFrame)  # type: ignore[arg-type]  # it has no pixels
    predict_samples(workspace, constant, samples)
    empty = node(ConstantPredictor.__module__, "ConstantPredictor", "ObjectNode", content=json_node(None))
    put(workspace, constant, artefacts.MODEL_BASELINE, packed(tree(empty)))
    with pytest.raises(WorkspaceError, match=r"presence/constant: the model cannot predict \(.*value.*\): ") as refused:
        predict_samples(workspace, constant, samples)
    assert str(refused.value).isprintable()


def estimators() -> dict[str, tuple[Callable[[], Any], list[str]]]:
    from sklearn import ensemble, linear_model, pipeline, preprocessing

    boosted = ["sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor"]
    trees = ["sklearn.tree._tree.Tree"]
    return {
        "a pipeline": (
            lambda: pipeline.make_pipeline(preprocessing.StandardScaler(), linear_model.LogisticRegression()), []
        ),
        "gradient boosting": (lambda: ensemble.HistGradientBoostingRegressor(max_iter=3), boosted),
        "classes by gradient boosting": (lambda: ensemble.HistGradientBoostingClassifier(max_iter=3), boosted),
        "a forest": (lambda: ensemble.RandomForestRegressor(3), trees),
        "a forest in a pipeline": (
            lambda: pipeline.make_pipeline(preprocessing.StandardScaler(), ensemble.RandomForestRegressor(3)), trees
        ),
    }  # fmt: skip


@pytest.mark.parametrize("named", [True, False])
def test_an_estimator_of_scikit_learn_is_loaded_as_it_was(
    workspace: Workspace, constant: ModelSpec, named: bool
) -> None:
    rng = np.random.default_rng(0)
    features = pd.DataFrame(rng.normal(size=(60, 2)), columns=["lon", "lat"])
    spec = replace(constant, kind="strange", name="strange")
    for make, types in estimators().values():
        fitted = make().fit(features, features["lon"] > 0)
        register(replace(BASELINES["constant"], name="strange", types=types if named else []))
        try:
            if named or not types:
                put(workspace, spec, artefacts.MODEL_BASELINE, saved(workspace, spec, fitted))
                found = load_baseline(workspace, spec)
                np.testing.assert_array_equal(found.predict(features), fitted.predict(features))
            else:
                with pytest.raises(WorkspaceError, match=rf"it holds {types[0]}, .* in `types` of the baseline$"):
                    saved(workspace, spec, fitted)
        finally:
            BASELINES.unregister("strange")


@pytest.fixture
def network(workspace: Workspace) -> tuple[ModelSpec, Archive]:
    """A small network, and the members of its file."""
    from mineral_pipeline.modelling.backend import keras

    workspace.write_json(artefacts.samples_summary("presence"), {"digest": "presence"})
    spec = modelling.grid_specs(settings(workspace), workspace, "presence")[0]
    inputs = keras.Input((1, 4, 4), dtype="uint8")
    x = keras.layers.Rescaling(1 / 255)(inputs)
    model = keras.Model(inputs, keras.layers.Dense(1, "sigmoid")(keras.layers.Flatten()(x)))
    with workspace.upload_from_local("made/model.keras") as path:
        model.save(path)
    content = workspace.read_bytes("made/model.keras")
    put(workspace, spec, artefacts.MODEL_NETWORK, content)
    assert load_network(workspace, spec)(np.zeros((2, 1, 4, 4), "uint8")).shape == (2,)
    return spec, unpacked(content)


def with_layer(members: Archive, layer: dict[str, Any]) -> Archive:
    """The archive with another layer in place of the second."""
    config = json.loads(members["config.json"])
    config["config"]["layers"][1] |= layer
    return {**members, "config.json": json.dumps(config).encode()}


def with_weights(members: Archive, path: Path, change: Callable[[Any], None]) -> Archive:
    import h5py

    path.write_bytes(members["model.weights.h5"])
    with h5py.File(path, "r+") as weights:
        change(weights)
    return {**members, "model.weights.h5": path.read_bytes()}


def hostile_layers(marker: str) -> dict[str, dict[str, Any]]:
    lambda_ = {"class_name": "__lambda__", "config": {"code": "4wAAAAA=", "defaults": None, "closure": None}}
    system = {"module": "os", "class_name": "system", "registered_name": None, "config": {"command": f"touch {marker}"}}
    return {
        "Lambda": {"module": "keras.layers", "class_name": "Lambda", "config": {"name": "x", "function": lambda_}},
        "Lambda by name": {
            "module": "keras.layers", "class_name": "Lambda",
            "config": {"name": "x", "function": {"class_name": "function", "config": "system", "module": "os",
                                                 "registered_name": "system"}},
        },
        "os": system,
        "posix": system | {"module": "posix"},
        "a registered name": system | {"registered_name": "os>system"},
        "builtins": {"module": "builtins", "class_name": "eval", "registered_name": "eval", "config": {}},
        "a module of ours": {"module": "jobs.running.worker", "class_name": "Place", "config": {}},
        "a module of Keras": {"module": "keras.src.utils.file_utils", "class_name": "get_file", "config": {}},
        "a download": {
            "module": "keras.utils", "class_name": "get_file", "config": {"origin": f"file://{marker}"},
        },
        "a graph": {"module": "keras.layers", "class_name": "TFSMLayer", "config": {"filepath": marker}},
        "a vocabulary": {
            "module": "keras.layers", "class_name": "StringLookup",
            "config": {"name": "x", "vocabulary": "/etc/passwd"},
        },
        "an activation": {
            "module": "keras.layers", "class_name": "Activation",
            "config": {"name": "x", "activation": {"module": "os", "class_name": "function", "config": "system",
                                                   "registered_name": "system"}},
        },
    }  # fmt: skip


def test_nothing_of_a_strange_network_is_run(
    workspace: Workspace, network: tuple[ModelSpec, Archive], marker: str
) -> None:
    spec, members = network
    for layer in hostile_layers(marker).values():
        is_refused(workspace, spec, artefacts.MODEL_NETWORK, packed(with_layer(members, layer)))


def external_link(weights: Any) -> None:
    import h5py

    (name,) = [name for name in weights["layers"] if name.startswith("dense")]
    del weights[f"layers/{name}"]
    weights[f"layers/{name}"] = h5py.ExternalLink("/etc/passwd", "/")


def external_data(weights: Any) -> None:
    (name,) = [name for name in weights["layers"] if name.startswith("dense")]
    del weights[f"layers/{name}/vars/0"]
    weights.create_dataset(f"layers/{name}/vars/0", (16, 1), "u1", external=[("/etc/passwd", 0, 16)])


def terabytes(weights: Any) -> None:
    (name,) = [name for name in weights["layers"] if name.startswith("dense")]
    del weights[f"layers/{name}/vars/0"]
    weights.create_dataset(f"layers/{name}/vars/0", (10**12,), "f4", chunks=(10**6,))


@pytest.mark.parametrize("change", [external_link, external_data, terabytes])
def test_weights_are_those_of_the_file(
    workspace: Workspace, network: tuple[ModelSpec, Archive], tmp_path: Path, change: Callable[[Any], None]
) -> None:
    spec, members = network
    made = with_weights(members, tmp_path / "weights.h5", change)
    is_refused(workspace, spec, artefacts.MODEL_NETWORK, packed(made))


def test_a_network_of_other_bytes_is_refused(
    workspace: Workspace, network: tuple[ModelSpec, Archive], marker: str
) -> None:
    spec, members = network
    whole = packed(members)
    made = {
        "empty": b"\n",
        "NULs": bytes(1000),
        "truncated": whole[:-100],
        "a pickle": pickle.dumps(Hostile(marker)),
        "compressed": packed(members, ZIP_DEFLATED),
        "deep": packed({**members, "config.json": b'{"config":' * 50_000}),
        "large": packed({**members, "config.json": b" " * 2**21}),
        "no object": packed({**members, "config.json": b"[]"}),
        "no weights": packed({name: members[name] for name in ("config.json", "metadata.json")}),
        "other weights": packed({**members, "model.weights.h5": b"weights"}),
        "assets": packed({**members, "assets/../../x": b"x"}),
        "weights of numpy": packed({**members, "model.weights.npz": pickle.dumps(Hostile(marker))}),
    }
    for content in made.values():
        is_refused(workspace, spec, artefacts.MODEL_NETWORK, content)
