# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Contents of sold items: their files and releases, by item id.

Replicas and data folders that never saw an item under its old name can find
its file by these.
"""

from collections.abc import Collection, Iterable, Sequence
from typing import Any, Final
from urllib.parse import quote, unquote

from sqlalchemy import Table, delete, func, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from msrv.catalog.id_history import IdRecord
from msrv.ledger.db.schema import item_contents, release_members, titles
from msrv.ledger.events import clean_title

_BATCH: Final = 200
"""Number of ids in one query."""
_ESCAPES: Final = "surrogateescape"
"""A file's name may have bytes that aren't text, which no column accepts."""


async def count_sold_items(connection: AsyncConnection) -> int:
    """Return the number of items that were ever sold."""
    found = await connection.scalar(select(func.count()).select_from(titles))
    return int(found or 0)


async def sold_titles(connection: AsyncConnection) -> dict[str, str]:
    """Return the title at its first sale of each item ever sold, by id."""
    rows = await connection.execute(select(titles.c.item_id, titles.c.title))
    return {row.item_id: row.title for row in rows}


async def load_contents(
    connection: AsyncConnection, item_ids: Collection[str]
) -> dict[str, IdRecord]:
    """Return the records of some items, and of the items in releases."""
    found = await _read(connection, item_ids)
    members = {each for record in found.values() for each in record.members}
    return {**await _read(connection, members - found.keys()), **found}


async def save_contents(
    connection: AsyncConnection, records: Iterable[IdRecord]
) -> None:
    """Write the records that are newer than the stored ones.

    Within one Database.write_transaction.
    """
    records = list(records)
    known = await _read(connection, [each.item_id for each in records])
    newer = [
        each
        for each in records
        if each.item_id not in known
        or known[each.item_id].changed_at_ms < each.changed_at_ms
    ]
    ids = [each.item_id for each in newer]
    await _delete(connection, item_contents, "item_id", ids)
    await _delete(connection, release_members, "release_id", ids)
    rows = [
        {
            "item_id": each.item_id,
            "kind": each.kind,
            "release_id": each.release_id,
            "title": clean_title(each.title),
            "release_title": clean_title(each.release_title),
            "path": quote(each.path, safe="/ ", errors=_ESCAPES),
            "sha256": each.sha256.hex(),
            "duration_ms": each.duration_ms,
            "changed_at_ms": each.changed_at_ms,
        }
        for each in newer
    ]
    members = [
        {"release_id": each.item_id, "item_id": member}
        for each in newer
        for member in each.members
    ]
    if rows:
        await connection.execute(insert(item_contents), rows)
    if members:
        await connection.execute(insert(release_members), members)


async def _read(
    connection: AsyncConnection, item_ids: Collection[str]
) -> dict[str, IdRecord]:
    members: dict[str, list[str]] = {}
    for some in _parts(item_ids):
        wanted = release_members.c.release_id.in_(some)
        rows = await connection.execute(
            select(release_members)
            .where(wanted)
            .order_by(release_members.c.release_id, release_members.c.item_id)
        )
        for row in rows:
            members.setdefault(row.release_id, []).append(row.item_id)
    found = {}
    for some in _parts(item_ids):
        rows = await connection.execute(
            select(item_contents).where(item_contents.c.item_id.in_(some))
        )
        for row in rows:
            found[row.item_id] = _record(row, members.get(row.item_id, ()))
    return found


def _record(row: Any, members: Iterable[str]) -> IdRecord:  # noqa: ANN401 - a row
    return IdRecord(
        item_id=row.item_id,
        kind=row.kind,
        release_id=row.release_id,
        title=row.title,
        release_title=row.release_title,
        path=unquote(row.path, errors=_ESCAPES),
        sha256=bytes.fromhex(row.sha256),
        duration_ms=row.duration_ms,
        members=tuple(members),
        changed_at_ms=row.changed_at_ms,
    )


async def _delete(
    connection: AsyncConnection, table: Table, key: str, ids: Sequence[str]
) -> None:
    for some in _parts(ids):
        await connection.execute(
            delete(table).where(table.columns[key].in_(some))
        )


def _parts(item_ids: Collection[str]) -> Iterable[list[str]]:
    ids = sorted(item_ids)
    return (ids[at : at + _BATCH] for at in range(0, len(ids), _BATCH))
