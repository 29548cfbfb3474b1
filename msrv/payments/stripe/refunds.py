"""What refunds and disputes have taken back of an order, by how it stands now.

Not the messages count but the state that Stripe is asked for: messages come
late, twice and in any order, and all of them lead to the same answer.

A payment that was given back whole takes the whole order back. A part takes
back the items that its metadata names under `items`, and nothing else: which
of several songs half the money was for, only the seller knows.
"""

import re
from collections.abc import Iterable
from typing import Final

from msrv.payments.provider import WHOLE, Change
from msrv.payments.stripe.client import Json

ITEMS: Final = "items"
"""The metadata of a refund or dispute: item ids, with spaces or commas."""
_GONE: Final = frozenset({"failed", "canceled"})
_WON: Final = frozenset({"won", "prevented"})
_INQUIRY: Final = "warning_"
_BETWEEN: Final = re.compile(r"[\s,;]+")


def changes(
    token: str,
    reference: str,
    paid_units: int,
    refunds: Iterable[Json],
    disputes: Iterable[Json],
) -> tuple[Change, ...]:
    """Say what is taken back of an order, and what no longer is.

    `paid_units` is what was paid, in Stripe's units.
    What was never taken back is not spoken of.
    """
    taken: set[str] = set()
    given: set[str] = set()  # once taken, and perhaps still
    refunded = refunded_once = 0
    for refund in refunds:
        named = _named(refund)
        given |= named
        refunded_once += refund["amount"]
        if refund.get("status") not in _GONE:
            refunded += refund["amount"]
            taken |= named
    if 0 < paid_units <= refunded_once:
        given.add(WHOLE)
    if 0 < paid_units <= refunded:
        taken.add(WHOLE)
    for dispute in disputes:
        status = str(dispute.get("status"))
        if status.startswith(_INQUIRY):
            continue  # a question of the buyer's bank; no money has moved
        whole = dispute["amount"] >= paid_units
        named = {WHOLE} if whole else _named(dispute)
        given |= named
        if status not in _WON:
            taken |= named
    return tuple(
        Change(token, reference, item_id, item_id in taken)
        for item_id in sorted(taken | given)
    )


def _named(thing: Json) -> set[str]:
    metadata = thing.get("metadata") or {}
    return set(_BETWEEN.split(str(metadata.get(ITEMS, "")).strip())) - {""}
