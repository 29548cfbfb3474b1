# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Receipts as JWS (RFC 7515) with EdDSA (RFC 8037), and their public keys.

Libraries of every language can verify this form. Its sender has no influence
on the verification: neither on the algorithm nor on the key nor on the
spelling.
"""

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from msrv.proofs.consents import Consent
from msrv.proofs.encoding import (
    decode,
    encode,
    from_json,
    to_json,
)
from msrv.proofs.errors import Forged
from msrv.proofs.keyring import (
    DEFAULT_ISSUER,
    Keyring,
    public_jwk,
    thumbprint,
)
from msrv.proofs.orders import lines_from_json, lines_to_json
from msrv.proofs.receipts.model import Receipt

_ISSUER: Final = re.compile(r"[!-~]{1,100}")
"""Longer ones would make URLs that servers reject."""
_PARTS: Final = 3
_MAX_HEADER_CHARS: Final = 200
_TYPES: Final = ("receipt+jwt", "JWT")
"""The `typ` of receipts (RFC 8725 section 3.11), and that of earlier ones."""

HEADER_START: Final = encode(b'{"alg":"EdDSA","kid":')
"""First characters of every JWS: of 21 bytes, so without spare bits."""


def issuer_of(public_url: str | None) -> str:
    """Return the issuer of a store's receipts: its address, if short.

    Receipts are part of a URL themselves, so a long address is not used.
    """
    if public_url is None or not _ISSUER.fullmatch(public_url):
        return DEFAULT_ISSUER
    return public_url


def sign_jws(keyring: Keyring, receipt: Receipt) -> str:
    """Return a receipt as a JWS: at most 8100 characters, safe in a path.

    Ed25519 is deterministic (RFC 8032): a receipt has the same text however
    often, and on whichever replica, it is signed.
    """
    signer = keyring.signer(simulated=receipt.is_simulated)
    payload = _payload(receipt, keyring.issuer)
    signed = f"{_header(signer.kid)}.{encode(payload)}"
    signature = signer.receipt_key.sign(signed.encode("ascii"))
    return f"{signed}.{encode(signature)}"


def read_jws(keyring: Keyring, token: str) -> Receipt:
    """Verify a receipt, and return its content. Raises Forged.

    The issuer isn't compared with this store's: a store that has moved to
    another address honours its earlier receipts.
    """
    parts = token.split(".")
    if len(parts) != _PARTS:
        raise Forged
    header, payload, signature = parts
    # The header is not parsed but looked up among those of the keys, each of
    # which has one algorithm: "none", or HS256 with a public key, is just an
    # unknown header (RFC 8725 section 3.1).
    key = _keys_by_header(keyring).get(header)
    if key is None:
        raise Forged
    try:
        key.verify(decode(signature), f"{header}.{payload}".encode("ascii"))
    except InvalidSignature:
        raise Forged from None
    return _receipt(decode(payload))


def has_known_header(keyring: Keyring, text: str, start: int) -> bool:
    """Return whether the header of a known key is at `start`."""
    end = text.find(".", start, start + _MAX_HEADER_CHARS)
    return text[start:end] in _keys_by_header(keyring)


def jwks(keyring: Keyring) -> dict[str, list[dict[str, str]]]:
    """Return the public keys, as a JWK Set (RFC 7517 section 5)."""
    return {"keys": [jwk(key) for key in keyring.receipt_keys.values()]}


def jwk(key: Ed25519PublicKey) -> dict[str, str]:
    """Return a key as a JWK for receipts (RFC 7517 section 4)."""
    return {
        **public_jwk(key),
        "alg": "EdDSA",
        "kid": thumbprint(key),
        "use": "sig",
    }


@lru_cache(maxsize=8)
def _keys_by_header(keyring: Keyring) -> Mapping[str, Ed25519PublicKey]:
    """Return the keys that verify receipts, by the receipts' header."""
    return {
        _header(kid, kind): key
        for kid, key in keyring.receipt_keys.items()
        for kind in _TYPES
    }


@lru_cache(maxsize=32)
def _header(kid: str, kind: str = _TYPES[0]) -> str:
    # RFC 9864 renamed this use of "EdDSA" to "Ed25519". The old name is the
    # one that all libraries know.
    return encode(to_json({"alg": "EdDSA", "kid": kid, "typ": kind}))


def _payload(receipt: Receipt, issuer: str | None) -> bytes:
    # Without an issuer: a receipt from before there was one.
    named = {} if issuer is None else {"aud": issuer, "iss": issuer}
    consent = receipt.consent
    stated = {} if consent is None else {"consent": consent.to_json()}
    return to_json(
        {
            **named,
            **stated,
            "cur": receipt.currency,
            "iat": receipt.issued_at,
            "items": lines_to_json(receipt.lines),
            "jti": receipt.order_id,
            "prv": receipt.provider,
        }
    )


def _receipt(payload: bytes) -> Receipt:
    """Parse what `_payload` returned. Raises Forged."""
    claims = from_json(payload)
    try:
        issuer = claims.get("iss")
        if issuer is not None and not _ISSUER.fullmatch(issuer):
            raise Forged
        receipt = Receipt(
            order_id=claims["jti"],
            issued_at=claims["iat"],
            provider=claims["prv"],
            currency=claims["cur"],
            lines=lines_from_json(claims["items"]),
            consent=Consent.from_json(claims["consent"])
            if "consent" in claims
            else None,
        )
    except (AttributeError, KeyError, TypeError, ValueError):
        raise Forged from None
    # Only our own key signs, so this can't fail today. It guarantees a single
    # spelling, whatever a later version may sign.
    if _payload(receipt, issuer) != payload:
        raise Forged
    return receipt
