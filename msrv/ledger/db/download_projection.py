"""Downloads in the tables: what of an item has reached its buyer so far."""

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import bindparam, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from msrv.ledger.db.aggregates import Sums
from msrv.ledger.db.schema import downloads
from msrv.ledger.events import Delivered
from msrv.ledger.intervals import (
    Intervals,
    covers,
    from_text,
    measure,
    to_text,
    union,
)

_ASK: Final = 200
_KEY: Final = ("order_id", "item_id", "version")

_Key = tuple[str, str, str]


async def post(
    connection: AsyncConnection, told: Sequence[Delivered], sums: Sums
) -> None:
    """Unite what was told with what is known, whoever sent the bytes."""
    known = await _known(connection, sorted({each.order_id for each in told}))
    rows: dict[_Key, dict[str, Any]] = {}
    for each in told:
        key = (each.order_id, each.item_id, each.version)
        row = rows.get(key) or known.get(key)
        changed = _unite(row, each, sums)
        if changed is not None:
            rows[key] = changed
    new = [row for key, row in rows.items() if key not in known]
    if new:
        await connection.execute(insert(downloads), new)
    old = [row for key, row in rows.items() if key in known]
    if old:
        await connection.execute(
            update(downloads)
            .where(
                *(
                    downloads.c[name] == bindparam(f"its_{name}")
                    for name in _KEY
                )
            )
            .values(
                {
                    name: bindparam(f"new_{name}")
                    for name in downloads.c.keys()  # noqa: SIM118 - columns, not a dict
                    if name not in _KEY
                }
            ),
            [
                {
                    f"{'its' if name in _KEY else 'new'}_{name}": value
                    for name, value in row.items()
                }
                for row in old
            ],
        )


def _unite(
    row: dict[str, Any] | None, told: Delivered, sums: Sums
) -> dict[str, Any] | None:
    """Give the row as it is after an event; None where nothing is new."""
    before: Intervals = from_text(row["ranges"]) if row else ()
    after = union(before, told.ranges)
    if after == before:
        return None
    was_complete = row is not None and row["completed_at"] is not None
    is_complete = covers(after, told.size_bytes)
    sums.add_download(
        told.at,
        begun=int(row is None),
        completed=int(is_complete and not was_complete),
        delivered_bytes=measure(after) - measure(before),
    )
    if row is None:
        row = {
            "order_id": told.order_id,
            "item_id": told.item_id,
            "version": told.version,
            "size_bytes": told.size_bytes,
            "began_at": told.at,
            "last_at": told.at,
            "completed_at": None,
        }
    return row | {
        "delivered_bytes": measure(after),
        "ranges": to_text(after),
        "began_at": min(row["began_at"], told.at),
        "last_at": max(row["last_at"], told.at),
        "completed_at": (
            row["completed_at"]
            if was_complete
            else told.at
            if is_complete
            else None
        ),
    }


async def _known(
    connection: AsyncConnection, order_ids: Sequence[str]
) -> dict[_Key, dict[str, Any]]:
    known: dict[_Key, dict[str, Any]] = {}
    for at in range(0, len(order_ids), _ASK):
        rows = await connection.execute(
            select(downloads).where(
                downloads.c.order_id.in_(order_ids[at : at + _ASK])
            )
        )
        for row in rows.mappings():
            key = (row["order_id"], row["item_id"], row["version"])
            known[key] = dict(row)
    return known
