"""Registries: how a new sensor, deposit format, split, baseline or network is added by one new file.

A package that holds things of one kind has a `Registry` of them. Each of its modules registers what it defines, in one
line; the package imports all of its modules, so that a file is registered by being there. Code outside of the package
registers in the same way.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator, Mapping
from typing import Any, TypeVar

from mineral_pipeline.errors import SettingsError

Item = TypeVar("Item")


class Registry(Mapping[str, Item]):
    """Things of one kind by name, in the order in which they were registered."""

    def __init__(self, kind: str) -> None:
        """Start without items; ``kind`` names the items in errors."""
        self._kind = kind
        self._items: dict[str, Item] = {}

    def register(self, name: str, item: Item) -> Item:
        """Add an item, and return it.

        Raises:
            ValueError: another item has the name.
        """
        if self._items.setdefault(name, item) is not item:
            raise ValueError(f"{self._kind} {name!r} is registered already: choose another name")
        return item

    def unregister(self, name: str) -> None:
        """Remove an item, such as one that a test added."""
        del self._items[name]

    def __getitem__(self, name: str) -> Item:
        """The item of a name.

        Raises:
            SettingsError: there is none.
        """
        try:
            return self._items[name]
        except KeyError:
            raise SettingsError(f"unknown {self._kind} {name!r}: choose among {', '.join(self._items)}") from None

    def get(self, name: str, default: Any = None) -> Any:
        """The item of a name, or ``default`` when there is none."""
        return self._items.get(name, default)

    def __contains__(self, name: object) -> bool:
        return name in self._items

    def __iter__(self) -> Iterator[str]:
        return iter(self._items)

    def __len__(self) -> int:
        return len(self._items)


def import_modules(package: str) -> None:
    """Import every module of a package, in alphabetical order."""
    path = importlib.import_module(package).__path__
    for module in sorted(found.name for found in pkgutil.iter_modules(path)):
        importlib.import_module(f"{package}.{module}")
