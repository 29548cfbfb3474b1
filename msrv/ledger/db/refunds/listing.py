# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""List of refunds: money that went back, and downloads that have ended.

The table of reversals is read whole: it has a row for each refund at a payment
provider, not for each sale.
"""

from dataclasses import dataclass
from typing import Final

from sqlalchemy import ColumnElement, and_, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from msrv.ledger.db.refunds.queries import OrderReversal, reversal_of
from msrv.ledger.db.schema import orders, refunds, reversals

_PAGE: Final = 50

RefundKey = tuple[int, str, str]
"""Sort key: `(changed_at_ms, order_id, item_id or reversal_id)`."""


@dataclass(frozen=True, slots=True)
class ListedRefund:
    """Money of an order that went back, or the end of its downloads.

    The former has a `reversal`, with the `currency` of its amount. The latter
    is of the whole order (`item_id` is empty) or of one line.
    """

    order_id: str
    item_id: str
    changed_at_ms: int
    changed_by: str
    reversal: OrderReversal | None = None
    currency: str = ""

    @property
    def key(self) -> RefundKey:
        """Sort key."""
        last = self.reversal.reversal_id if self.reversal else self.item_id
        return self.changed_at_ms, self.order_id, last


async def list_refunds(
    connection: AsyncConnection,
    *,
    since: int | None = None,
    before: int | None = None,
    after: RefundKey | None = None,
    most: int = _PAGE,
) -> list[ListedRefund]:
    """Return what is refunded or ended now, the latest first.

    Since `since` and earlier than `before`, in Unix seconds. `after` is the
    key of the last one before.
    """
    change, money = refunds.c, reversals.c
    ended = (
        select(
            change.order_id,
            change.item_id,
            change.changed_at_ms,
            change.changed_by,
        )
        .where(
            change.revoked,
            *_between(change.changed_at_ms, 1000, since, before),
            *_after(
                change.changed_at_ms, change.order_id, change.item_id, after
            ),
        )
        .order_by(
            change.changed_at_ms.desc(),
            change.order_id.desc(),
            change.item_id.desc(),
        )
        .limit(most)
    )
    returned = (
        select(reversals, orders.c.currency)
        .join(orders, orders.c.order_id == money.order_id)
        .where(
            money.is_effective,
            *_between(money.seen_at, 1, since, before),
            *_after(
                money.seen_at * 1000, money.order_id, money.reversal_id, after
            ),
        )
        .order_by(
            money.seen_at.desc(),
            money.order_id.desc(),
            money.reversal_id.desc(),
        )
        .limit(most)
    )
    found = [ListedRefund(*row) for row in await connection.execute(ended)]
    found += [
        ListedRefund(
            row.order_id,
            "",
            row.seen_at * 1000,
            row.changed_by,
            reversal_of(row),
            row.currency,
        )
        for row in await connection.execute(returned)
    ]
    return sorted(found, key=lambda each: each.key, reverse=True)[:most]


def _between(
    time: ColumnElement[int], unit: int, since: int | None, before: int | None
) -> list[ColumnElement[bool]]:
    """Return the conditions of an interval; `unit` is that of a second."""
    found = []
    if since is not None:
        found.append(time >= since * unit)
    if before is not None:
        found.append(time < before * unit)
    return found


def _after(
    at_ms: ColumnElement[int],
    order_id: ColumnElement[str],
    last: ColumnElement[str],
    after: RefundKey | None,
) -> list[ColumnElement[bool]]:
    """Return the conditions of a page that continues after a key."""
    if after is None:
        return []
    # Each database enters the index at the right place for this form.
    return [
        at_ms <= after[0],
        or_(
            at_ms < after[0],
            order_id < after[1],
            and_(order_id == after[1], last < after[2]),
        ),
    ]
