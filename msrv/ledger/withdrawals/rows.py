# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Rows of withdrawals: written by their events, and read by the studio."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import bindparam, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from msrv.ledger.db.schema import orders, reversals, withdrawals
from msrv.ledger.withdrawals.events import (
    WithdrawalHandled,
    WithdrawalOutcome,
    WithdrawalStated,
)

MAX_ROWS: Final = 200
"""Withdrawals on the studio's page."""
_BY_ANYBODY: Final = (
    WithdrawalOutcome.UNPROVED.value,
    WithdrawalOutcome.NOTHING_PAID.value,
)
"""Outcomes of statements that anybody can send."""


@dataclass(frozen=True, slots=True)
class Withdrawal:
    """Statement of withdrawal; times are in Unix milliseconds.

    `handled_at_ms` is None while it waits. `is_known` is False for an order
    that the ledger doesn't have. `paid_minor`, with any tax, and
    `refunded_minor`, what went back of it, are in minor units: downloads that
    have ended are no money.
    """

    withdrawal_id: str
    order_id: str
    stated_at_ms: int
    outcome: str
    handled_at_ms: int | None
    is_known: bool
    paid_minor: int
    refunded_minor: int

    @property
    def is_refunded(self) -> bool:
        """True if everything that was paid has gone back."""
        return 0 < self.paid_minor <= self.refunded_minor


async def apply_withdrawals(
    connection: AsyncConnection, events: Sequence[object]
) -> None:
    """Apply the events of withdrawals; applying one twice changes nothing."""
    stated = {
        each.withdrawal_id: each
        for each in reversed(events)
        if isinstance(each, WithdrawalStated)
    }
    if stated:
        held = await connection.execute(
            select(withdrawals.c.withdrawal_id).where(
                withdrawals.c.withdrawal_id.in_(list(stated))
            )
        )
        known = set(held.scalars())
        rows = [
            {
                "withdrawal_id": each.withdrawal_id,
                "order_id": each.order_id,
                "stated_at_ms": each.at_ms,
                "outcome": each.outcome,
                "handled_at_ms": None,
            }
            for each in stated.values()
            if each.withdrawal_id not in known
        ]
        if rows:
            await connection.execute(insert(withdrawals), rows)
    handled = [
        {"wanted": each.withdrawal_id, "handled": each.at_ms}
        for each in events
        if isinstance(each, WithdrawalHandled)
    ]
    if handled:
        await connection.execute(
            update(withdrawals)
            .where(
                withdrawals.c.withdrawal_id == bindparam("wanted"),
                withdrawals.c.handled_at_ms.is_(None),
            )
            .values(handled_at_ms=bindparam("handled")),
            handled,
        )


async def find_statement(
    connection: AsyncConnection, withdrawal_id: str
) -> tuple[int, str] | None:
    """Return the time of a statement, in Unix milliseconds, and its outcome.

    None for one that the ledger doesn't have.
    """
    stated = withdrawals.c
    found = await connection.execute(
        select(stated.stated_at_ms, stated.outcome).where(
            stated.withdrawal_id == withdrawal_id
        )
    )
    row = found.one_or_none()
    return None if row is None else (row[0], row[1])


async def list_withdrawals(
    connection: AsyncConnection, *, order_id: str = ""
) -> tuple[Withdrawal, ...]:
    """Return the withdrawals, those that wait first, then the latest.

    Of those that wait, and of the others, those that anybody can send are the
    last, so that they hide none of the rest. With `order_id`, only those of
    that order. At most MAX_ROWS.
    """
    stated = withdrawals.c
    of_order = select(func.max(reversals.c.paid_minor)).where(
        reversals.c.order_id == stated.order_id
    )
    gone = of_order.with_only_columns(func.sum(reversals.c.amount_minor))
    wanted = (
        select(
            stated.withdrawal_id,
            stated.order_id,
            stated.stated_at_ms,
            stated.outcome,
            stated.handled_at_ms,
            orders.c.total_minor,
            of_order.scalar_subquery().label("paid_minor"),
            gone.where(reversals.c.is_effective)
            .scalar_subquery()
            .label("gone_minor"),
        )
        .join(orders, orders.c.order_id == stated.order_id, isouter=True)
        .order_by(
            stated.handled_at_ms.is_not(None),
            stated.outcome.in_(_BY_ANYBODY),
            stated.stated_at_ms.desc(),
            stated.withdrawal_id,
        )
        .limit(MAX_ROWS)
    )
    if order_id:
        wanted = wanted.where(stated.order_id == order_id)
    return tuple(
        Withdrawal(
            row.withdrawal_id,
            row.order_id,
            row.stated_at_ms,
            row.outcome,
            row.handled_at_ms,
            is_known=row.total_minor is not None,
            paid_minor=max(row.total_minor or 0, row.paid_minor or 0),
            # A sum, which MariaDB and PostgreSQL have as a decimal.
            refunded_minor=int(row.gone_minor or 0),
        )
        for row in await connection.execute(wanted)
    )
