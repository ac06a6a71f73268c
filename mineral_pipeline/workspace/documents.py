"""JSON documents that tell whether they are whole: bytes to and from plain values.

A document holds the digest of its other values under the key ``sha256``.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

DIGEST = "sha256"
"""Key of the digest."""


def encode(content: Mapping[str, Any]) -> bytes:
    """The indented JSON of a document, with its digest last; what JSON does not know is written as text."""
    values = json.loads(json.dumps(content, default=str))
    values.pop(DIGEST, None)
    return json.dumps({**values, DIGEST: digest_document(values)}, indent=1).encode()


def decode(content: bytes, with_digest: bool = True) -> dict[str, Any]:
    """The values of a document, without its digest.

    Args:
        content: the file.
        with_digest: refuse a document without a digest; earlier versions of this program wrote none.

    Raises:
        ValueError: the document is damaged; the message goes on after the file's name.
    """
    try:
        found = json.loads(content)
    except (ValueError, RecursionError) as error:  # not UTF-8, no JSON, nested without end
        raise ValueError("is damaged (it is no JSON document)") from error
    if not isinstance(found, dict):
        raise ValueError("is damaged (it is no JSON object)")
    digest = found.pop(DIGEST, None)
    if digest is None and with_digest:
        raise ValueError("is damaged (it holds no digest of itself), or not of this program")
    if digest is not None and digest != digest_document(found):
        raise ValueError("is damaged (its content has not the digest that stands in it)")
    return found


def digest_document(content: object) -> str:
    """Digest of a document, whatever the order of its keys."""
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
