"""Asking the database what was revoked, since a replica last asked."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from msrv.ledger.db.database import CHANGES
from msrv.ledger.db.schema import marks, order_items, refunds
from msrv.ledger.events import WHOLE
from msrv.ledger.revocations import TakenBack


@dataclass(frozen=True, slots=True)
class News:
    """What has changed, up to change `number`; or all, if `is_all`."""

    orders: Mapping[str, TakenBack]
    number: int
    is_all: bool


async def ask(connection: AsyncConnection, since: int | None) -> News | None:
    """Ask for changes after number `since`, None where there are none.

    All of it with no `since`, or one that this database has yet to come to:
    it is another one then.
    """
    number = await connection.scalar(
        select(marks.c.value).where(marks.c.name == CHANGES)
    )
    number = int(number or 0)
    if since == number:
        return None
    wanted = select(refunds.c.order_id)
    is_all = since is None or since > number
    if is_all:
        wanted = wanted.where(refunds.c.revoked)
    else:
        wanted = wanted.where(refunds.c.change_number > since)
    rows = await connection.execute(
        select(refunds).where(refunds.c.order_id.in_(wanted))
    )
    held = await connection.execute(
        select(order_items.c.order_id, order_items.c.item_id).where(
            order_items.c.order_id.in_(wanted)
        )
    )
    return News(_together(list(rows), list(held)), number, is_all)


def _together(rows: list[Any], held: list[Any]) -> dict[str, TakenBack]:
    lines: dict[str, set[str]] = {}
    for order_id, item_id in held:
        lines.setdefault(order_id, set()).add(item_id)
    revoked: dict[str, set[str]] = {}
    for row in rows:
        named = revoked.setdefault(row.order_id, set())
        if row.revoked:
            named.add(row.item_id)
    return {
        order_id: TakenBack(
            whole=WHOLE in named,
            items=frozenset(named - {WHOLE}),
            kept=frozenset(lines.get(order_id, set()) - named),
        )
        for order_id, named in revoked.items()
    }
