"""Registries: how a new sensor, deposit format, split, baseline or network is added by one new file.

A package that holds things of one kind has a `Registry` of them. Each of its modules registers what it defines, in one
line; the package imports all of its modules, so that a file is registered by being there. Code outside of the package
registers in the same way; a job hands such `extensions` to the workers, which have not run that code.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator, Mapping
from typing import Any, TypeVar

from mineral_pipeline.errors import SettingsError

Item = TypeVar("Item")

Extensions = Mapping[str, Mapping[str, Any]]
"""Items that were registered outside of their packages, by kind and name."""

_REGISTRIES: dict[str, Registry[Any]] = {}
"""The registries of packages, by the kind of their items."""


class Registry(Mapping[str, Item]):
    """Things of one kind by name, in the order in which they were registered."""

    def __init__(self, kind: str) -> None:
        """Start without items; ``kind`` names the items in errors."""
        self._kind = kind
        self._items: dict[str, Item] = {}
        self._packaged: frozenset[str] = frozenset()

    def import_modules(self, package: str) -> None:
        """Import every module of the package that holds the items, in alphabetical order."""
        path = importlib.import_module(package).__path__
        for module in sorted(found.name for found in pkgutil.iter_modules(path)):
            importlib.import_module(f"{package}.{module}")
        self._packaged = frozenset(self._items)
        _REGISTRIES[self._kind] = self

    def extensions(self) -> Mapping[str, Item]:
        """The items that were registered outside of the package, by name."""
        return {name: item for name, item in self._items.items() if name not in self._packaged}

    def extend(self, items: Mapping[str, Item]) -> None:
        """Add the extensions of another process, in place of those of the same names."""
        self._items.update(items)

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


def extensions() -> Extensions:
    """The extensions of all registries of this process."""
    found = {kind: registry.extensions() for kind, registry in _REGISTRIES.items()}
    return {kind: items for kind, items in found.items() if items}


def extend(extensions: Extensions) -> None:
    """Add the extensions of another process to the registries of this one.

    The package of each kind is imported by then, because the items are of a class that it defines.
    """
    for kind, items in extensions.items():
        _REGISTRIES[kind].extend(items)
