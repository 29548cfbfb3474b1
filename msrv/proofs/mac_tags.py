"""Short MACs for values that come back from a browser unchanged.

Apart from `encoding`, since the keys that it takes are derived with that. A
tag says that the store itself made a value, and nothing else: each kind of
value has a key of its own purpose.
"""

from typing import Final

from msrv.proofs.encoding import encode, mac, same
from msrv.proofs.keyring import Generation, Keyring, Purpose

TAG_BYTES: Final = 18
TAG_CHARS: Final = 24


def tag(keyring: Keyring, purpose: Purpose, *fields: bytes) -> str:
    """Return the tag of some fields: 144 bits, TAG_CHARS of base64url."""
    return _tag(keyring.current, purpose, fields)


def is_tag(
    keyring: Keyring, purpose: Purpose, text: str, *fields: bytes
) -> bool:
    """Whether a text is the tag of these fields, by any generation's key."""
    # All are compared: how long it takes doesn't tell which one it was.
    found = [
        same(_tag(each, purpose, fields), text) for each in keyring.generations
    ]
    return any(found)


def _tag(
    generation: Generation, purpose: Purpose, fields: tuple[bytes, ...]
) -> str:
    return encode(mac(generation.key(purpose), *fields)[:TAG_BYTES])
