# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Quotes: signed offers, carried through a payment provider.

The store keeps no carts. The quote travels with the buyer or the provider, and
is returned unchanged or rejected: the seller sets the price.
"""

import base64
import re
from dataclasses import dataclass
from typing import Any, Final

from msrv.proofs.consents import Consent
from msrv.proofs.encoding import (
    MAX_TOKEN_CHARS,
    decode,
    encode,
    from_json,
    is_same,
    mac,
    to_json,
)
from msrv.proofs.errors import Expired, Forged
from msrv.proofs.keyring import Generation, Keyring, Purpose
from msrv.proofs.orders import (
    MAX_TIME,
    ORDER_ID_BYTES,
    Line,
    check_number,
    check_order,
    lines_from_json,
    lines_to_json,
)

_VERSION: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")
_LANGUAGE: Final = re.compile(r"(?:[A-Za-z_]{2,12}(?:/[A-Za-z_]{2,12})?)?")
_DISCOUNT: Final = re.compile(r"(?:[A-Z0-9][A-Z0-9-]{0,23})?")
# `msrv.mail` knows what an address is; here it only must not break anything.
_MAIL: Final = re.compile(r"(?:[\x21-\x7e\xa1-\U0010ffff]{3,254})?")

_GIFT: Final = re.compile(r"(?:[A-Za-z0-9_-]{22,4000})?")
_MAX_CHARS: Final = 7900
"""A quote is part of an address, like a receipt."""


class QuoteTooLong(ValueError):
    """A quote that no address can hold: many items, and a long note."""


@dataclass(frozen=True, slots=True)
class Quote:
    """An order that has not been paid, valid while now < `expires_at`.

    `order_id` is the quote's own id; `order_id_of` returns the order's.
    `issued_at` and `expires_at` are in Unix seconds, `currency` is an ISO
    4217 code, `catalog_version` the digest of the catalog that the prices
    are from. `discount` is the code that the lines' prices are reduced by;
    `mail` is the address for the receipt; `gift` is sealed by
    `msrv.proofs.gifts.gift`; `language` is what the buyer reads, as
    `Language.code`. Each may be empty. `consent` is the buyer's to immediate
    delivery, None without one. Raises ValueError for invalid values.
    """

    order_id: str
    currency: str
    lines: tuple[Line, ...]
    catalog_version: str
    issued_at: int
    expires_at: int
    discount: str = ""
    mail: str = ""
    gift: str = ""
    language: str = ""
    consent: Consent | None = None

    def __post_init__(self) -> None:
        check_order(self.order_id, self.currency, self.lines)
        check_number(self.expires_at, MAX_TIME)
        check_number(self.issued_at, self.expires_at)
        if not _VERSION.fullmatch(self.catalog_version):
            raise ValueError("not a version of the catalog")
        if not _DISCOUNT.fullmatch(self.discount):
            raise ValueError("not a discount's name")
        if not _MAIL.fullmatch(self.mail) or not self.mail.isprintable():
            raise ValueError("not a mail address")
        if not _GIFT.fullmatch(self.gift):
            raise ValueError("not a sealed gift")
        if not _LANGUAGE.fullmatch(self.language):
            raise ValueError("not a language")

    @property
    def total_minor(self) -> int:
        """Amount to be paid, in minor units of the currency."""
        return sum(line.price_minor for line in self.lines)


class QuoteExpired(Expired):
    """A quote that has expired; `quote` is its content.

    A payment may be reported after its quote has expired, and then the store
    has to know what it was for.
    """

    def __init__(self, quote: Quote) -> None:
        super().__init__(quote.expires_at)
        self.quote = quote


def sign(keyring: Keyring, quote: Quote) -> str:
    """Return a signed quote: at most 7900 characters, safe in a path.

    Raises QuoteTooLong, only for a gift.
    """
    payload = encode(_payload(quote))
    token = f"{payload}.{_tag(keyring.current, payload)}"
    if len(token) > _MAX_CHARS:
        raise QuoteTooLong(quote.order_id)
    return token


def read(keyring: Keyring, token: str, now: int) -> Quote:
    """Verify a quote at `now`, in Unix seconds, and return it.

    A quote is valid while now < expires_at. Raises Forged, and QuoteExpired
    from the second `expires_at` on.
    """
    quote = read_ignoring_expiry(keyring, token)
    if now >= quote.expires_at:
        raise QuoteExpired(quote)
    return quote


def read_ignoring_expiry(keyring: Keyring, token: str) -> Quote:
    """Verify a quote, expired or not, and return it. Raises Forged.

    For completed payments: a payment starts before the quote expires, and
    the money may take days to arrive.
    """
    _signer(keyring, token)
    return _quote(decode(token.partition(".")[0]))


def states_gift(token: str) -> bool:
    """Return whether a quote, of any key, says that it is of a gift.

    For a quote that can't be verified any more, from a trusted source.
    """
    return bool(_unverified(token).get("gift"))


def stated_language(token: str) -> str:
    """Return the language that a quote, of any key, states; "" for none.

    For a quote that can't be verified any more, from a trusted source.
    """
    found = _unverified(token).get("lang")
    return found if isinstance(found, str) else ""


def order_id_of(
    keyring: Keyring, token: str, provider: str, reference: str
) -> str:
    """Return the id of the order of a paid quote. Raises Forged.

    `reference` is the provider's id of the payment. The result is the same
    however often and by whichever way the payment is reported, and can't be
    computed without the key. The key is of the generation that signed the
    quote, so that a NONCE changed meanwhile makes no second order.
    """
    key = _signer(keyring, token).key(Purpose.ORDER)
    tag = mac(key, provider.encode("utf-8"), reference.encode("utf-8"))
    return base64.b32encode(tag[:ORDER_ID_BYTES]).decode("ascii")


def _unverified(token: str) -> dict[str, Any]:
    """Return the members of a quote of any key; none of what isn't one."""
    try:
        claims = from_json(decode(token.partition(".")[0]))
    except Forged:
        return {}
    return claims if isinstance(claims, dict) else {}


