# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Refunds and disputes: which items of an order they revoke, as of now.

Computed from the state that Stripe returns, not from the webhooks: those
arrive late, twice and in any order, and all of them lead to the same result.

A payment that was refunded in full revokes the whole order. A partial refund
revokes the items that its metadata names under `items`, and nothing else:
only the seller knows which of several songs half the money was for.

Apart from `webhooks`: this is pure, and tested by itself.
"""

import re
from collections.abc import Iterable
from typing import Final

from msrv.payments.provider import WHOLE, RefundChange
from msrv.payments.stripe.client import Json

ITEMS: Final = "items"
"""Metadata key of a refund or dispute: item ids, separated by spaces or
commas."""
_FAILED_STATUSES: Final = frozenset({"failed", "canceled"})
_WON_STATUSES: Final = frozenset({"won", "prevented"})
_INQUIRY_PREFIX: Final = "warning_"
_BETWEEN: Final = re.compile(r"[\s,;]+")


def refund_changes(
    token: str,
    reference: str,
    paid_units: int,
    refunds: Iterable[Json],
    disputes: Iterable[Json],
    *,
    payment: str = "",
) -> tuple[RefundChange, ...]:
    """Return what is revoked of an order, and what no longer is.

    `paid_units` is the amount paid, in Stripe's units, `payment` the id of
    the payment. Items that were never refunded are not in the result.
    """
    revoked: set[str] = set()
    ever_revoked: set[str] = set()
    refunded = ever_refunded = 0
    for refund in refunds:
        named = _named_items(refund)
        ever_revoked |= named
        ever_refunded += refund["amount"]
        if refund.get("status") not in _FAILED_STATUSES:
            refunded += refund["amount"]
            revoked |= named
    if 0 < paid_units <= ever_refunded:
        ever_revoked.add(WHOLE)
    if 0 < paid_units <= refunded:
        revoked.add(WHOLE)
    for dispute in disputes:
        status = str(dispute.get("status"))
        if status.startswith(_INQUIRY_PREFIX):
            continue  # only a question of the buyer's bank; no money has moved
        whole = dispute["amount"] >= paid_units
        named = {WHOLE} if whole else _named_items(dispute)
        ever_revoked |= named
        if status not in _WON_STATUSES:
            revoked |= named
    return tuple(
        RefundChange(token, reference, item_id, item_id in revoked, payment)
        for item_id in sorted(ever_revoked)
    )


def _named_items(thing: Json) -> set[str]:
    metadata = thing.get("metadata") or {}
    return set(_BETWEEN.split(str(metadata.get(ITEMS, "")).strip())) - {""}
