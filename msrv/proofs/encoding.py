"""Bytes to text and back, with exactly one spelling for each value.

A token with two spellings is two tokens: one of them gets past whatever
remembers, counts or revokes the other.
"""

import base64
import hmac
import json
from functools import lru_cache
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final

from msrv.proofs.errors import Forged

MAX_TOKEN_CHARS: Final = 8192
"""No token is longer; a longer text is refused before any work is done."""

_BLOCK_BYTES: Final = 64
_INNER: Final = bytes(byte ^ 0x36 for byte in range(256))
_OUTER: Final = bytes(byte ^ 0x5C for byte in range(256))

if TYPE_CHECKING:
    from hashlib import _Hash


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
    message = b""
    for field in fields:
        message += len(field).to_bytes(4, "big") + field
    begun = _begun(key)
    inner, outer = begun[0].copy(), begun[1].copy()
    inner.update(message)
    outer.update(inner.digest())
    return outer.digest()


@lru_cache(maxsize=64)
def _begun(key: bytes) -> "tuple[_Hash, _Hash]":
    """Begin HMAC's two hashes with a key, as RFC 2104, section 4, advises.

    For a message this short that is half of the work.
    """
    if len(key) > _BLOCK_BYTES:
        key = sha256(key).digest()
    block = key.ljust(_BLOCK_BYTES, b"\0")
    return sha256(block.translate(_INNER)), sha256(block.translate(_OUTER))


def same(expected: str, given: str) -> bool:
    """Compare ASCII text in a time that doesn't tell where it differs.

    The length may show: it is public. A text that isn't ASCII is not the
    same.
    """
    return given.isascii() and hmac.compare_digest(expected, given)