def _signer(keyring: Keyring, token: str) -> Generation:
    """Return the generation that signed a quote. Raises Forged."""
    if len(token) > MAX_TOKEN_CHARS or not token.isascii():
        raise Forged
    payload, _, tag = token.partition(".")
    for generation in keyring.generations:
        if is_same(_tag(generation, payload), tag):
            return generation
    raise Forged


def _tag(generation: Generation, payload: str) -> str:
    key = generation.key(Purpose.QUOTE)
    return encode(mac(key, payload.encode("ascii")))


def _payload(quote: Quote) -> bytes:
    consent = quote.consent
    stated = {
        "consent": consent and consent.to_json(),
        "gift": quote.gift,
        "lang": quote.language,
        "mail": quote.mail,
        "off": quote.discount,
    }
    return to_json(
        {
            # Absent if empty: as before these members existed.
            **{name: value for name, value in stated.items() if value},
            "cat": quote.catalog_version,
            "cur": quote.currency,
            "exp": quote.expires_at,
            "iat": quote.issued_at,
            "items": lines_to_json(quote.lines),
            "jti": quote.order_id,
        }
    )


def _quote(payload: bytes) -> Quote:
    """Parse what `_payload` returned. Raises Forged."""
    claims = from_json(payload)
    try:
        quote = Quote(
            order_id=claims["jti"],
            currency=claims["cur"],
            lines=lines_from_json(claims["items"]),
            catalog_version=claims["cat"],
            issued_at=claims["iat"],
            expires_at=claims["exp"],
            discount=claims.get("off", ""),
            mail=claims.get("mail", ""),
            gift=claims.get("gift", ""),
            language=claims.get("lang", ""),
            consent=Consent.from_json(claims["consent"])
            if "consent" in claims
            else None,
        )
    except (AttributeError, KeyError, TypeError, ValueError):
        raise Forged from None
    # As with receipts: one spelling, whatever a later version may sign.
    if _payload(quote) != payload:
        raise Forged
    return quote
