# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Requests of buyers to hear of corrections: added, claimed, told, removed.

A request is the number and the language of an order. It is claimed for some
time in a transaction, so that of several replicas one mails it; a replica that
is killed meanwhile loses its claim. Functions that write need
`Database.write_transaction`.
"""

from dataclasses import dataclass
from typing import Final

from sqlalchemy import ColumnElement, and_, delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from msrv.ledger.corrections import watched_files
from msrv.ledger.db.schema import correction_requests, withdrawals
from msrv.ledger.withdrawals.events import WithdrawalOutcome

_PROVED: Final = (
    WithdrawalOutcome.ENDED.value,
    WithdrawalOutcome.CONSENTED.value,
    WithdrawalOutcome.LATE.value,
)
"""Outcomes of statements by a receipt, which nobody else can send."""


@dataclass(frozen=True, slots=True)
class CorrectionRequest:
    """Request of an order's buyer.

    The buyer knows of all changes up to `told_number`, and the next mail is
    about those up to `telling_number`. Nothing is mailed before `due_at`;
    times are in Unix seconds. `language` is as `Language.code`.
    """

    order_id: str
    language: str
    asked_at: int
    told_number: int
    telling_number: int
    due_at: int


async def is_asked(connection: AsyncConnection, order_id: str) -> bool:
    """Return whether the buyer of an order wants to hear of corrections."""
    column = correction_requests.c.order_id
    found = await connection.scalar(select(column).where(column == order_id))
    return found is not None


async def add(
    connection: AsyncConnection, order_id: str, language: str, now: int
) -> None:
    """Store a request, or the other language of one that is there."""
    if await is_asked(connection, order_id):
        await connection.execute(
            update(correction_requests)
            .where(correction_requests.c.order_id == order_id)
            .values(language=language)
        )
        return
    number = await watched_files.last_number(connection)
    await connection.execute(
        insert(correction_requests),
        {
            "order_id": order_id,
            "language": language,
            "asked_at": now,
            "told_number": number,
            "telling_number": number,
            "due_at": now,
        },
    )


async def remove(connection: AsyncConnection, order_id: str) -> None:
    """Delete the request of an order, if there is one."""
    await connection.execute(
        delete(correction_requests).where(
            correction_requests.c.order_id == order_id
        )
    )


async def has_due(connection: AsyncConnection, now: int) -> bool:
    """Return whether a buyer is to be told of a change."""
    number = await watched_files.last_number(connection)
    found = await connection.scalar(
        select(correction_requests.c.order_id)
        .where(_is_due(number, now))
        .limit(1)
    )
    return found is not None


async def claim(
    connection: AsyncConnection, now: int, until: int, most: int
) -> list[CorrectionRequest]:
    """Claim requests whose buyers are to be told, the earliest first.

    They are returned with the `due_at` from before. The changes that a mail
    is about stay the same until it is stored, however often it is tried.
    """
    number = await watched_files.last_number(connection)
    column = correction_requests.c
    rows = await connection.execute(
        select(correction_requests)
        .where(_is_due(number, now))
        .order_by(column.due_at, column.order_id)
        .limit(most)
    )
    claimed = []
    for row in rows.all():
        each = CorrectionRequest(*row)
        telling = each.telling_number
        if telling <= each.told_number:
            telling = number
        await connection.execute(
            update(correction_requests)
            .where(column.order_id == each.order_id)
            .values(telling_number=telling, due_at=until)
        )
        claimed.append(
            CorrectionRequest(
                each.order_id,
                each.language,
                each.asked_at,
                each.told_number,
                telling,
                each.due_at,
            )
        )
    return claimed


async def mark_told(
    connection: AsyncConnection, request: CorrectionRequest, due_at: int
) -> None:
    """Store that a buyer knows of the changes, and when the next can follow.

    Nothing changes for a request that was removed, and made again, meanwhile.
    """
    column = correction_requests.c
    await connection.execute(
        update(correction_requests)
        .where(
            column.order_id == request.order_id,
            column.telling_number == request.telling_number,
        )
        .values(told_number=request.telling_number, due_at=due_at)
    )


async def postpone(
    connection: AsyncConnection, order_id: str, due_at: int
) -> None:
    """Store that the buyer of an order is told later."""
    await connection.execute(
        update(correction_requests)
        .where(correction_requests.c.order_id == order_id)
        .values(due_at=due_at)
    )


async def is_withdrawn(connection: AsyncConnection, order_id: str) -> bool:
    """Return whether the buyer has withdrawn from an order, by its receipt."""
    found = await connection.scalar(
        select(withdrawals.c.withdrawal_id)
        .where(
            withdrawals.c.order_id == order_id,
            withdrawals.c.outcome.in_(_PROVED),
        )
        .limit(1)
    )
    return found is not None


def _is_due(number: int, now: int) -> ColumnElement[bool]:
    column = correction_requests.c
    return and_(column.told_number < number, column.due_at <= now)
