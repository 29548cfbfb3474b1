"""Bytes to text and back, with exactly one spelling for each value.

A token with two spellings is two tokens: one of them gets past whatever
remembers, counts or revokes the other.
"""

import base64
import hmac
import json
from typing import Any, Final

from msrv.proofs.errors import Forged

MAX_TOKEN_CHARS: Final = 8192
"""No token is longer; a longer text is refused before any work is done."""


def encode(value: bytes) -> str:
    """Write bytes as base64url without padding (RFC 4648 section 5)."""
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode("ascii")


def decode(text: str) -> bytes:
    """Read what `encode` writes.

    Raises Forged for anything else: padding, the `+/` alphabet, whitespace,
    bits set that no byte holds.
    """
    try:
        value = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except ValueError:
        raise Forged from None
    # The standard library skips what is not of its alphabet and drops spare
    # bits. What it was lenient about doesn't come back when written again.
    if encode(value) != text:
        raise Forged
    return value


def to_json(value: object) -> bytes:
    """Write canonical JSON: ASCII, keys sorted, no spaces."""
    return json.dumps(
        value,
        allow_nan=False,
        ensure_ascii=True,
        separators=(",", ":"),
        sort_keys=True,
    ).encode("ascii")


def from_json(text: bytes) -> Any:  # noqa: ANN401 - JSON comes in here
    """Read JSON. Raises Forged for what is none, or not to be trusted.

    It may have been spelt in another way than `to_json` does: who reads a
    token writes the value again, and compares.
    """
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise Forged from None


def mac(key: bytes, *fields: bytes) -> bytes:
    """Give the 32 bytes of HMAC-SHA256 (RFC 2104) over fields.

    Before each field goes its length in four bytes, big-endian. Without it
    ("ab", "c") and ("a", "bc") would be one message with one MAC, and a
    proof of the first a proof of the second.
    """
    message = b"".join(
        len(field).to_bytes(4, "big") + field for field in fields
    )
    return hmac.digest(key, message, "sha256")


def same(expected: str, given: str) -> bool:
    """Compare ASCII text in a time that doesn't tell where it differs.

    The length may show: it is public. A text that isn't ASCII is not the
    same.
    """
    return given.isascii() and hmac.compare_digest(expected, given)
