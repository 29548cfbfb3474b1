# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""The visitor's cookies: cart, discount, claim, language, started payment.

Over HTTPS each is called `__Host-NAME` (RFC 6265bis, section 4.1.3.2): a
browser accepts such a cookie only from this very host, over HTTPS and for all
paths, so that no other host under the same domain can set or shadow it. Over
plain HTTP, where browsers reject that name, the prefix is left out.
"""

import re
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Final

from aiohttp import hdrs, web

from msrv.catalog.model import Catalog
from msrv.orders.cart import Cart, StoredEntry
from msrv.orders.discounts import CODE
from msrv.orders.redemption import Claim
from msrv.proofs.codes import CLAIM_BYTES
from msrv.proofs.encoding import decode, encode
from msrv.proofs.errors import Forged
from msrv.proofs.keyring import Purpose
from msrv.proofs.mac_tags import TAG_BYTES, is_tag, tag
from msrv.proofs.orders import ITEM_ID
from msrv.web.store import CHANGED_CART, ORIGIN, STORE

CART: Final = "cart"
DISCOUNT: Final = "discount"
CLAIM: Final = "claim"
PAYMENT: Final = "payment"
LANGUAGE: Final = "language"
MAX_AGE_SECONDS: Final = 30 * 24 * 3600

_PREFIX: Final = "__Host-"
_MAX_CHARS: Final = 16 * 1024
"""Of all headers together. Browsers store 4096 bytes of one."""
_ALL: Final[web.RequestKey[Mapping[str, str]]] = web.RequestKey("_ALL")
_NONE: Final[Mapping[str, str]] = MappingProxyType({})


def full_names(name: str) -> frozenset[str]:
    """Return the names that a cookie has over HTTPS and over plain HTTP."""
    return frozenset({_PREFIX + name, name})


def read_all(request: web.BaseRequest) -> Mapping[str, str]:
    """Return the request's cookies by their full names.

    aiohttp's own reader makes an object of each, which for 1,500 of them
    blocks the loop for too long. The store's cookies are never quoted.
    """
    if hdrs.COOKIE not in request.headers:
        return _NONE
    if _ALL in request:
        return request[_ALL]
    header = ";".join(request.headers.getall("Cookie", ()))[:_MAX_CHARS]
    found: dict[str, str] = {}
    for pair in header.split(";"):
        name, _, value = pair.partition("=")
        # Only what browsers strip, or any other white space in front of
        # `__Host-` would hide that another host has set the cookie.
        found[name.strip(" \t")] = value.strip(" \t")
    request[_ALL] = found
    return found


def read(request: web.Request) -> Mapping[str, str]:
    """Return the visitor's cookies by their names without the prefix.

    Over HTTPS, those without it are left out: another host may have set them.
    """
    origin = request.get(ORIGIN)
    if not (origin.scheme == "https" if origin else request.secure):
        return read_all(request)
    return {
        name.removeprefix(_PREFIX): value
        for name, value in read_all(request).items()
        if name.startswith(_PREFIX)
    }


def write(
    request: web.Request,
    response: web.StreamResponse,
    name: str,
    value: str,
    *,
    max_age_seconds: int = MAX_AGE_SECONDS,
) -> None:
    """Set a cookie of the visitor's, or delete it where `value` is empty."""
    secure = request[ORIGIN].scheme == "https"
    full_name = _PREFIX + name if secure else name
    if not value:
        response.del_cookie(
            full_name, path="/", secure=secure, httponly=True, samesite="Lax"
        )
        return
    response.set_cookie(
        full_name,
        value,
        max_age=max_age_seconds,
        path="/",
        secure=secure,
        httponly=True,
        samesite="Lax",
    )


# The cart: item ids, each with the buyer's own price where it has one.

_SEPARATOR: Final = "."
_BEFORE_PRICE: Final = "~"
_ENTRY: Final = re.compile(rf"({ITEM_ID})(?:~([0-9]{{1,9}}))?")
_MAX_COOKIE_CHARS: Final = 4096
"""Browsers store cookies of this size, name included, and drop longer ones."""
_MAX_CART_CHARS: Final = 3800


def read_cart(request: web.Request, catalog: Catalog) -> Cart:
    """Return the visitor's cart; what can't be read of it is left out."""
    if CHANGED_CART in request:
        return request[CHANGED_CART]
    return Cart.build(
        parse_cart(read(request).get(CART, "")),
        catalog,
        withholds=request.app[STORE].catalog.reading.withholds,
    )


def parse_cart(text: str) -> Iterator[StoredEntry]:
    """Yield the item ids of a cart's cookie, each with its price or None."""
    for part in filter(None, text[:_MAX_COOKIE_CHARS].split(_SEPARATOR)):
        entry = _ENTRY.fullmatch(part)
        if entry is not None:
            yield entry[1], None if entry[2] is None else int(entry[2])


def write_cart(
    request: web.Request, response: web.StreamResponse, cart: Cart
) -> None:
    """Set the cart's cookie, or delete it for an empty cart."""
    write(request, response, CART, format_cart(cart))


