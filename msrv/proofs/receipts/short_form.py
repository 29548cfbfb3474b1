# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Receipts in their short form, for addresses.

A third of the JWS, so that it survives mail, fits on paper, and makes a small
QR code. The bytes, which are written as base64url:

    1   the version, 1
    5   the first bytes of the key's thumbprint (RFC 7638)
    15  the order id
    6   the time, in Unix seconds
    3   the currency
    1   the length of the provider's name, and the name
    1   the number of lines; of each:
        1   the length of the item id, and the id as a number in base 37
        -   the price, as an unsigned LEB128 number
    64  the Ed25519 signature of everything before it

A receipt that states more has the version 2. After the lines it has

    1   the sum of what it states: 1 for a consent; never 0
    32  of a consent, the wording's SHA-256
    6   when it was given, in Unix seconds
    1   the length of its language's name, and the name

A JWS starts with other bytes, so no signature of one form fits the other.
"""

import base64
import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from msrv.proofs.consents import Consent
from msrv.proofs.encoding import decode, encode
from msrv.proofs.errors import Forged
from msrv.proofs.keyring import Keyring
from msrv.proofs.orders import ORDER_ID_BYTES, Line
from msrv.proofs.receipts.model import Receipt

_PLAIN: Final = b"\x01"
_STATING: Final = b"\x02"
"""Version of receipts that state more than an order."""
_CONSENT: Final = 1
_SHA256_BYTES: Final = 32
_KEY_BYTES: Final = 5
_TIME_BYTES: Final = 6
_CURRENCY_CHARS: Final = 3
_SIGNATURE_BYTES: Final = 64
_START_CHARS: Final = 8
"""Characters of the version and the key, which have no spare bits."""
_MAX_CHARS: Final = 4000
"""As 100 lines with the longest ids and the highest prices have."""
_MAX_PRICE_BYTES: Final = 6
_LAST_IN_PRICE: Final = 0x7F
"""Largest byte that ends a price; others say that more follow."""

_ID_ALPHABET: Final = "abcdefghijklmnopqrstuvwxyz0123456789-"
_DIGITS: Final = {letter: at for at, letter in enumerate(_ID_ALPHABET)}
_BASE: Final = len(_ID_ALPHABET)
_CHARACTERS: Final = re.compile(rf"[A-Za-z0-9_-]{{1,{_MAX_CHARS}}}")


def sign(keyring: Keyring, receipt: Receipt) -> str:
    """Return a receipt in its short form: at most 4000 characters.

    Ed25519 is deterministic (RFC 8032): a receipt has the same text however
    often, and on whichever replica, it is signed.
    """
    signer = keyring.signer(simulated=receipt.is_simulated)
    body = _to_bytes(receipt, _key_start(signer.kid))
    return encode(body + signer.receipt_key.sign(body))


def read_short(keyring: Keyring, token: str) -> Receipt:
    """Verify a receipt, and return its content. Raises Forged."""
    key = _keys_by_start(keyring).get(token[:_START_CHARS])
    if key is None or len(token) > _MAX_CHARS:
        raise Forged
    signed = decode(token)
    body, signature = signed[:-_SIGNATURE_BYTES], signed[-_SIGNATURE_BYTES:]
    try:
        key.verify(signature, body)
    except InvalidSignature:
        raise Forged from None
    receipt = _parse(body)
    # Only our own key signs, so this can't fail today. It guarantees a single
    # spelling, whatever a later version may sign.
    if _to_bytes(receipt, body[1 : 1 + _KEY_BYTES]) != body:
        raise Forged
    return receipt


def known_starts(keyring: Keyring) -> frozenset[str]:
    """Return the first characters of the receipts of each known key."""
    return frozenset(_keys_by_start(keyring))


def length_at(text: str, start: int) -> int | None:
    """Return how many characters of a text, from `start`, are a receipt.

    It isn't verified. None if there is no whole one.
    """
    match = _CHARACTERS.match(text, start)
    run = match[0] if match else ""
    data = base64.urlsafe_b64decode(run[: len(run) - len(run) % 4])
    try:
        length = _body_length(data) + _SIGNATURE_BYTES
    except Forged:
        return None
    chars = -(-length * 8 // 6)
    return chars if chars <= len(run) else None


@lru_cache(maxsize=8)
def _keys_by_start(keyring: Keyring) -> Mapping[str, Ed25519PublicKey]:
    """Return the keys that verify receipts, by the receipts' start."""
    return {
        encode(version + _key_start(kid)): key
        for kid, key in keyring.receipt_keys.items()
        for version in (_PLAIN, _STATING)
    }


def _key_start(kid: str) -> bytes:
    return decode(kid)[:_KEY_BYTES]


