# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Short MACs for values that a browser returns unchanged.

A tag proves that the store itself made a value, and nothing else: each kind
of value has a key with a purpose of its own. Apart from `encoding` because
`keyring` imports that.
"""

from typing import Final

from msrv.proofs.encoding import encode, is_same, mac
from msrv.proofs.keyring import Generation, Keyring, Purpose

TAG_BYTES: Final = 18
TAG_CHARS: Final = 24


def tag(keyring: Keyring, purpose: Purpose, *fields: bytes) -> str:
    """Return the tag of some fields: 144 bits, TAG_CHARS of base64url."""
    return _tag(keyring.current, purpose, fields)


def is_tag(
    keyring: Keyring, purpose: Purpose, text: str, *fields: bytes
) -> bool:
    """Return whether a text is the tag of these fields, by any generation."""
    # All are compared: the time must not reveal which one matched.
    found = [
        is_same(_tag(each, purpose, fields), text)
        for each in keyring.generations
    ]
    return any(found)


def _tag(
    generation: Generation, purpose: Purpose, fields: tuple[bytes, ...]
) -> str:
    return encode(mac(generation.key(purpose), *fields)[:TAG_BYTES])
