# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Formatting of prices, sizes, times and counts for pages.

Prices are written as the visitor's language writes them (`€7.00`, `7,00 €`,
`€ 7,00`): 1.000 is a thousand in one country and one in another. Babel
provides CLDR's rules.
"""

import re
from collections.abc import Iterable
from datetime import date, timedelta
from decimal import Decimal
from typing import Final
from urllib.parse import quote

from babel.numbers import format_decimal, format_percent
from yarl import URL

from msrv.catalog.model import Shop
from msrv.catalog.texts.legal_texts import LABELS, LegalKind
from msrv.hostnames import host_to_ascii
from msrv.mail import addresses
from msrv.mail.addresses import BadAddress
from msrv.money import Money
from msrv.orders import redemption
from msrv.orders.cart import Cart
from msrv.orders.legal.consents import Wording, agreed_text, asked_wording
from msrv.proofs import grants
from msrv.proofs.consents import Consent
from msrv.translations import (
    current_language,
    gettext,
    gettext_noop,
    locale,
    ngettext,
)
from msrv.translations.dates import (
    format_date_time,
    format_interval,
    format_moment,
)
from msrv.translations.prices import format_amount, format_price

_EPOCH: Final = date(1970, 1, 1)
_PHONE_NUMBER: Final = re.compile(r"\+?[0-9]{3,20}")
# RFC 6068, section 2: the others are escaped.
_MAILTO_CHARACTERS: Final = "!$'*+"

_GIVEN: Final = {
    redemption.PROVIDER: gettext_noop("with a redeem code"),
    grants.PROVIDER: gettext_noop("given by the seller"),
}


def legal_label(kind: str) -> str:
    """Return the name of a legal text, as links to it have it."""
    return gettext(LABELS[LegalKind(kind)])


def consent_wording(shop: Shop) -> Wording | None:
    """Return the wording that buyers are asked to agree to, None for none."""
    return asked_wording(shop)


def consent_text(consent: Consent, shop: Shop) -> str:
    """Return the wording of a receipt's consent; empty if it is unknown."""
    return agreed_text(shop, consent)


def price(amount: Money) -> str:
    """Return an amount as the current request's language writes it."""
    return format_price(
        amount.minor, amount.currency, current_language().formats
    )


def typed(amount: Money) -> str:
    """Return an amount as the visitor would type it: `8,00`."""
    point = locale(current_language().formats).number_symbols["latn"][
        "decimal"
    ]
    return amount.decimal.replace(".", str(point))


def contact_url(contact: str) -> str:
    """Return the URL of a store's contact, or nothing if it has none.

    It may be a mail address, an address that begins with `https://`, or a
    phone number written as `tel:+49 30 901820`.
    """
    contact = contact.strip()
    scheme, _, rest = contact.partition(":")
    match scheme.lower():
        case "tel":
            digits = re.sub(r"[ ().-]", "", rest)
            return f"tel:{digits}" if _PHONE_NUMBER.fullmatch(digits) else ""
        case "https":
            return _web_page(contact)
        case "mailto":
            contact = rest
    try:
        local, _, domain = addresses.parse(contact).rpartition("@")
    except BadAddress:
        return ""
    return f"mailto:{quote(local, safe=_MAILTO_CHARACTERS)}@{domain}"


def _web_page(address: str) -> str:
    """Return a URL in ASCII, or nothing if it is not one with a host."""
    if " " in address or not address.isprintable():
        return ""
    try:
        url = URL(address)
        host = host_to_ascii(url.host_subcomponent or "")
    except ValueError:
        return ""
    return str(url) if host else ""


def percent(part: int) -> str:
    """Return a percentage: `10%`, `10 %`."""
    return format_percent(
        Decimal(part) / 100, locale=locale(current_language().formats)
    )


def cart_summary(cart: Cart) -> str:
    """Return the number of items in a cart, and its totals."""
    totals = [price(total) for total, _ in cart.by_currency()]
    count = len(cart.entries)
    items = ngettext("%(num)s item", "%(num)s items", count)
    return listed([items, *totals])


def listed(parts: Iterable[str]) -> str:
    """Return facts beside each other: `3 items, €7.00`."""
    # Translators: between the entries of a list, with the space after it.
    return gettext(", ").join(parts)


def decimal(value: float) -> str:
    """Return a number with up to three decimals: `44.1`, `44,1`."""
    shown = locale(current_language().formats)
    return format_decimal(value, format="0.###", locale=shown)


def duration(seconds: float) -> str:
    """Return a duration: `3:07`, `1:02:45`."""
    whole = round(seconds)
    minutes, rest = divmod(whole, 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours}:{minutes:02d}:{rest:02d}"
    return f"{minutes}:{rest:02d}"


def whole_minutes(seconds: int) -> int:
    """Return a wait in minutes, at least one: rounded up, so none is short."""
    return max(1, -(-seconds // 60))


def date_time(unix_seconds: int) -> str:
    """Return a time in UTC for a visitor: `Mar 6, 2026, 2:05 PM UTC`."""
    return format_date_time(unix_seconds)


def release_date(text: str) -> str:
    """Return a date, a month or a year of ISO 8601 for a visitor."""
    return format_interval(text)


def moment(unix_seconds: int) -> str:
    """Return a time in UTC: `Mar 6, 2026, 14:05 UTC`."""
    return format_moment(unix_seconds)


def amount(minor: int, currency: str) -> str:
    """Return an amount of minor units, which may be negative."""
    return format_amount(minor, currency)


def day(number: int) -> str:
    """Return the date of a day, given as days since 1970: `2026-03-06`."""
    return (_EPOCH + timedelta(days=number)).isoformat()


def written_day(number: int) -> str:
    """Return a day, given as days since 1970, in words: `Mar 6, 2026`."""
    return format_interval(day(number))


def month(name: str) -> str:
    """Return a month, given as `2026-03`, in words: `March 2026`."""
    return format_interval(name)


def day_number(when: date) -> int:
    """Return the days since 1970."""
    return (when - _EPOCH).days


def moment_ms(unix_ms: int) -> str:
    """Return a time to the second: `Mar 6, 2026, 14:05:09 UTC`."""
    return format_moment(unix_ms // 1000, seconds=True)


def share(part: int, whole: int) -> str:
    """Return a percentage: `87%`, or a dash if the whole is zero.

    100% means all of it, and 0% none: other shares are 1% to 99%.
    """
    if whole <= 0:
        return "–"  # noqa: RUF001 - a dash
    rounded = round(100 * part / whole)
    if part < whole:
        rounded = min(rounded, 99)
    if part > 0:
        rounded = max(rounded, 1)
    return percent(rounded)


def given_note(provider: str) -> str:
    """Return how an order came about that no payment provider knows.

    Empty for an order of a payment provider.
    """
    note = _GIVEN.get(provider)
    return gettext(note) if note else ""
