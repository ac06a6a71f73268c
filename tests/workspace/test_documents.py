"""A document tells whether it is whole: every flip is seen, and whatever is no document is refused in one line."""

from __future__ import annotations

import json
import math

import pytest

from mineral_pipeline.workspace import documents


def test_values_come_back() -> None:
    content = {"a": [1, 0.1, None], "b": {"c": "é"}, "d": 1e-300}
    assert documents.decode(documents.encode(content)) == content
    assert math.isnan(documents.decode(documents.encode({"a": math.nan}))["a"])


def test_the_digest_of_a_document_is_of_its_values_whatever_their_order() -> None:
    assert documents.digest_document({"a": 1, "b": {"c": 2, "d": 3}}) == documents.digest_document(
        {"b": {"d": 3, "c": 2}, "a": 1}
    )
    assert documents.digest_document({"a": 1}) != documents.digest_document({"a": 2})


def test_every_flip_is_seen() -> None:
    content = documents.encode({"a": {"b": [1, 2]}, "c": "some text"})
    for place in range(len(content)):
        for bit in range(8):
            damaged = bytearray(content)
            damaged[place] ^= 1 << bit
            with pytest.raises(ValueError, match=r"is damaged|holds no digest"):
                documents.decode(bytes(damaged))


@pytest.mark.parametrize("content", [b"", b"\0" * 99, b"[" * 100_000, b"[1]", b"\xff{}", b'{"a": 1', b"9" * 9_999])
def test_what_is_no_document_is_refused(content: bytes) -> None:
    with pytest.raises(ValueError, match="is damaged"):
        documents.decode(content)


def test_a_document_without_a_digest_is_refused_unless_an_earlier_version_may_have_written_it() -> None:
    content = json.dumps({"a": 1}).encode()
    assert documents.decode(content, with_digest=False) == {"a": 1}
    with pytest.raises(ValueError, match="holds no digest"):
        documents.decode(content)
