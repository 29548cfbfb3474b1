# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""The feed of revocations that replicas poll."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from msrv.ledger.db import schema
from msrv.ledger.db.database import CHANGES
from msrv.ledger.events import WHOLE_ORDER
from msrv.ledger.revocations import RevokedItems


@dataclass(frozen=True, slots=True)
class RevocationChanges:
    """Changed orders up to change `number`; all of them, if `is_all`."""

    orders: Mapping[str, RevokedItems]
    number: int
    is_all: bool


async def read_revocations(
    connection: AsyncConnection, since: int | None
) -> RevocationChanges | None:
    """Return the changes after number `since`, None if there are none.

    Everything without `since`, or if this database is behind that number: it
    is another database then.
    """
    number = await connection.scalar(
        select(schema.marks.c.value).where(schema.marks.c.name == CHANGES)
    )
    number = int(number or 0)
    if since == number:
        return None
    refunds = schema.refunds
    items = schema.order_items.c
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
        select(items.order_id, items.item_id).where(items.order_id.in_(wanted))
    )
    return RevocationChanges(
        _revoked_items(list(rows), list(held)), number, is_all
    )


def _revoked_items(
    rows: list[Any], held: list[Any]
) -> dict[str, RevokedItems]:
    lines: dict[str, set[str]] = {}
    for order_id, item_id in held:
        lines.setdefault(order_id, set()).add(item_id)
    revoked: dict[str, set[str]] = {}
    for row in rows:
        named = revoked.setdefault(row.order_id, set())
        if row.revoked:
            named.add(row.item_id)
    return {
        order_id: RevokedItems(
            whole=WHOLE_ORDER in named,
            items=frozenset(named - {WHOLE_ORDER}),
            kept=frozenset(lines.get(order_id, set()) - named),
        )
        for order_id, named in revoked.items()
    }
