# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Signed document: bytes with a signature by a key derived from NONCE.

Two lines, then the bytes: a title that names the kind of document, and the
signature (Ed25519) of title and bytes together. The keys of NONCE_PREVIOUS
verify, too. Apart from `layout`, so that what is signed, and how, is in one
place.
"""

from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import (
    Ed25519PrivateKey,
)

from msrv.proofs.encoding import decode, encode
from msrv.proofs.errors import Forged
from msrv.proofs.keyring import Generation, Keyring, Purpose

_MAX_LINE: Final = 200


def sign_document(keyring: Keyring, title: str, body: bytes) -> bytes:
    """Return a signed document. `title` is one line of ASCII."""
    signed = title.encode("ascii") + b"\n"
    signature = _key(keyring.current).sign(signed + body)
    return signed + encode(signature).encode("ascii") + b"\n" + body


def verify_document(keyring: Keyring, title: str, document: bytes) -> bytes:
    """Return the body of a signed document with this title.

    Raises Forged for another title, and for a signature that isn't by the
    present or the previous NONCE.
    """
    expected = title.encode("ascii") + b"\n"
    line, found, _ = document[len(expected) :][:_MAX_LINE].partition(b"\n")
    if not document.startswith(expected) or not found:
        raise Forged
    try:
        signature = decode(line.decode("ascii"))
    except UnicodeDecodeError:
        raise Forged from None
    body = document[len(expected) + len(line) + 1 :]
    for generation in keyring.generations:
        try:
            _key(generation).public_key().verify(signature, expected + body)
        except InvalidSignature:
            continue
        return body
    raise Forged


def _key(generation: Generation) -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(
        generation.key(Purpose.CATALOG)
    )
