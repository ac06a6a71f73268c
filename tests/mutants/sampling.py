"""The mutants of a package: a seeded sample of what cosmic-ray can change, without what changes nothing."""

from __future__ import annotations

import ast
import random
from collections import Counter
from dataclasses import dataclass, field
from operator import itemgetter
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

    The seed and the text of its line decide on a place, so that a change of the code draws no other places elsewhere.

    Args:
        root: the repository.
        package: name of a package of ``mineral_pipeline``.
        count: mutants, at most.
        seed: of the sample.
    """
    folder = root / "mineral_pipeline" / package
    drawn = []
    for path in sorted(folder.rglob("*.py")):
        for name, place in _places(path).items():
            chance = random.Random(f"{seed} {path.relative_to(root)} {name}")
            drawn.append((chance.random(), chance, path, place))
    mutants: list[Mutant] = []
    for _, chance, path, place in sorted(drawn, key=itemgetter(0)):
        if len(mutants) == count:
            break
        operator, occurrence = chance.choice(place.choices)
        code = mutate_code(path.read_text(), get_operator(operator)(), occurrence)
        if code and _is_another(code, path.read_text()):
            mutants.append(Mutant(str(path.relative_to(root)), operator, occurrence, place.line, code))
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


@dataclass
class _Place:
    """A place of a file where code can be changed in one manner."""

    line: int
    """Line, from 1."""
    choices: list[tuple[str, int]] = field(default_factory=list)
    """Operators of cosmic-ray, with the number of the place among those where they apply."""


def _places(path: Path) -> dict[str, _Place]:
    """The places of a file by a name that is theirs as long as their line stays."""
    source = path.read_text()
    tree, lines, found = get_ast(source), source.splitlines(), dict[tuple[str, int, int], _Place]()
    for name in operator_names():
        operator_class = get_operator(name)
        if operator_class.arguments():  # they need a variable's name
            continue
        operator = operator_class()
        positions = [start for node in ast_nodes(tree) for start, _ in operator.mutation_positions(node)]
        for occurrence, (line, column) in enumerate(positions):
            place = found.setdefault((name.split("_")[0], line, column), _Place(line))
            place.choices.append((name, occurrence))
    named, counts = dict[str, _Place](), Counter[str]()
    for (kind, line, _), place in sorted(found.items(), key=itemgetter(0)):
        text = f"{kind} {lines[line - 1].strip()}"
        named[f"{text} {counts[text]}"] = place
        counts[text] += 1
    return named


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
