# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Refunds and disputes: which items of an order they revoke, as of now.

Computed from the state that Stripe returns, not from the webhooks: those
arrive late, twice and in any order, and all of them lead to the same result.

A payment that was returned in full, by refunds and disputes together, revokes
the whole order. A partial refund or dispute revokes the items that its
metadata names under `items`, and nothing else: only the seller knows which of
several songs half the money was for.

A refund that the store requested says in its metadata by which key, by whom,
and whether the links of the whole order end although the amount is a part.

Apart from `webhooks`: this is pure, and tested by itself.
"""

import re
from collections.abc import Iterable
from typing import Any, Final

from msrv.money import Money
from msrv.payments.provider import WHOLE
from msrv.payments.refunds import (
    PaymentReversal,
    RefundOrder,
    RevocationChange,
)
from msrv.payments.stripe.amounts import from_stripe
from msrv.payments.stripe.client import Json

ITEMS: Final = "items"
"""Metadata key of a refund or dispute: item ids, separated by spaces or
commas."""
_MORE_ITEMS: Final = re.compile(r"items_[0-9]{1,2}")
_KEY: Final = "msrv_refund"
_BY: Final = "msrv_by"
_ENDS_LINKS: Final = "msrv_ends_links"
_VALUE_CHARS: Final = 500
_WORD_CHARS: Final = 64
_FAILED_STATUSES: Final = frozenset({"failed", "canceled"})
_WON_STATUSES: Final = frozenset({"won", "prevented"})
_INQUIRY_PREFIX: Final = "warning_"
_BETWEEN: Final = re.compile(r"[\s,;]+")


def revocation_changes(
    token: str,
    reference: str,
    paid_units: int,
    refunds: Iterable[Json],
    disputes: Iterable[Json],
    *,
    payment: str = "",
) -> tuple[RevocationChange, ...]:
    """Return what is revoked of an order, and what no longer is.

    `paid_units` is the amount paid, in Stripe's units, `payment` the id of
    the payment. Items that were never refunded are not in the result.

    An item is revoked since the refund or dispute was made, so that one that
    the seller has restored by hand stays restored when another refund follows.
    """
    revoked: dict[str, int | None] = {}
    ever_revoked: set[str] = set()
    returned = [
        (each, _refunded_items(each), each.get("status"), _FAILED_STATUSES)
        for each in refunds
    ] + [
        (each, _named_items(each), each.get("status"), _WON_STATUSES)
        for each in disputes
        if not _is_inquiry(each)
    ]
    effective = []
    for each, named, status, undone in returned:
        ever_revoked |= named
        if status not in undone:
            _add(revoked, named, each)
            effective.append(each)
    # The whole payment, by refunds and disputes together.
    if 0 < paid_units <= sum(each["amount"] for each, *_ in returned):
        ever_revoked.add(WHOLE)
    if 0 < paid_units <= sum(each["amount"] for each in effective):
        for each in effective:
            _add(revoked, {WHOLE}, each)
    return tuple(
        RevocationChange(
            token,
            reference,
            item_id,
            item_id in revoked,
            payment,
            revoked.get(item_id),
        )
        for item_id in sorted(ever_revoked)
    )


def reversals(
    paid: Money, refunds: Iterable[Json], disputes: Iterable[Json]
) -> tuple[PaymentReversal, ...]:
    """Return the refunds and disputes of a payment, without mere inquiries.

    One in another currency than the payment's is left out.
    """
    found = []
    for each in refunds:
        made = _reversal("refund", each, paid)
        if made is not None:
            found.append(made)
    for each in disputes:
        if _is_inquiry(each):
            continue
        made = _reversal("dispute", each, paid)
        if made is not None:
            found.append(made)
    return tuple(found)


def refund_params(order: RefundOrder, units: int) -> dict[str, Any]:
    """Return the parameters of a refund of `units` of Stripe's.

    https://docs.stripe.com/api/refunds/create
    """
    metadata = {_KEY: order.key, _BY: order.by}
    if order.ends_links:
        metadata[_ENDS_LINKS] = "1"
    parts = [""]
    for item_id in order.items:
        if len(parts[-1]) + 1 + len(item_id) > _VALUE_CHARS:
            parts.append("")
        parts[-1] = f"{parts[-1]} {item_id}".strip()
    for at, part in enumerate(parts):
        if part:
            metadata[f"{ITEMS}_{at}" if at else ITEMS] = part
    return {
        "payment_intent": order.payment,
        "amount": units,
        "reason": "requested_by_customer",
        "metadata": metadata,
    }


def _reversal(kind: str, thing: Json, paid: Money) -> PaymentReversal | None:
    """Return a refund or dispute, None for one in another currency."""
    try:
        amount = from_stripe(thing["amount"], thing["currency"])
    except ValueError:
        return None
    if amount.currency != paid.currency:
        return None
    metadata = thing.get("metadata") or {}
    status = str(thing.get("status") or "pending")  # nullable in a refund
    lost = _FAILED_STATUSES if kind == "refund" else _WON_STATUSES
    return PaymentReversal(
        reversal_id=thing["id"],
        kind=kind,
        status=status[:_WORD_CHARS],
        amount=amount,
        paid=paid,
        created_at=int(thing["created"]),
        items=tuple(sorted(_named_items(thing))),
        ends_links=bool(metadata.get(_ENDS_LINKS)),
        key=str(metadata.get(_KEY, "")),
        by=str(metadata.get(_BY, ""))[:_WORD_CHARS],
        reason=str(thing.get("failure_reason") or thing.get("reason") or ""),
        is_effective=status not in lost,
    )


def _add(
    revoked: dict[str, int | None], named: Iterable[str], thing: Json
) -> None:
    """Add items that a refund or dispute revokes, since it was made."""
    at = thing.get("created")
    for item_id in named:
        known = revoked.get(item_id, at)
        later = at is not None and known is not None and at > known
        revoked[item_id] = at if later else known


def _is_inquiry(dispute: Json) -> bool:
    """Return whether it is only a question of the buyer's bank.

    No money has moved then.
    """
    return str(dispute.get("status")).startswith(_INQUIRY_PREFIX)


def _refunded_items(refund: Json) -> set[str]:
    """Return what a refund revokes, whatever its amount."""
    ends_links = (refund.get("metadata") or {}).get(_ENDS_LINKS)
    return _named_items(refund) | ({WHOLE} if ends_links else set())


def _named_items(thing: Json) -> set[str]:
    metadata = thing.get("metadata") or {}
    text = " ".join(
        str(value)
        for name, value in metadata.items()
        if name == ITEMS or _MORE_ITEMS.fullmatch(name)
    )
    return set(_BETWEEN.split(text.strip())) - {""}