def format_cart(cart: Cart) -> str:
    """Return a cart's cookie; without prices where they don't fit."""
    text = _SEPARATOR.join(
        item_id if minor is None else f"{item_id}{_BEFORE_PRICE}{minor}"
        for item_id, minor in (*_stored_entries(cart), *cart.waiting)
    )
    if len(text) <= _MAX_CART_CHARS:
        return text
    waiting = (item_id for item_id, _ in cart.waiting)
    return _SEPARATOR.join((*cart.item_ids, *waiting))


def _stored_entries(cart: Cart) -> Iterator[StoredEntry]:
    for item_id in cart.stored_ids:
        own = cart.chosen.get(item_id)
        yield item_id, own.minor if own else None


# The discount: a code as it was typed, and a tag once it was verified.

_BEFORE_TAG: Final = "."
_MAX_DISCOUNT_CHARS: Final = 64


def read_discount(request: web.Request) -> tuple[str, bool]:
    """Return the visitor's discount code, and whether it has a valid tag."""
    text = read(request).get(DISCOUNT, "")[:_MAX_DISCOUNT_CHARS]
    code, _, tagged = text.partition(_BEFORE_TAG)
    if not tagged or not CODE.fullmatch(code):
        return code, False
    keyring = request.app[STORE].keyring
    return code, is_tag(keyring, Purpose.DISCOUNT, tagged, code.encode())


def write_discount(
    request: web.Request,
    response: web.StreamResponse,
    code: str,
    *,
    is_verified: bool = False,
) -> None:
    """Set the discount's cookie, or delete it where `code` is empty."""
    text = code
    if is_verified:
        keyring = request.app[STORE].keyring
        tagged = tag(keyring, Purpose.DISCOUNT, code.encode())
        text = f"{code}{_BEFORE_TAG}{tagged}"
    write(request, response, DISCOUNT, text)


# The claim: a random value, the time it was made, and a tag of both.

_TIME_BYTES: Final = 6
_MAX_CLAIM_CHARS: Final = 64


def read_claim(request: web.Request) -> Claim | None:
    """Return the claim that came with a request, None if there is none."""
    try:
        text = decode(read(request).get(CLAIM, "")[:_MAX_CLAIM_CHARS])
    except Forged:
        return None
    value, rest = text[:CLAIM_BYTES], text[CLAIM_BYTES:]
    if len(value) != CLAIM_BYTES:
        return None
    if not rest:
        return Claim(value)
    made_at, tagged = rest[:_TIME_BYTES], rest[_TIME_BYTES:]
    keyring = request.app[STORE].keyring
    if len(tagged) != TAG_BYTES or not is_tag(
        keyring, Purpose.CLAIM, encode(tagged), value, made_at
    ):
        return None
    return Claim(value, int.from_bytes(made_at, "big"))


def write_claim(
    request: web.Request, response: web.StreamResponse, claim: Claim
) -> None:
    """Set the claim's cookie."""
    store = request.app[STORE]
    made_at = store.clock() if claim.made_at is None else claim.made_at
    stated = made_at.to_bytes(_TIME_BYTES, "big")
    tagged = decode(tag(store.keyring, Purpose.CLAIM, claim.value, stated))
    write(request, response, CLAIM, encode(claim.value + stated + tagged))


# The language, set only where the visitor chose one.


def read_language(request: web.BaseRequest) -> str:
    """Return the language that the visitor chose, as the cookie states it.

    With either name, since it is read before it is known how the visitor is
    connected: another host could change no more than the texts.
    """
    found = read_all(request)
    return found.get(_PREFIX + LANGUAGE) or found.get(LANGUAGE, "")


# The started payment: the path that says what became of it.

PAYMENT_SECONDS: Final = 24 * 3600
PENDING_PAYMENT_SECONDS: Final = 14 * 24 * 3600
"""For a payment that takes days to complete."""
_PAYMENT_PATH: Final = re.compile(r"/payments/[!-~]{1,2500}")


def read_payment(request: web.Request) -> str:
    """Return the path of the visitor's started payment, or an empty text."""
    try:
        text = decode(read(request).get(PAYMENT, "")).decode("ascii")
    except (Forged, UnicodeDecodeError):
        return ""
    return text if _PAYMENT_PATH.fullmatch(text) else ""


def write_payment(
    request: web.Request,
    response: web.StreamResponse,
    path: str,
    max_age_seconds: int = PAYMENT_SECONDS,
) -> None:
    """Set the cookie of a started payment, unless its path is too long."""
    if _PAYMENT_PATH.fullmatch(path):
        value = encode(path.encode("ascii"))
        write(
            request,
            response,
            PAYMENT,
            value,
            max_age_seconds=max_age_seconds,
        )


def forget_payment(
    request: web.Request, response: web.StreamResponse, path: str
) -> None:
    """Delete the cookie of a started payment, if it is that of this path."""
    if path and read_payment(request) == path:
        write(request, response, PAYMENT, "")
