"""What the address of a page asks for: a span, a time, a place in a list."""

import re
from datetime import date
from typing import Final

from aiohttp import web

from msrv.proofs.orders import is_item_id, is_order_id
from msrv.web.errors import InvalidField, NotFound
from msrv.web.formatting import day_number
from msrv.web.studio.periods import Span

DAY_SECONDS: Final = 86_400
_PERIOD: Final = re.compile(r"\d{4}(-(0[1-9]|1[0-2]))?", re.ASCII)
_FIRST_YEAR: Final = 1970


def span(request: web.Request) -> Span:
    """Read `span`; 30 days without it. Raises InvalidField."""
    text = request.query.get("span", Span.MONTH)
    try:
        return Span(text)
    except ValueError:
        raise InvalidField(
            "span", f"must be one of {', '.join(Span)}"
        ) from None


def period(request: web.Request) -> str:
    """Read `period`: `all`, a year, or a month. Raises InvalidField."""
    text = request.query.get("period", "").strip() or "all"
    if text != "all" and not _PERIOD.fullmatch(text):
        raise InvalidField(
            "period", "must be a month like 2026-03, a year, or all"
        )
    return text


def since(request: web.Request) -> int | None:
    """Read `from`, a day, as its first second. Raises InvalidField."""
    number = _day(request, "from")
    return None if number is None else number * DAY_SECONDS


def before(request: web.Request) -> int | None:
    """Read `to`, a day, as the first second after it. Raises InvalidField."""
    number = _day(request, "to")
    return None if number is None else (number + 1) * DAY_SECONDS


def after_order(request: web.Request) -> tuple[int, str] | None:
    """Read `after`, an order's place in the list. Raises InvalidField."""
    text = request.query.get("after", "")
    if not text:
        return None
    sold_at, _, order_id = text.partition(".")
    if not _is_number(sold_at) or not is_order_id(order_id):
        raise InvalidField("after", "must come from a link to the next page")
    return int(sold_at), order_id


def after_refund(request: web.Request) -> tuple[int, str, str] | None:
    """Read `after`, a refund's place in the list. Raises InvalidField."""
    text = request.query.get("after", "")
    if not text:
        return None
    at, _, rest = text.partition(".")
    order_id, _, item_id = rest.partition(".")
    if (
        not _is_number(at)
        or not is_order_id(order_id)
        or not (item_id == "" or is_item_id(item_id))
    ):
        raise InvalidField("after", "must come from a link to the next page")
    return int(at), order_id, item_id


def order_id(request: web.Request) -> str:
    """Read the order in the path. Raises NotFound."""
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
        raise InvalidField(name, "must be a date like 2026-03-06") from None
    if found.year < _FIRST_YEAR:
        raise InvalidField(name, "must be a date in 1970 or later")
    return day_number(found)


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 15
