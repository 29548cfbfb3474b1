# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Messages of webhooks: the payload of an event, and its signed headers.

A payload has no proof, receipt or address of a buyer. `webhook-id` is the same
for each attempt: a receiver that remembers the ids processes each event once.

Apart from the worker: this is pure.
"""

import base64
import hashlib
import hmac
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from msrv import __version__
from msrv.catalog.model import Catalog
from msrv.money import Money, NotMoney

if TYPE_CHECKING:
    from msrv.ledger.db.feed.event_orders import EventLine, EventOrder
    from msrv.ledger.db.feed.outgoing_events import OutgoingEvent

_USER_AGENT: Final = f"MSRV/{__version__}"


@dataclass(frozen=True, slots=True)
class _Facts:
    """Event of a payload, and what is known of its subject."""

    event: "OutgoingEvent"
    order: "EventOrder | None"
    catalog: Catalog
    base_url: str


def payload(
    event: "OutgoingEvent",
    order: "EventOrder | None",
    catalog: Catalog,
    base_url: str,
) -> bytes:
    """Return the JSON body of an event.

    `order` is the order that it is about, if the ledger has it.
    """
    facts = _Facts(event, order, catalog, base_url)
    return json.dumps(
        {
            "type": event.kind.value,
            "timestamp": _iso(event.at),
            "data": _DATA[event.kind.value](facts),
        },
        separators=(",", ":"),
        ensure_ascii=False,
    ).encode()


def newsletter_payload(address: str, language: str, at: int) -> bytes:
    """Return the JSON body that asks for a subscription to the newsletter.

    The only one with an address: it is what the buyer asked for.
    """
    return json.dumps(
        {
            "type": "newsletter.requested",
            "timestamp": _iso(at),
            "data": {"email": address, "language": language},
        },
        separators=(",", ":"),
        ensure_ascii=False,
    ).encode()


def headers(
    secrets: Sequence[bytes], event_id: str, body: bytes, now: int
) -> dict[str, str]:
    """Return the headers of an attempt, with a signature for each secret."""
    signed = b".".join([event_id.encode(), str(now).encode(), body])
    signatures = [
        base64.b64encode(hmac.digest(secret, signed, hashlib.sha256)).decode()
        for secret in secrets
    ]
    return {
        "Content-Type": "application/json",
        "User-Agent": _USER_AGENT,
        "webhook-id": event_id,
        "webhook-timestamp": str(now),
        "webhook-signature": " ".join(f"v1,{each}" for each in signatures),
    }


def _paid(facts: _Facts) -> dict[str, Any]:
    event, order = facts.event, facts.order
    return {
        "order_id": event.order_id,
        **_amount("total", event.amount_minor, order),
        "provider": order.provider if order else None,
        "items": _items(order.lines if order else ()),
    }


def _refunded(facts: _Facts) -> dict[str, Any]:
    event, order = facts.event, facts.order
    return {
        "order_id": event.order_id,
        **_amount("refunded", event.amount_minor, order),
        "items": _items(order.named(event.item_ids) if order else ()),
    }


def _disputed(facts: _Facts) -> dict[str, Any]:
    event, order = facts.event, facts.order
    total = order.total_minor if order else 0
    return {"order_id": event.order_id, **_amount("total", total, order)}


def _downloaded(facts: _Facts) -> dict[str, Any]:
    event = facts.event
    (item_id,) = event.item_ids
    return {
        "order_id": event.order_id,
        "item_id": item_id,
        "title": facts.catalog.title_of(item_id),
    }


def _published(facts: _Facts) -> dict[str, Any]:
    (release_id,) = facts.event.item_ids
    release = facts.catalog.releases_by_id.get(release_id)
    url = f"{facts.base_url}/catalog/{release_id}" if facts.base_url else None
    return {
        "release_id": release_id,
        "title": release.title if release else None,
        "artist": release.artist if release else None,
        "date": release.date if release else None,
        "url": url,
    }


_DATA: Final[Mapping[str, Callable[[_Facts], dict[str, Any]]]] = {
    "order.paid": _paid,
    "order.refunded": _refunded,
    "order.disputed": _disputed,
    "download.completed": _downloaded,
    "release.published": _published,
}


def _amount(
    name: str, minor: int, order: "EventOrder | None"
) -> dict[str, Any]:
    """Return an amount in minor units, and as a decimal number in a text."""
    currency = order.currency if order else None
    try:
        decimal = Money(minor, currency).decimal if currency else None
    except NotMoney:
        decimal = None  # a currency that only another version knows
    return {
        f"{name}_minor": minor,
        name: decimal,
        "currency": currency,
    }


def _items(lines: "Sequence[EventLine]") -> list[dict[str, Any]]:
    return [
        {
            "item_id": each.item_id,
            "title": each.title,
            "price_minor": each.price_minor,
        }
        for each in lines
    ]


def _iso(unix_seconds: int) -> str:
    return datetime.fromtimestamp(unix_seconds, UTC).isoformat()
