"""A receipt: the store's signed statement of an order.

A compact JWS (RFC 7515) with EdDSA (RFC 8037) that anyone can check by the
keys that `jwks` gives. The sender chooses nothing about how it is checked:
neither an algorithm nor a key nor a spelling.
"""

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from cryptography.exceptions import InvalidSignature

from msrv.proofs.encoding import (
    MAX_TOKEN_CHARS,
    decode,
    encode,
    from_json,
    to_json,
)
from msrv.proofs.errors import Forged
from msrv.proofs.keyring import DEFAULT_ISSUER, Generation, Keyring, public_jwk
from msrv.proofs.orders import (
    MAX_LINES,
    MAX_TIME,
    Line,
    check_number,
    check_order,
    lines_from_json,
    lines_to_json,
)

__all__ = [
    "MAX_LINES",
    "Line",
    "Receipt",
    "headers",
    "jwks",
    "read",
    "sign",
]

_PROVIDER: Final = re.compile(r"[a-z][a-z0-9-]{0,15}")
_ISSUER: Final = re.compile(r"[!-~]{1,100}")
"""A longer one would make an address that servers refuse."""
_PARTS: Final = 3
_TYPES: Final = ("receipt+jwt", "JWT")
"""The `typ` of a receipt (RFC 8725 section 3.11), and that of earlier ones."""

TEST_SUFFIX: Final = "-test"
"""Ends the name of a provider whose test mode took the payment."""


def issuer_of(public_url: str | None) -> str:
    """Return the issuer that a store's receipts bear: its address, if short.

    Receipts are part of an address themselves, so a long one is left out.
    """
    if public_url is None or not _ISSUER.fullmatch(public_url):
        return DEFAULT_ISSUER
    return public_url


def is_pretend(provider: str) -> bool:
    """Whether payments by a provider of this name moved no money."""
    return provider == "demo" or provider.endswith(TEST_SUFFIX)


@dataclass(frozen=True, slots=True)
class Receipt:
    """What was bought, when, and who took the money.

    `issued_at` is in Unix seconds, `currency` an ISO 4217 code, `provider`
    the payment provider's name. Raises ValueError for values that no receipt
    can state: no lines or over MAX_LINES, an item twice, an id, time or price
    out of its form.
    """

    order_id: str
    issued_at: int
    provider: str
    currency: str
    lines: tuple[Line, ...]

    def __post_init__(self) -> None:
        check_order(self.order_id, self.currency, self.lines)
        check_number(self.issued_at, MAX_TIME)
        if not _PROVIDER.fullmatch(self.provider):
            raise ValueError("not a provider's name")

    @property
    def total_minor(self) -> int:
        """What was paid, in minor units of the currency."""
        return sum(line.price_minor for line in self.lines)

    @property
    def is_pretend(self) -> bool:
        """Whether it was paid with pretend or test money."""
        return is_pretend(self.provider)


def sign(keyring: Keyring, receipt: Receipt) -> str:
    """Write a receipt as a JWS: at most 7900 characters, safe in a path.

    Ed25519 takes no randomness (RFC 8032), so one receipt has one text
    however often, and on whichever replica, it is signed.
    """
    signer = keyring.signer(pretend=receipt.is_pretend)
    payload = _payload(receipt, keyring.issuer)
    signed = f"{_header(signer)}.{encode(payload)}"
    signature = signer.receipt_key.sign(signed.encode("ascii"))
    return f"{signed}.{encode(signature)}"


def read(keyring: Keyring, token: str) -> Receipt:
    """Check a receipt, and return what it states. Raises Forged.

    One that was paid with pretend or test money is refused by a store that
    takes no such money. The issuer isn't compared with this store's: a store
    that has moved to another address honours what it sold.
    """
    if len(token) > MAX_TOKEN_CHARS or not token.isascii():
        raise Forged
    parts = token.split(".")
    if len(parts) != _PARTS:
        raise Forged
    header, payload, signature = parts
    # The header is not read but looked up. There are as many as there are
    # keys, each with one algorithm: "none", or HS256 by a public key, is
    # just an unknown header (RFC 8725 section 3.1).
    for generation in keyring.verifiers:
        if any(header == _header(generation, each) for each in _TYPES):
            break
    else:
        raise Forged
    try:
        generation.receipt_public_key.verify(
            decode(signature), f"{header}.{payload}".encode("ascii")
        )
    except InvalidSignature:
        raise Forged from None
    receipt = _receipt(decode(payload))
    if receipt.is_pretend and not keyring.accepts_pretend:
        raise Forged  # by the real key: from before there were two
    return receipt


def headers(keyring: Keyring) -> tuple[str, ...]:
    """Return what each receipt that `read` accepts begins with."""
    return tuple(
        _header(generation, kind)
        for generation in keyring.verifiers
        for kind in _TYPES
    )


def jwks(keyring: Keyring) -> dict[str, list[dict[str, str]]]:
    """Return the public keys that verify (RFC 7517 section 5)."""
    return {
        "keys": [
            {
                **public_jwk(generation.receipt_public_key),
                "alg": "EdDSA",
                "kid": generation.kid,
                "use": "sig",
            }
            for generation in keyring.verifiers
        ]
    }


@lru_cache(maxsize=32)
def _header(generation: Generation, kind: str = _TYPES[0]) -> str:
    # RFC 9864 has renamed this use of "EdDSA" to "Ed25519". The old name is
    # the one that the libraries which check receipts elsewhere all know.
    header = {"alg": "EdDSA", "kid": generation.kid, "typ": kind}
    return encode(to_json(header))


def _payload(receipt: Receipt, issuer: str | None) -> bytes:
    # Without an issuer: as before receipts had one.
    named = {} if issuer is None else {"aud": issuer, "iss": issuer}
    return to_json(
        {
            **named,
            "cur": receipt.currency,
            "iat": receipt.issued_at,
            "items": lines_to_json(receipt.lines),
            "jti": receipt.order_id,
            "prv": receipt.provider,
        }
    )


def _receipt(payload: bytes) -> Receipt:
    """Read what `_payload` wrote. Raises Forged."""
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
        )
    except (AttributeError, KeyError, TypeError, ValueError):
        raise Forged from None
    # Only our own key signs, so this can't fail today. It holds the promise
    # of one spelling against what a later version might sign.
    if _payload(receipt, issuer) != payload:
        raise Forged
    return receipt
