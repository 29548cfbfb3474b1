# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Content of a mail about sales, refunds and disputes.

Apart from the worker: this is pure. Texts are in the current language.
"""

from collections.abc import Container, Mapping, Sequence
from typing import Final

from msrv.ledger.db.feed.event_orders import EventOrder
from msrv.ledger.db.feed.outgoing_events import EventKind, OutgoingEvent
from msrv.mail.seller_mail import Row, Section
from msrv.settings import NotifyTopic
from msrv.translations import gettext, gettext_noop, ngettext
from msrv.translations.prices import format_amount

MAX_ROWS: Final = 50
"""Rows of a section: a mail stays readable after a busy hour."""

_HEADINGS: Final = {
    EventKind.ORDER_PAID: gettext_noop("Sales"),
    EventKind.ORDER_REFUNDED: gettext_noop("Refunds"),
    EventKind.ORDER_DISPUTED: gettext_noop("Disputes"),
}
_KINDS: Final = {
    NotifyTopic.SALES: EventKind.ORDER_PAID,
    NotifyTopic.REFUNDS: EventKind.ORDER_REFUNDED,
    NotifyTopic.DISPUTES: EventKind.ORDER_DISPUTED,
}


def kinds_of(topics: Container[NotifyTopic]) -> list[EventKind]:
    """Return the kinds of events that are mailed about these topics."""
    return [kind for topic, kind in _KINDS.items() if topic in topics]


def subject(
    events: Sequence[OutgoingEvent], orders: Mapping[str, EventOrder]
) -> str:
    """Return the subject of a mail about one event or several."""
    order = orders.get(events[0].order_id)
    if len(events) > 1 or order is None:
        return ngettext(
            "%(num)s event in your store",
            "%(num)s events in your store",
            len(events),
        )
    (event,) = events
    if event.kind is EventKind.ORDER_DISPUTED:
        return gettext("Disputed: order %(number)s", number=event.order_id)
    title, amount = _titles(event, order), written(event, order)
    if event.kind is EventKind.ORDER_REFUNDED:
        return gettext(
            "Refunded: %(title)s, %(amount)s", title=title, amount=amount
        )
    return gettext("Sold: %(title)s, %(amount)s", title=title, amount=amount)


def sections(
    events: Sequence[OutgoingEvent],
    orders: Mapping[str, EventOrder],
    base_url: str,
) -> tuple[Section, ...]:
    """Return a section for each kind of event, with a row for each event."""
    found = []
    for kind, heading in _HEADINGS.items():
        rows = [
            _row(each, orders.get(each.order_id), base_url)
            for each in events
            if each.kind is kind
        ]
        if len(rows) > MAX_ROWS:
            more = len(rows) - MAX_ROWS
            rows = rows[:MAX_ROWS]
            rows.append(
                Row(ngettext("and %(num)s more", "and %(num)s more", more))
            )
        if rows:
            found.append(Section(gettext(heading), tuple(rows)))
    return tuple(found)


def written(event: OutgoingEvent, order: EventOrder) -> str:
    """Return the amount of an event, as the current language writes it."""
    return format_amount(event.amount_minor, order.currency)


def _row(event: OutgoingEvent, order: EventOrder | None, base_url: str) -> Row:
    url = f"{base_url}/studio/orders/{event.order_id}"
    if order is None:
        return Row(gettext("Order %(number)s", number=event.order_id), url=url)
    figure = (
        "" if event.kind is EventKind.ORDER_DISPUTED else written(event, order)
    )
    return Row(_titles(event, order), figure, url)


def _titles(event: OutgoingEvent, order: EventOrder) -> str:
    """Return the first title, and how many more there are."""
    lines = order.named(event.item_ids) or order.lines
    title = lines[0].title
    if len(lines) == 1:
        return title
    return ngettext(
        "%(title)s and %(num)s more",
        "%(title)s and %(num)s more",
        len(lines) - 1,
        title=title,
    )
