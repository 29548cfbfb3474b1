# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Base64url, canonical JSON and MACs, with one spelling for each value.

A token with two spellings would be two tokens: one of them would get past
whatever stores, counts or revokes the other.
"""

import base64
import hmac
import json
from functools import lru_cache
from hashlib import sha256
from typing import Any, Final

from msrv.proofs.errors import Forged

MAX_TOKEN_CHARS: Final = 8192
"""Length of the longest token; longer texts are rejected without any work."""


def encode(value: bytes) -> str:
    """Return bytes as base64url without padding (RFC 4648 section 5)."""
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode("ascii")


def decode(text: str) -> bytes:
    """Return the bytes that `encode` made a text of.

    Raises Forged for any other text: with padding, the `+/` alphabet,
    whitespace, or bits set that belong to no byte.
    """
    try:
        value = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except ValueError:
        raise Forged from None
    # The standard library skips characters outside its alphabet and drops
    # spare bits. Encoding again reveals both.
    if encode(value) != text:
        raise Forged
    return value


def to_json(value: object) -> bytes:
    """Return canonical JSON: ASCII, keys sorted, no spaces."""
    return json.dumps(
        value,
        allow_nan=False,
        ensure_ascii=True,
        separators=(",", ":"),
        sort_keys=True,
    ).encode("ascii")


def from_json(text: bytes) -> Any:  # noqa: ANN401 - JSON comes in here
    """Parse JSON. Raises Forged if it is invalid or nested too deeply.

    The text may be spelt differently from what `to_json` returns. Readers of
    tokens serialise the value again, and compare.
    """
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise Forged from None


def mac(key: bytes, *fields: bytes) -> bytes:
    """Return the 32 bytes of HMAC-SHA256 (RFC 2104) over fields.

    Each field is preceded by its length in four bytes, big-endian. Without
    it ("ab", "c") and ("a", "bc") would be one message with one MAC, and a
    proof of the first a proof of the second.

    For the 44 bytes of a link, 1.7 µs; `hmac.digest`, which can't reuse a
    keyed hash, takes 2.2 µs.
    """
    message = b""
    for field in fields:
        message += len(field).to_bytes(4, "big") + field
    keyed = _keyed(key).copy()
    keyed.update(message)
    return keyed.digest()


@lru_cache(maxsize=64)
def _keyed(key: bytes) -> hmac.HMAC:
    """Return HMAC-SHA256 with a key and no message, to be copied.

    RFC 2104, section 4, advises it: for a message this short, processing the
    key is half of the work.
    """
    return hmac.new(key, digestmod=sha256)


def is_same(expected: str, given: str) -> bool:
    """Return whether two ASCII texts are the same, in constant time.

    The time may depend on the length, which is public. A given text that
    isn't ASCII is never the same.
    """
    return given.isascii() and hmac.compare_digest(expected, given)
