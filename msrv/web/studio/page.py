# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Shared by the studio's pages: reading the ledger, rendering, parameters."""

import contextlib
import re
from collections.abc import AsyncIterator, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlencode

from aiohttp import web

from msrv.catalog.model import Catalog
from msrv.ledger.errors import DatabaseError
from msrv.ledger.timeouts import STUDIO_SECONDS
from msrv.proofs.orders import is_item_id, is_order_id
from msrv.translations import gettext
from msrv.web.errors import InvalidField, NotFound
from msrv.web.errors.table import error_page
from msrv.web.formatting import day, day_number
from msrv.web.rendering import PRIVATE, respond
from msrv.web.store import STORE
from msrv.web.studio.access.rules import ACCESS
from msrv.web.studio.chart import Span

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncConnection

_RETRY_SECONDS: Final = "10"
DAY_SECONDS: Final = 86_400
_PERIOD: Final = re.compile(r"[12]\d{3}(-(0[1-9]|1[0-2]))?", re.ASCII)
_REFUND: Final = re.compile(r"[\x21-\x7e]{0,255}")
"""An item's id, none for the whole order, or a provider's id of a refund."""
_CURRENCY: Final = re.compile("[A-Z]{3}")
_FIRST_YEAR: Final = 1970


@contextlib.asynccontextmanager
async def read_transaction(
    request: web.Request, *, for_report: bool = False
) -> AsyncIterator["AsyncConnection"]:
    """Read the ledger in one transaction. Raises DatabaseError.

    `for_report`, a replica of the database may be read.
    """
    async with request.app[STORE].ledger.read_transaction(
        STUDIO_SECONDS, for_report=for_report
    ) as connection:
        yield connection


def style_url(request: web.Request) -> str:
    """Return the address of the studio's stylesheet."""
    return request.app[STORE].assets.url("studio.css")


def render(
    request: web.Request,
    template: str,
    data: Mapping[str, Any],
    *,
    status: int = 200,
    **context: Any,  # noqa: ANN401 - a template takes anything
) -> web.Response:
    """Return a page of the studio, or JSON; never cached.

    The template knows what the operator may do: `may_sell`, `may_administer`.
    """
    access = request.get(ACCESS)
    return respond(
        request,
        f"studio/{template}",
        data,
        status=status,
        cache_control=PRIVATE,
        style_url=style_url(request),
        troubled=bool(request.app[STORE].ledger.status().troubles),
        may_sell=access is not None and access.may_sell,
        may_administer=access is not None and access.may_administer,
        has_webhooks=bool(request.app[STORE].outgoing_webhooks.receivers),
        **context,
    )


def database_unavailable(
    request: web.Request, error: DatabaseError
) -> web.Response:
    """Return 503 while the ledger can't be read; no event is lost."""
    waiting = request.app[STORE].ledger.status().waiting_events
    response = render(
        request,
        "unavailable.html",
        {
            "error": "ledger_resting",
            "message": str(error),
            "waiting_events": waiting,
        },
        status=503,
        why=str(error),
        waiting=waiting,
        changing=request.method == "POST",
    )
    response.headers["Retry-After"] = _RETRY_SECONDS
    return response


def invalid_field(request: web.Request, error: InvalidField) -> web.Response:
    """Return 400 for a query or a form with an invalid field."""
    found = error_page(error)
    return render(
        request,
        "invalid_field.html",
        {"error": found.code, "message": found.message, **found.data},
        status=found.status,
        error=found,
    )


def read_span(request: web.Request) -> Span:
    """Return `span`, by default 30 days. Raises InvalidField."""
    text = request.query.get("span", Span.MONTH)
    try:
        return Span(text)
    except ValueError:
        raise InvalidField(
            "span", gettext("must be one of %(names)s", names=", ".join(Span))
        ) from None


def read_period(request: web.Request) -> str:
    """Return `period`: `all`, a year, or a month. Raises InvalidField."""
    text = request.query.get("period", "").strip() or "all"
    if text != "all" and not _PERIOD.fullmatch(text):
        raise InvalidField(
            "period", gettext("must be a month like 2026-03, a year, or all")
        )
    return text


def years_of(months: Iterable[str]) -> list[str]:
    """Return the years of months like `2026-03`, in their order."""
    return list(dict.fromkeys(each[:4] for each in months))


def is_month(text: str) -> bool:
    """Return whether a text is a month like `2026-03`."""
    return "-" in text and _PERIOD.fullmatch(text) is not None


def read_since(request: web.Request) -> int | None:
    """Return the first second of the day `from`. Raises InvalidField."""
    number = _day(request, "from")
    return None if number is None else number * DAY_SECONDS


def read_before(request: web.Request) -> int | None:
    """Return the first second after the day `to`. Raises InvalidField."""
    number = _day(request, "to")
    return None if number is None else (number + 1) * DAY_SECONDS


