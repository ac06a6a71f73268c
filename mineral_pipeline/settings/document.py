"""YAML documents that people write, read in bounded time and memory.

A few hundred bytes of aliases can stand for billions of values, so that the size of a document is known from its nodes
before any value is made of them; and the nodes are counted while they are read, of which a second reads 30,000.
"""

from __future__ import annotations

import os
import stat
from typing import Any

import yaml

from mineral_pipeline.errors import SettingsError, one_line

MAX_BYTES = 2**18
"""Size of the largest document."""

MAX_DEPTH = 32
"""Largest number of levels of a document."""

MAX_VALUES = 20_000
"""Largest number of values of a document, every alias being as many as what it stands for."""

TEXT_PER_VALUE = 100
"""Characters of a text that count as one more value, since an alias can repeat them, too."""

MAX_INTEGER = 2**63 - 1

MAX_DIGITS = 100
"""Most characters of a number: the time to read one of base 60 grows with their square."""

MERGE_TAG = "tag:yaml.org,2002:merge"
NUMBER_TAGS = ("tag:yaml.org,2002:int", "tag:yaml.org,2002:float")
TIMESTAMP_TAG = "tag:yaml.org,2002:timestamp"


class _Loader(yaml.SafeLoader):
    """Leaves dates as they are written, which the schema reads, and names the line of what cannot be read."""

    yaml_implicit_resolvers = {  # noqa: RUF012  # as in the class above
        first: [(tag, pattern) for tag, pattern in resolvers if tag != TIMESTAMP_TAG]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }

    _nodes = 0
    _levels = 0

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        """The next node, with all that it holds."""
        self._nodes += 1
        self._levels += 1
        for what, number, limit in (("levels", self._levels, MAX_DEPTH), ("values", self._nodes, MAX_VALUES)):
            if number > limit:
                mark = self.peek_event().start_mark  # type: ignore[no-untyped-call]
                raise yaml.composer.ComposerError(None, None, f"more than {limit:,} {what}", mark)
        node = super().compose_node(parent, index)
        self._levels -= 1
        return node

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:
        """The value of a node."""
        if node.tag in NUMBER_TAGS and len(node.value) > MAX_DIGITS:
            reason = f"a number of more than {MAX_DIGITS} characters"
            raise yaml.constructor.ConstructorError(None, None, reason, node.start_mark)
        try:
            value = super().construct_object(node, deep)
        except (ValueError, OverflowError, TypeError, AttributeError, LookupError) as error:
            raise yaml.constructor.ConstructorError(None, None, one_line(error), node.start_mark) from error
        if isinstance(value, int) and abs(value) > MAX_INTEGER:  # one in hexadecimal digits cannot even be printed
            raise yaml.constructor.ConstructorError(None, None, "a number beyond 2^63", node.start_mark)
        return value


def read(path: str) -> Any:
    """The value of the YAML document in a file.

    Raises:
        SettingsError: there is no such regular file, it is too large, or no YAML in UTF-8.
        OSError: it cannot be read.
    """
    try:
        is_regular = stat.S_ISREG(os.stat(path).st_mode)  # opening a pipe could take for ever
    except ValueError as error:
        raise SettingsError(f"{path!r}: is no path: {error}: give that of a YAML file") from error
    if not is_regular:
        raise SettingsError(f"{path}: is not a regular file: give the path of a YAML file")
    with open(path, "rb") as file:
        content = file.read(MAX_BYTES + 1)
    try:
        return parse(content.decode("utf-8-sig"), path)
    except UnicodeDecodeError as error:
        raise SettingsError(f"{path}: not YAML: byte {error.start} is not UTF-8: save it in UTF-8") from error


def parse(text: str, source: str) -> Any:
    """The value of a YAML document; errors name ``source``.

    Raises:
        SettingsError: it is too large, or no YAML: also a key that is given twice, or an alias that holds itself.
    """
    if len(text) > MAX_BYTES:
        raise SettingsError(f"{source}: has more than {MAX_BYTES // 1024} KiB: is it a settings file?")
    try:
        loader = _Loader(text)
        try:
            node = loader.get_single_node()
            if node is None:
                return None
            if _count_values(node, {}, MAX_DEPTH) > MAX_VALUES:
                raise SettingsError(f"{source}: its aliases stand for more than {MAX_VALUES:,} values: write fewer")
            return loader.construct_document(node)
        finally:
            loader.dispose()
    except yaml.YAMLError as error:
        raise SettingsError(f"{source}: not YAML: {one_line(error)}") from error


def _count_values(node: yaml.Node, counts: dict[int, int], levels: int) -> int:
    """Number of values of a node, its aliases written out; a long text is several.

    Args:
        node: node.
        counts: numbers of the nodes that are counted, 0 of those that are being counted; more are added.
        levels: number of levels that the node may have.

    Raises:
        yaml.YAMLError: it has more levels, holds itself, or gives a key twice.
    """
    if id(node) not in counts:
        if levels == 0:
            raise yaml.composer.ComposerError(None, None, f"more than {MAX_DEPTH} levels", node.start_mark)
        counts[id(node)] = 0
        children: list[yaml.Node] = []
        if isinstance(node, yaml.MappingNode):
            _refuse_repeated_keys(node)
            children = [child for pair in node.value for child in pair]
        elif isinstance(node, yaml.SequenceNode):
            children = node.value
        text = len(node.value) if isinstance(node, yaml.ScalarNode) else 0
        counts[id(node)] = (
            1 + text // TEXT_PER_VALUE + sum(_count_values(child, counts, levels - 1) for child in children)
        )
    elif counts[id(node)] == 0:
        raise yaml.composer.ComposerError(None, None, "an alias stands for what holds it", node.start_mark)
    return counts[id(node)]


def _refuse_repeated_keys(node: yaml.MappingNode) -> None:
    seen = set()
    for key, _ in node.value:
        if isinstance(key, yaml.ScalarNode) and key.tag != MERGE_TAG:
            if (key.tag, key.value) in seen:
                raise yaml.composer.ComposerError(None, None, f"the key {key.value} is given twice", key.start_mark)
            seen.add((key.tag, key.value))
