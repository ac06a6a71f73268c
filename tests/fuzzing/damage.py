"""Ways in which a file of a workspace can be damaged, and the kinds of artefacts that files belong to."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from random import Random
from typing import Any

import yaml

from mineral_pipeline.workspace.documents import DIGEST

HOSTILE = [
    b"\0" * 16, b"\xff\xfe", b"9" * 5000, b"1e999", b"NaN", b"[" * 20_000, b'{"a":' * 20_000, b"&a [*a, *a]", b"\n",
    b"!!python/object/apply:os.system [true]", b"\x1b[31m", b"\xe2\x80\xae", b'"', b"../../../etc/passwd",
]  # fmt: skip
"""Bytes that readers stumble over."""

VALUES: list[Any] = [None, [], {}, "", "\0\n\x1b[31m", -1, 10**18, 1e308, True, [[[]]], "9" * 2000]
"""Values in place of others in a document."""

KINDS = (
    (r"^(runs|lock)/.*", r"\1/*.json"),
    (r"part-\d+", "part-*"),
    (r"/fold-\d+/", "/"),
    (r"^(samples|models|evaluation)/(presence|richness)/", r"\1/"),
    (r"^models/[^/]+/", "models/"),
    (r"(train|validation|test)\.zarr", "*.zarr"),
    (r"\.zarr/image/c/.*", ".zarr/image/c/*"),
    (r"\.zarr/(?!image/|c/)\w+/(?=c|zarr)", ".zarr/COORDINATE/"),
    (r"^report/.*\.png", "report/*.png"),
)
"""What paths of one kind of artefact have in common, by patterns."""

Damage = Callable[[Path, Random, Sequence[Path]], None]
"""Damages a file. The siblings are files of the same kind elsewhere in the workspace."""


def kind_of(name: str) -> str:
    """The kind of artefact that a file is, or is a part of, from its name in the workspace."""
    for pattern, common in KINDS:
        name = re.sub(pattern, common, name)
    return name


@contextmanager
def damaged(path: Path, damage: Damage, random: Random, siblings: Sequence[Path]) -> Iterator[None]:
    """A block in which a file is damaged; at its end all is as it was."""
    content, before = path.read_bytes(), set(path.parent.iterdir())
    try:
        damage(path, random, siblings)
        yield
    finally:
        for new in {path, *path.parent.iterdir()} - (before - {path}):
            if new.is_dir() and not new.is_symlink():
                shutil.rmtree(new)
            else:
                new.unlink(missing_ok=True)
        path.write_bytes(content)


def flip(path: Path, random: Random, siblings: Sequence[Path]) -> None:
    """One bit is another."""
    content = bytearray(path.read_bytes())
    content[random.randrange(len(content))] ^= 1 << random.randrange(8)
    path.write_bytes(content)


def cut(path: Path, random: Random, siblings: Sequence[Path]) -> None:
    """The end is missing."""
    content = path.read_bytes()
    path.write_bytes(content[: random.randrange(len(content))])


def empty(path: Path, random: Random, siblings: Sequence[Path]) -> None:
    """Nothing is left."""
    path.write_bytes(b"")


def delete(path: Path, random: Random, siblings: Sequence[Path]) -> None:
    """It is gone."""
    path.unlink()


def exchange(path: Path, random: Random, siblings: Sequence[Path]) -> None:
    """It holds what another file of its kind does, or nothing but blanks where there is no other."""
    content = path.read_bytes()
    others = [other.read_bytes() for other in siblings if other != path]
    path.write_bytes(random.choice([other for other in others if other != content] or [b" " * len(content)]))


def zero(path: Path, random: Random, siblings: Sequence[Path]) -> None:
    """Some of it is zeros."""
    content = path.read_bytes()
    start = random.randrange(len(content))
    length = random.randint(1, len(content) - start)
    path.write_bytes(content[:start] + bytes(length) + content[start + length :])


def insert(path: Path, random: Random, siblings: Sequence[Path]) -> None:
    """Hostile bytes stand in it."""
    content = path.read_bytes()
    start = random.randrange(len(content))
    path.write_bytes(content[:start] + random.choice(HOSTILE) + content[start:])


def replace(path: Path, random: Random, siblings: Sequence[Path]) -> None:
    """Hostile bytes stand in its place."""
    path.write_bytes(random.choice(HOSTILE))


def mistake(path: Path, random: Random, siblings: Sequence[Path]) -> None:
    """A value of the document is another, or gone; in what is no document, a byte is another."""
    try:
        document = (yaml.safe_load if path.suffix == ".yaml" else json.loads)(path.read_bytes())
    except ValueError:
        content = bytearray(path.read_bytes())
        content[random.randrange(len(content))] = random.randrange(256)
        path.write_bytes(content)
        return
    places = list(_places(document))
    holder, key = random.choice(places)
    if isinstance(holder, dict) and random.random() < 0.3:
        del holder[key]
    else:
        holder[key] = random.choice(VALUES)
    if random.random() < 0.5:
        document.pop(DIGEST, None)  # as if a person had written it
    path.write_text(json.dumps(document))


def _places(document: Any) -> Iterator[tuple[Any, Any]]:
    """Everything that holds values, with the key of each."""
    items = document.items() if isinstance(document, dict) else enumerate(document)
    for key, value in items:
        yield document, key
        if isinstance(value, dict | list):
            yield from _places(value)


def fold(path: Path, random: Random, siblings: Sequence[Path]) -> None:
    """A folder has its name."""
    path.unlink()
    path.mkdir()


def circle(path: Path, random: Random, siblings: Sequence[Path]) -> None:
    """A link to itself has its name."""
    path.unlink()
    path.symlink_to(path)


def intrude(path: Path, random: Random, siblings: Sequence[Path]) -> None:
    """Something else lies beside it."""
    copy = f"copy of {path.name}"
    name = random.choice([copy, f"{path.name}~", "Thumbs.db", ".DS_Store", f"zz{path.suffix}", f"00{path.suffix}"])
    path.with_name(name).write_bytes(random.choice([b"", b"\0\xff", b"{}", path.read_bytes()]))


DAMAGES: tuple[Damage, ...] = (
    flip, cut, exchange, delete, zero, mistake, insert, replace, empty, flip, fold, intrude, mistake, circle,
)  # fmt: skip
"""Every way; those that are harder to see come more often."""