def read_currency(request: web.Request) -> str:
    """Return `currency`, empty for all. Raises InvalidField."""
    text = request.query.get("currency", "").strip()
    if text and not _CURRENCY.fullmatch(text):
        raise InvalidField(
            "currency", gettext("must be three letters, like EUR")
        )
    return text


@dataclass(frozen=True, slots=True)
class OrderSelection:
    """Selection of orders: those of an item, or of a release and all in it.

    `item_ids` are the ids that it was sold under, empty for all orders.
    """

    title: str = ""
    item_ids: frozenset[str] = frozenset()


def read_order_selection(request: web.Request) -> OrderSelection:
    """Return the orders that `item` or `release` selects; all without.

    Raises InvalidField, NotReady.
    """
    for name in ("release", "item"):
        stated = request.query.get(name, "").strip()
        if stated and not is_item_id(stated):
            raise InvalidField(name, gettext("must be an item's id"))
        if stated:
            catalog = request.app[STORE].catalog.current
            present = catalog.moved.get(stated, stated)
            release = catalog.releases_by_id.get(present)
            ids = {old for old, new in catalog.moved.items() if new == present}
            if name == "release" and release is not None:
                from msrv.web.studio.releases.overview import (  # noqa: PLC0415 - slow to import
                    sold_ids,
                )

                ids.update(sold_ids(catalog, release))
            return OrderSelection(
                catalog.title_of(present), frozenset({stated, present, *ids})
            )
    return OrderSelection()


def reads_refunded(request: web.Request) -> bool:
    """Return whether `refunded` asks for orders with refunds alone."""
    return bool(request.query.get("refunded"))


def query(fields: Mapping[str, str | int | None]) -> str:
    """Return the query of an address, `?a=b`, of the fields with a value.

    Empty if none has one.
    """
    text = urlencode({name: value for name, value in fields.items() if value})
    return f"?{text}" if text else ""


def orders_url(
    days: tuple[int, int] | None = None,
    *,
    currency: str = "",
    item: str = "",
    release: str = "",
    refunded: bool = False,
) -> str:
    """Return the address of the orders of some days, inclusive, or of all.

    They may be those of an item, or of a release and all in it, and with
    `refunded` those of which it was refunded.
    """
    first, last = map(day, days) if days else ("", "")
    return "/studio/orders" + query(
        {
            "from": first,
            "to": last,
            "currency": currency,
            "item": item,
            "release": release,
            "refunded": int(refunded),
        }
    )


def figures_url(catalog: Catalog, item_id: str) -> str:
    """Return the address of the figures of an item's release.

    Of its orders, where it isn't in the library any more.
    """
    entry = catalog.by_id.get(item_id)
    release = entry and catalog.release_of(entry)
    if release is None:
        return orders_url(item=item_id)
    return f"/studio/releases/{release.release_id}"


def period_days(period: str) -> tuple[int, int] | None:
    """Return the first and the last day of a month or a year, None for all."""
    if period == "all":
        return None
    year, _, stated = period.partition("-")
    first, last = (int(stated), int(stated)) if stated else (1, 12)
    after = date(int(year) + last // 12, last % 12 + 1, 1)
    return day_number(date(int(year), first, 1)), day_number(after) - 1


def invalid_position() -> InvalidField:
    """Return the error of an `after` that isn't a position in its list."""
    return InvalidField(
        "after", gettext("must come from a link to the next page")
    )


def read_order_position(request: web.Request) -> tuple[int, str] | None:
    """Return `after`, a position in the order list. Raises InvalidField."""
    text = request.query.get("after", "")
    if not text:
        return None
    sold_at, _, order_id = text.partition(".")
    if not is_number(sold_at) or not is_order_id(order_id):
        raise invalid_position()
    return int(sold_at), order_id


def read_refund_position(request: web.Request) -> tuple[int, str, str] | None:
    """Return `after`, a position in the refund list. Raises InvalidField."""
    text = request.query.get("after", "")
    if not text:
        return None
    at, _, rest = text.partition(".")
    order_id, _, item_id = rest.partition(".")
    if (
        not is_number(at)
        or not is_order_id(order_id)
        or not _REFUND.fullmatch(item_id)
    ):
        raise invalid_position()
    return int(at), order_id, item_id


def read_order_id(request: web.Request) -> str:
    """Return the order's id in the path. Raises NotFound."""
    text = request.match_info["order"]
    if not is_order_id(text):
        raise NotFound
    return text


def _day(request: web.Request, name: str) -> int | None:
    text = request.query.get(name, "").strip()
    if not text:
        return None
    try:
        found = date.fromisoformat(text)
    except ValueError:
        raise InvalidField(
            name, gettext("must be a date like 2026-03-06")
        ) from None
    if found.year < _FIRST_YEAR:
        raise InvalidField(name, gettext("must be a date in 1970 or later"))
    return day_number(found)


def is_number(text: str) -> bool:
    """Return whether a text is a number of up to fifteen digits."""
    return text.isascii() and text.isdigit() and len(text) <= 15
