"""The structure is what docs/architecture.md says: layers, imports, sizes, signatures; and each thing in one place."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
LIBRARY = sorted((ROOT / "mineral_pipeline").rglob("*.py"))
SOURCES = [*LIBRARY, *sorted(path for top in ("jobs", "cluster", "benchmarks") for path in (ROOT / top).rglob("*.py"))]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")])

LAYER_0 = {"errors", "jit", "registry", "learning", "settings", "geometry", "sensors", "landsat", "workspace"}
LAYER_1 = {
    "archive", "imagery", "labelling", "curation", "modelling", "evaluation", "prospecting", "reporting", "simulation",
}  # fmt: skip
MAX_POSITIONAL = 5

ARTEFACT = re.compile(
    r"^(samples|models|evaluation|report|runs)/|\.zarr$"
    r"|^(chips|labels|deposits|barren|prospects|catalogue|leakage|history|predictions)\.(parquet|json|geojson|tif|qml)$"
)
"""Names of artefacts of a workspace, or beginnings of such."""

MODULES = {".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path for path in SOURCES}


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


def package_of(path: Path) -> str:
    """First part of a path below mineral_pipeline, without the suffix."""
    return path.relative_to(ROOT / "mineral_pipeline").parts[0].removesuffix(".py")


@cache
def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text())


def imports(path: Path, *, at_import_time: bool = False) -> set[str]:
    """Dotted names of all modules, and names from modules, that a file imports; within functions too unless told."""
    found: set[str] = set()
    nodes: Iterator[ast.AST] = ast.walk(tree_of(path)) if not at_import_time else iter(tree_of(path).body)
    for node in nodes:
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {f"{node.module}.{alias.name}" for alias in node.names} | {node.module}
    return found


def functions(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    return (node for node in ast.walk(tree_of(path)) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


def test_every_package_has_its_layer() -> None:
    assert {package_of(path) for path in LIBRARY} == LAYER_0 | LAYER_1 | {"__init__"}


@pytest.mark.parametrize("path", LIBRARY, ids=name_of)
def test_a_package_imports_only_from_the_layer_below_and_itself(path: Path) -> None:
    package = package_of(path)
    allowed = LAYER_0 if package in LAYER_0 else LAYER_0 | {package}
    if package == "__init__":  # names what programs need, and imports it when it is used
        allowed = LAYER_0 | LAYER_1
    for name in imports(path):
        top, _, rest = name.partition(".")
        assert top not in {"jobs", "cluster", "benchmarks"}, f"{package} imports {name}"
        if top == "mineral_pipeline" and rest:
            assert rest.split(".")[0] in allowed, f"{package} imports {name}"


def dependencies(path: Path) -> set[str]:
    """Our modules that a file imports, wherever; a package stands for its ``__init__``."""
    return {name for name in imports(path) if name in MODULES}


def test_no_two_files_import_each_other_in_a_circle() -> None:
    graph = {module: dependencies(path) - {module} for module, path in MODULES.items()}
    # A module may import the package that it lies in only for what that package defines before it imports the module.
    graph = {module: {name for name in found if not module.startswith(f"{name}.")} for module, found in graph.items()}
    done: set[str] = set()

    def visit(module: str, way: tuple[str, ...]) -> None:
        assert module not in way, " -> ".join((*way[way.index(module) :], module))
        if module not in done:
            for name in sorted(graph[module]):
                visit(name, (*way, module))
            done.add(module)

    for module in graph:
        visit(module, ())


@pytest.mark.parametrize("path", SOURCES, ids=name_of)
def test_modules_and_functions_stay_small(path: Path) -> None:
    limit = 150 if path.parent == ROOT / "jobs" else 400
    assert path.read_text().count("\n") < limit
    for node in functions(path):
        assert (node.end_lineno or 0) - node.lineno < 60, node.name


@pytest.mark.parametrize("path", SOURCES, ids=name_of)
def test_no_function_takes_more_than_five_positional_parameters(path: Path) -> None:
    for node in functions(path):
        names = [argument.arg for argument in (*node.args.posonlyargs, *node.args.args)]
        assert len([name for name in names if name not in ("self", "cls")]) <= MAX_POSITIONAL, node.name


@pytest.mark.parametrize("path", SOURCES, ids=name_of)
def test_names_of_artefacts_stand_in_one_file(path: Path) -> None:
    if path == ROOT / "mineral_pipeline" / "workspace" / "artefacts.py":
        return
    statements = (node.value for node in ast.walk(tree_of(path)) if isinstance(node, ast.Expr))
    docstrings = {id(value) for value in statements if isinstance(value, ast.Constant)}
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docstrings:
            assert not ARTEFACT.search(node.value), node.value


def test_constants_of_learning_stand_in_one_file() -> None:
    values = [["presence", "richness"], ["train", "validation", "test"]]
    for path in SOURCES:
        for node in ast.walk(tree_of(path)):
            if isinstance(node, ast.Tuple | ast.List) and path.name != "learning.py":
                found = [item.value for item in node.elts if isinstance(item, ast.Constant)]
                assert found not in values, f"{name_of(path)}:{node.lineno}: take it from mineral_pipeline.learning"


def test_tasks_are_submitted_and_retried_in_one_file() -> None:
    calls = re.compile(r"\.submit\(|client\.(compute|map|get|gather)\(|as_completed\(|\.retry\(|retries=")
    for path in sorted((ROOT / "jobs").rglob("*.py")):
        if path.name != "tasks.py":
            found = [line for line in path.read_text().splitlines() if calls.search(line)]
            assert found == [], name_of(path)


def test_every_job_offers_plan_and_main() -> None:
    from jobs.running.provenance import DEPENDENCIES
    from jobs.running.runner import load_job

    for job in DEPENDENCIES:
        assert callable(load_job(job).plan), job
        assert callable(load_job(job).main), job


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_between_pages_and_files_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#\s]+)", page.read_text()):
        assert target.startswith("https://") or (page.parent / target).exists(), target