def _to_bytes(receipt: Receipt, key_start: bytes) -> bytes:
    provider = receipt.provider.encode("ascii")
    statements = _statements_to_bytes(receipt)
    return b"".join(
        (
            _STATING if statements else _PLAIN,
            key_start,
            base64.b32decode(receipt.order_id),
            receipt.issued_at.to_bytes(_TIME_BYTES, "big"),
            receipt.currency.encode("ascii"),
            bytes((len(provider),)),
            provider,
            bytes((len(receipt.lines),)),
            *map(_line_to_bytes, receipt.lines),
            statements,
        )
    )


def _statements_to_bytes(receipt: Receipt) -> bytes:
    """Return what a receipt states besides the order; empty for nothing."""
    consent = receipt.consent
    if consent is None:
        return b""
    language = consent.language.encode("ascii")
    return b"".join(
        (
            bytes((_CONSENT,)),
            bytes.fromhex(consent.sha256),
            consent.given_at.to_bytes(_TIME_BYTES, "big"),
            bytes((len(language),)),
            language,
        )
    )


def _line_to_bytes(line: Line) -> bytes:
    length, number = len(line.item_id), 0
    for letter in line.item_id:
        number = number * _BASE + _DIGITS[letter]
    price, rest = b"", line.price_minor
    while rest > _LAST_IN_PRICE:
        price += bytes((rest & 0x7F | 0x80,))
        rest >>= 7
    return b"".join(
        (
            bytes((length,)),
            number.to_bytes(_id_bytes(length), "big"),
            price,
            bytes((rest,)),
        )
    )


@lru_cache(maxsize=256)
def _id_bytes(length: int) -> int:
    """Return how many bytes an id of `length` letters takes."""
    largest: int = _BASE**length - 1
    return (largest.bit_length() + 7) // 8


class _Cursor:
    """Bytes that are read from the start on; Forged where there are none."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self.at = 0

    def read(self, count: int) -> bytes:
        """Return the next bytes. Raises Forged."""
        found = self._data[self.at : self.at + count]
        if len(found) != count:
            raise Forged
        self.at += count
        return found

    def read_byte(self) -> int:
        """Return the next byte as a number. Raises Forged."""
        return self.read(1)[0]


def _parse(body: bytes) -> Receipt:
    """Parse what `_to_bytes` returned. Raises Forged."""
    rest = _Cursor(body)
    version = rest.read(len(_PLAIN))
    rest.read(_KEY_BYTES)
    try:
        return Receipt(
            order_id=base64.b32encode(rest.read(ORDER_ID_BYTES)).decode(),
            issued_at=int.from_bytes(rest.read(_TIME_BYTES), "big"),
            currency=rest.read(_CURRENCY_CHARS).decode("ascii"),
            provider=rest.read(rest.read_byte()).decode("ascii"),
            lines=tuple(_line(rest) for _ in range(rest.read_byte())),
            consent=_consent(rest) if version == _STATING else None,
        )
    except ValueError:
        raise Forged from None


def _body_length(data: bytes) -> int:
    """Return the length of the body at the start of bytes. Raises Forged.

    Whoever pastes a text decides how often this runs, so fields are skipped
    by their lengths, without a `_Cursor`.
    """
    at = len(_PLAIN) + _KEY_BYTES + ORDER_ID_BYTES
    at += _TIME_BYTES + _CURRENCY_CHARS
    try:
        at += 1 + data[at]
        count = data[at]
        at += 1
        for _ in range(count):
            at += 1 + _id_bytes(data[at])
            end = at + _MAX_PRICE_BYTES
            while data[at] > _LAST_IN_PRICE:
                at += 1
                if at == end:
                    raise Forged
            at += 1
        if data[: len(_STATING)] == _STATING:
            at += 1 + _SHA256_BYTES + _TIME_BYTES
            at += 1 + data[at]
    except IndexError:
        raise Forged from None
    if at > len(data):
        raise Forged
    return at


def _consent(rest: _Cursor) -> Consent:
    if rest.read_byte() != _CONSENT:
        raise Forged
    return Consent(
        sha256=rest.read(_SHA256_BYTES).hex(),
        given_at=int.from_bytes(rest.read(_TIME_BYTES), "big"),
        language=rest.read(rest.read_byte()).decode("ascii"),
    )


def _line(rest: _Cursor) -> Line:
    length = rest.read_byte()
    number = int.from_bytes(rest.read(_id_bytes(length)), "big")
    letters = []
    for _ in range(length):
        number, digit = divmod(number, _BASE)
        letters.append(_ID_ALPHABET[digit])
    return Line("".join(reversed(letters)), _price(rest))


def _price(rest: _Cursor) -> int:
    price = 0
    for at in range(_MAX_PRICE_BYTES):
        byte = rest.read_byte()
        price |= (byte & 0x7F) << 7 * at
        if byte <= _LAST_IN_PRICE:
            return price
    raise Forged
