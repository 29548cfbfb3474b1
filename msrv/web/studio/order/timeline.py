# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""The timeline of an order: everything that happened to it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from msrv.ledger.db.order_queries import OrderHistory
from msrv.ledger.db.refunds.queries import OrderReversal
from msrv.ledger.operators.acts import OperatorAct
from msrv.ledger.reversals.event import REFUND, REFUSED
from msrv.translations import gettext, gettext_noop
from msrv.web import formatting
from msrv.web.errors.refunds import refusal_text
from msrv.web.studio import activity

_STATUSES: Final[Mapping[tuple[str, str], str]] = {
    (REFUND, "pending"): gettext_noop(
        "Refund of %(amount)s, on its way to the buyer"
    ),
    (REFUND, "requires_action"): gettext_noop(
        "Refund of %(amount)s, waiting for the buyer"
    ),
    (REFUND, "succeeded"): gettext_noop("Refund of %(amount)s"),
    (REFUND, "failed"): gettext_noop(
        "Refund of %(amount)s failed: the money came back to you"
    ),
    (REFUND, "canceled"): gettext_noop("Refund of %(amount)s, cancelled"),
    (REFUND, REFUSED): gettext_noop(
        "Refund of %(amount)s, refused by the payment provider"
    ),
    ("dispute", "needs_response"): gettext_noop(
        "Dispute over %(amount)s: send the evidence to the payment provider"
    ),
    ("dispute", "under_review"): gettext_noop(
        "Dispute over %(amount)s, under review by the bank"
    ),
    ("dispute", "won"): gettext_noop(
        "Dispute over %(amount)s, won: the money is yours"
    ),
    ("dispute", "prevented"): gettext_noop(
        "Dispute over %(amount)s, prevented"
    ),
    ("dispute", "lost"): gettext_noop(
        "Dispute over %(amount)s, lost: the money went back"
    ),
}
_QUIET_ACTS: Final = frozenset({"refund", "revoke", "restore"})
"""Acts whose effect is in the timeline already."""


@dataclass(frozen=True, slots=True)
class TimelineEntry:
    """Something that happened to an order, at a time in milliseconds.

    `text` says what, `note` more of it, `by` is the source; the last two may
    be empty.
    """

    at_ms: int
    text: str
    note: str = ""
    by: str = ""


def order_timeline(
    history: OrderHistory,
    acts: Iterable[OperatorAct],
    titles: Mapping[str, str],
) -> list[TimelineEntry]:
    """Return the timeline of an order, from its sale to now.

    `titles` are those of its items.
    """
    order = history.order
    entries = [
        TimelineEntry(
            order.sold_at * 1000,
            gettext(
                "Sold for %(amount)s",
                amount=formatting.amount(order.total_minor, order.currency),
            ),
            by=order.provider,
        )
    ]
    entries += [
        reversal_entry(each, order.currency, titles)
        for each in history.reversals
    ]
    for change in history.changes:
        title = titles.get(change.item_id) or gettext("whole order")
        text = (
            gettext("Downloads ended: %(title)s", title=title)
            if change.revoked
            else gettext("Downloads restored: %(title)s", title=title)
        )
        entries.append(
            TimelineEntry(change.changed_at_ms, text, by=change.changed_by)
        )
    entries += [
        TimelineEntry(
            each.received_at * 1000,
            gettext("Payment provider event: %(kind)s", kind=each.kind),
            each.event_id,
            each.provider,
        )
        for each in history.payments
    ]
    for each in history.downloads:
        title = titles.get(each.item_id, each.item_id)
        entries.append(
            TimelineEntry(
                each.began_at * 1000,
                gettext("Download started: %(title)s", title=title),
            )
        )
        if each.completed_at is not None:
            entries.append(
                TimelineEntry(
                    each.completed_at * 1000,
                    gettext("Download complete: %(title)s", title=title),
                )
            )
    entries += [
        TimelineEntry(
            act.at_ms,
            gettext(activity.NAMES[act.act]),
            by=activity.actor_label(act.actor)
            if act.actor
            else f"studio-{act.session}",
        )
        for act in acts
        if act.act in activity.NAMES and act.act not in _QUIET_ACTS
    ]
    return sorted(entries, key=lambda entry: entry.at_ms)


def reversal_entry(
    each: OrderReversal, currency: str, titles: Mapping[str, str]
) -> TimelineEntry:
    """Return the entry of a refund or dispute, in its latest status.

    `titles` are those of the order's items.
    """
    amount = formatting.amount(each.amount_minor, currency)
    text = _STATUSES.get((each.kind, each.status))
    shown = (
        gettext(text, amount=amount)
        if text is not None
        else f"{each.kind}, {amount}: {each.status}"
    )
    notes: list[Any] = [titles.get(item, item) for item in each.items]
    if each.status == REFUSED:
        notes.append(refusal_text(each.reason))
    else:
        notes.append(each.reversal_id)
    return TimelineEntry(
        each.created_at * 1000, shown, ", ".join(notes), each.changed_by
    )
