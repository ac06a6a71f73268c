"""Inputs that are almost right: what is accepted, cut, doubled, and full of what its readers stumble over."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from hypothesis import strategies as st

MAX_EDITS = 6
MAX_INPUT_BYTES = 2**20


@dataclass(frozen=True)
class Edit:
    """One change of some bytes."""

    kind: str
    """``insert``, ``overwrite``, ``delete``, ``double``, ``cut`` or ``value``: from a separator to the line's end."""
    at: float
    """Where, as a fraction of the length."""
    length: int
    """Bytes that are overwritten, deleted or doubled."""
    token: bytes
    """What is put there."""
    times: int
    """How often."""

    def apply(self, content: bytes) -> bytes:
        """The changed bytes."""
        start = int(self.at * len(content))
        end = start + self.length
        if self.kind == "insert":
            return content[:start] + self.token * self.times + content[start:]
        if self.kind == "overwrite":
            return content[:start] + self.token + content[start + len(self.token) :]
        if self.kind == "delete":
            return content[:start] + content[end:]
        if self.kind == "double":
            return content[:end] + content[start:end] * self.times + content[end:]
        if self.kind == "cut":
            return content[:start]
        separator = max(content.rfind(mark, 0, start) for mark in (b"=", b":", b",", b">"))
        line_end = content.find(b"\n", start)
        return content[: separator + 1] + self.token + content[line_end if line_end >= 0 else len(content) :]


KINDS = ["insert", "insert", "overwrite", "overwrite", "delete", "double", "cut", "value", "value"]

COMMON_TOKENS = [
    b"", b"\0", b"\xff", b"\xc3\x28", b"\x1b[31m", b"\n", b"\r", b"\t", b" ", b'"', b"'", b",", b";", b"=", b":", b"-1",
    b"0", b"9" * 30, b"9" * 5000, b"1e999", b"nan", b"-inf", b"\xef\xbb\xbf", b"\xe2\x80\xa8", b"\xd9\xa1", b"../../x",
]  # fmt: skip


def mutated(seeds: Sequence[bytes], tokens: Sequence[bytes]) -> st.SearchStrategy[bytes]:
    """Inputs that begin as one of ``seeds``; ``tokens`` are those of the format."""
    token = st.sampled_from([*tokens, *COMMON_TOKENS]) | st.binary(min_size=1, max_size=4)
    edit = st.builds(
        Edit,
        kind=st.sampled_from(KINDS),
        at=st.floats(0, 1, width=32),
        length=st.integers(0, 40),
        token=token,
        times=st.sampled_from([1, 1, 1, 2, 50, 5000]),
    )
    edits = st.lists(edit, min_size=1, max_size=MAX_EDITS)
    return st.builds(_apply, st.sampled_from(list(seeds)), edits)


def _apply(content: bytes, edits: Sequence[Edit]) -> bytes:
    for edit in edits:
        content = edit.apply(content)[:MAX_INPUT_BYTES]
    return content
