# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Reasons why lines of an order have no download links any more."""

from collections.abc import Iterable
from enum import StrEnum

from msrv.ledger.errors import DatabaseError
from msrv.ledger.events import WHOLE_ORDER
from msrv.ledger.ledger import Ledger
from msrv.ledger.timeouts import CHECKOUT_SECONDS
from msrv.ledger.withdrawals.events import BY_WITHDRAWAL
from msrv.orders.download_links import ReceiptItem
from msrv.proofs.receipts import Receipt


class EndReason(StrEnum):
    """Reason for the end of a line's links.

    WITHDRAWN is a withdrawal whose money hasn't gone back yet. UNKNOWN is a
    line that cost nothing, and any while the database is unavailable.
    """

    REFUNDED = "refunded"
    WITHDRAWN = "withdrawn"
    UNKNOWN = "unknown"


async def end_reasons(
    ledger: Ledger, receipt: Receipt, items: Iterable[ReceiptItem]
) -> dict[str, EndReason]:
    """Return of each line without a link why it has none, by item."""
    gone = [each.item_id for each in items if each.link is None]
    if not gone:
        return {}
    known = await _known_reasons(ledger, receipt.order_id)
    return {each: known.get(each, EndReason.UNKNOWN) for each in gone}


async def _known_reasons(
    ledger: Ledger, order_id: str
) -> dict[str, EndReason]:
    """Return the reasons that the ledger has, by item; none without it."""
    if not ledger.is_database_ready:
        return {}
    try:
        async with ledger.read_transaction(CHECKOUT_SECONDS) as connection:
            from msrv.ledger.db import order_queries  # noqa: PLC0415 - slow to import

            history = await order_queries.order_history(connection, order_id)
    except DatabaseError:
        return {}
    if history is None:
        return {}
    withdrawn = {
        each.item_id
        for each in history.changes
        if each.revoked and each.changed_by == BY_WITHDRAWAL
    }
    found = {}
    for line in history.order.lines:
        if line.refunded_minor:
            found[line.item_id] = EndReason.REFUNDED
        elif line.price_minor and not withdrawn.isdisjoint(
            {WHOLE_ORDER, line.item_id}
        ):
            found[line.item_id] = EndReason.WITHDRAWN
    return found
