# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Form parsing: one format, bounded size, linear time.

A form is `application/x-www-form-urlencoded`, in UTF-8, and uncompressed.
Its headers decide that before a byte of the body is read, so that the sender
can choose neither the parser nor the codec.
"""

import asyncio
import re
from collections.abc import Mapping
from typing import Final

from aiohttp import web
from multidict import MultiDict, MultiMapping

from msrv.catalog.model import Catalog, Item, Release
from msrv.money import Money, NotMoney, parse_typed
from msrv.orders.errors import PriceOutOfBounds
from msrv.orders.pricing import check_bounds, find_offered, id_of
from msrv.translations import gettext
from msrv.web import formatting
from msrv.web.errors import (
    FormTooLarge,
    InvalidField,
    NotFound,
    UnsupportedForm,
)

MEDIA_TYPE: Final = "application/x-www-form-urlencoded"
FORM_SECONDS: Final = 30
"""Time limit for the whole body to arrive."""
MAX_BYTES: Final = 64 * 1024
MAX_FIELDS: Final = 400
"""A cart holds 100 items, and each has up to three fields."""
MAX_FIELD_BYTES: Final = 10 * 1024
"""Limit on a name or a value, as sent. The longest receipt has 7900 bytes."""

PRICE_PREFIX: Final = "price."
"""Before an item's id, in the name of a field with the buyer's price."""

_MAX_CODING_CHARS: Final = 256
_STEP_BYTES: Final = 8 * 1024
_CHARSET: Final = re.compile(r'charset=(?:utf-8|"utf-8")', re.IGNORECASE)
_ESCAPES: Final = {
    f"{high}{low}".encode(): bytes([int(f"{high}{low}", 16)])
    for high in "0123456789abcdefABCDEF"
    for low in "0123456789abcdefABCDEF"
}


async def read_form(request: web.Request) -> MultiDict[str]:
    """Return a form's fields, in the order they were sent.

    Raises UnsupportedForm for anything but a form, FormTooLarge, InvalidField
    for one that isn't UTF-8, and HTTPRequestTimeout for one that arrives too
    slowly.
    """
    if not request.can_read_body:
        return MultiDict()  # `curl -X POST`
    check(request.headers)
    if (request.content_length or 0) > MAX_BYTES:
        raise FormTooLarge
    try:
        async with asyncio.timeout(FORM_SECONDS):
            body = await _read(request)
    except TimeoutError as error:
        raise web.HTTPRequestTimeout from error
    except web.RequestPayloadError as error:
        raise InvalidField(
            "body", gettext("must be a form that can be parsed")
        ) from error
    return await parse(body)


def check(headers: MultiMapping[str]) -> None:
    """Raise UnsupportedForm unless the headers state a form."""
    stated = headers.getall("Content-Type", ())
    if len(stated) != 1:
        raise UnsupportedForm
    media_type, *parameters = stated[0].split(";")
    if media_type.strip(" \t").lower() != MEDIA_TYPE:
        raise UnsupportedForm
    given = [each for each in map(_trimmed, parameters) if each]
    if len(given) > 1 or not all(map(_CHARSET.fullmatch, given)):
        raise UnsupportedForm
    if is_compressed(headers):
        raise UnsupportedForm


def is_compressed(headers: MultiMapping[str]) -> bool:
    """Return whether a body is compressed (RFC 9110, section 8.4)."""
    codings = ",".join(headers.getall("Content-Encoding", ()))
    return len(codings) > _MAX_CODING_CHARS or any(
        _trimmed(each).lower() not in {"", "identity"}
        for each in codings.split(",")
    )


async def parse(body: bytes) -> MultiDict[str]:
    """Parse a form as the URL Standard does (section 5.1), but strictly UTF-8.

    Yields to other requests every few kilobytes. Raises FormTooLarge,
    InvalidField.
    """
    if len(body) > MAX_BYTES or body.count(b"&") >= MAX_FIELDS:
        raise FormTooLarge
    fields = MultiDict[str]()
    done = 0
    for pair in body.split(b"&"):
        if not pair:
            continue
        name, _, value = pair.partition(b"=")
        fields.add(_text(name), _text(value))
        done += len(pair)
        if done >= _STEP_BYTES:
            done = 0
            await asyncio.sleep(0)
    return fields


def read_minor(form: Mapping[str, str], name: str) -> int | None:
    """Return an amount in minor units, or None if the form has none.

    Raises InvalidField.
    """
    text = form.get(name)
    if text is None:
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= 15):
        raise InvalidField(
            name, gettext("must be an amount in minor units, like 700")
        )
    return int(text)


def read_back(form: Mapping[str, str], default: str) -> str:
    """Return the path of the store that a form states in `back`.

    The default for an address that would lead a browser to another host.
    """
    path = form.get("back", "")
    # A browser reads `//host`, and a backslash like a slash.
    is_own = (
        path.startswith("/")
        and not path.startswith("//")
        and "\\" not in path
        and path.isascii()
        and path.isprintable()
    )
    return path if is_own else default


def read_page_number(request: web.Request) -> int:
    """Return the `page` of a query, 1 without one.

    Raises InvalidField, and NotFound for 0.
    """
    stated = request.query.get("page", "1")
    if not (stated.isascii() and stated.isdigit() and len(stated) < 10):
        raise InvalidField("page", gettext("must be a number, 1 or higher"))
    if int(stated) == 0:
        raise NotFound
    return int(stated)


def read_prices(form: MultiDict[str], catalog: Catalog) -> dict[str, Money]:
    """Return the buyer's own prices, by item id, from `price.ITEM` fields.

    The field is ignored for an item whose price is fixed. Raises InvalidField
    for anything but an amount, PriceOutOfBounds for one outside the bounds,
    PriceNotPayable for one that can't be paid.
    """
    prices, errors = read_each_price(form, catalog)
    if errors:
        raise errors[0]
    return prices


def read_each_price(
    form: MultiDict[str], catalog: Catalog
) -> tuple[dict[str, Money], list[InvalidField | PriceOutOfBounds]]:
    """Return the valid prices, as `read_prices`, and errors of the others."""
    prices: dict[str, Money] = {}
    errors: list[InvalidField | PriceOutOfBounds] = []
    for name, text in form.items():
        if not name.startswith(PRICE_PREFIX):
            continue
        offered = find_offered(catalog, name.removeprefix(PRICE_PREFIX))
        if offered is None or offered.minimum is None:
            continue
        try:
            prices[id_of(offered)] = _read_price(name, text, offered)
        except (InvalidField, PriceOutOfBounds) as error:
            errors.append(error)
    return prices, errors


def _read_price(name: str, text: str, offered: Item | Release) -> Money:
    """Return the price in a field. Raises as `read_prices` does."""
    currency = offered.price.currency
    try:
        own = parse_typed(text, currency)
    except NotMoney:
        raise InvalidField(
            offered.title,
            gettext(
                "must be an amount of %(currency)s, like %(example)s",
                currency=currency,
                example=formatting.typed(offered.price),
            ),
            field=name,
        ) from None
    check_bounds(offered, own)
    return own


async def _read(request: web.Request) -> bytes:
    pieces: list[bytes] = []
    size = 0
    while piece := await request.content.readany():
        size += len(piece)
        if size > MAX_BYTES:
            raise FormTooLarge
        pieces.append(piece)
    return b"".join(pieces)


def _text(quoted: bytes) -> str:
    if len(quoted) > MAX_FIELD_BYTES:
        raise FormTooLarge
    try:
        return _unquoted(quoted).decode("utf-8")
    except UnicodeDecodeError:
        raise InvalidField(
            "body", gettext("must be a form in UTF-8")
        ) from None


def _unquoted(quoted: bytes) -> bytes:
    """Decode `+` and `%41`; any other `%` stands for itself."""
    first, *rest = quoted.replace(b"+", b" ").split(b"%")
    pieces = [first]
    for piece in rest:
        byte = _ESCAPES.get(piece[:2])
        pieces += (b"%", piece) if byte is None else (byte, piece[2:])
    return b"".join(pieces)


def _trimmed(text: str) -> str:
    return text.strip(" \t")
