"""A receipt: the store's signed statement of an order.

A compact JWS (RFC 7515) with EdDSA (RFC 8037) that anyone can check by the
keys that `jwks` gives. The sender chooses nothing about how it is checked:
neither an algorithm nor a key nor a spelling.
"""

import re
from dataclasses import dataclass
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
from msrv.proofs.keyring import Generation, Keyring, public_jwk
from msrv.proofs.orders import (
    MAX_LINES,
    MAX_TIME,
    Line,
    check_number,
    check_order,
    lines_from_json,
    lines_to_json,
)

__all__ = ["MAX_LINES", "Line", "Receipt", "jwks", "read", "sign"]

_PROVIDER: Final = re.compile(r"[a-z][a-z0-9-]{0,15}")
_PARTS: Final = 3


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


def sign(keyring: Keyring, receipt: Receipt) -> str:
    """Write a receipt as a JWS: at most 7500 characters, safe in a path.

    Ed25519 takes no randomness (RFC 8032), so one receipt has one text
    however often, and on whichever replica, it is signed.
    """
    signer = keyring.current
    signed = f"{_header(signer)}.{encode(_payload(receipt))}"
    signature = signer.receipt_key.sign(signed.encode("ascii"))
    return f"{signed}.{encode(signature)}"


def read(keyring: Keyring, token: str) -> Receipt:
    """Check a receipt, and say what it states. Raises Forged."""
    if len(token) > MAX_TOKEN_CHARS or not token.isascii():
        raise Forged
    parts = token.split(".")
    if len(parts) != _PARTS:
        raise Forged
    header, payload, signature = parts
    # The header is not read but looked up. There are as many as there are
    # keys, each with one algorithm: "none", or HS256 by a public key, is
    # just an unknown header (RFC 8725 section 3.1).
    for generation in keyring.generations:
        if header == _header(generation):
            break
    else:
        raise Forged
    try:
        generation.receipt_public_key.verify(
            decode(signature), f"{header}.{payload}".encode("ascii")
        )
    except InvalidSignature:
        raise Forged from None
    return _receipt(decode(payload))


def jwks(keyring: Keyring) -> dict[str, list[dict[str, str]]]:
    """Give the public keys of all generations (RFC 7517 section 5)."""
    return {
        "keys": [
            {
                **public_jwk(generation.receipt_public_key),
                "alg": "EdDSA",
                "kid": generation.kid,
                "use": "sig",
            }
            for generation in keyring.generations
        ]
    }


def _header(generation: Generation) -> str:
    # RFC 9864 has renamed this use of "EdDSA" to "Ed25519". The old name is
    # the one that the libraries which check receipts elsewhere all know.
    header = {"alg": "EdDSA", "kid": generation.kid, "typ": "JWT"}
    return encode(to_json(header))


def _payload(receipt: Receipt) -> bytes:
    return to_json(
        {
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
        receipt = Receipt(
            order_id=claims["jti"],
            issued_at=claims["iat"],
            provider=claims["prv"],
            currency=claims["cur"],
            lines=lines_from_json(claims["items"]),
        )
    except (KeyError, TypeError, ValueError):
        raise Forged from None
    # Only our own key signs, so this can't fail today. It holds the promise
    # of one spelling against what a later version might sign.
    if _payload(receipt) != payload:
        raise Forged
    return receipt
