"""The mutants of a package: a seeded sample of what cosmic-ray can change, without what changes nothing."""

from __future__ import annotations

import ast
import random
from dataclasses import dataclass
from pathlib import Path

from cosmic_ray.ast import ast_nodes, get_ast
from cosmic_ray.mutating import mutate_code
from cosmic_ray.plugins import get_operator, operator_names


@dataclass(frozen=True)
class Mutant:
    """One change of one file."""

    path: str
    """File, relative to the repository."""
    operator: str
    """Name of cosmic-ray's operator."""
    occurrence: int
    """Which of the places where the operator applies."""
    line: int
    """Line that is changed, from 1."""
    code: str
    """The file's text with the change."""

    @property
    def key(self) -> str:
        """Name of the mutant while its file stays as it is."""
        return f"{self.path} {self.operator} {self.occurrence}"


def sample_mutants(root: Path, package: str, count: int, seed: int) -> list[Mutant]:
    """Draw mutants of a package, at most one of a place and kind of change, in random order.

    Args:
        root: the repository.
        package: name of a package of ``mineral_pipeline``.
        count: mutants, at most.
        seed: of the sample.
    """
    drawn = random.Random(f"{seed} {package}")
    folder = root / "mineral_pipeline" / package
    places = [place for path in sorted(folder.rglob("*.py")) for place in _places(path).items()]
    drawn.shuffle(places)
    mutants: list[Mutant] = []
    for (path, _, line, _), choices in places:
        if len(mutants) == count:
            break
        operator, occurrence = drawn.choice(choices)
        code = mutate_code(path.read_text(), get_operator(operator)(), occurrence)
        if code and _is_another(code, path.read_text()):
            mutants.append(Mutant(str(path.relative_to(root)), operator, occurrence, line, code))
    return mutants


def function_of(source: str, line: int) -> int | None:
    """First line of the innermost function that holds a line, as its code object has it; None outside of functions."""
    found = None
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef):
            first = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
            if first <= line <= (node.end_lineno or 0):
                found = first  # the walk is from the outside in
    return found


Place = tuple[Path, str, int, int]


def _places(path: Path) -> dict[Place, list[tuple[str, int]]]:
    """The operators that apply at every place of a file, with the number of the place among those of the operator."""
    tree, places = get_ast(path.read_text()), {}
    for name in operator_names():
        operator_class = get_operator(name)
        if operator_class.arguments():  # they need a variable's name
            continue
        operator = operator_class()
        positions = [start for node in ast_nodes(tree) for start, _ in operator.mutation_positions(node)]
        for occurrence, (line, column) in enumerate(positions):
            places.setdefault((path, name.split("_")[0], line, column), []).append((name, occurrence))
    return places


def _is_another(code: str, source: str) -> bool:
    """Whether code is Python and means something else."""
    try:
        return _meaning(code) != _meaning(source)
    except SyntaxError:  # the operator ** in place of a dictionary's
        return False


def _meaning(code: str) -> str:
    """The code without annotations, which nothing evaluates, and without compilation, which the tests disable."""
    tree = ast.parse(code)
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            node.returns = None
            node.decorator_list = [one for one in node.decorator_list if "njit" not in ast.unparse(one)]
        elif isinstance(node, ast.arg):
            node.annotation = None
        elif isinstance(node, ast.AnnAssign):
            node.annotation = ast.Constant(None)
    return ast.unparse(tree)
