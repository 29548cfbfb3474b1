# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Rows of the ledger's tables as JSON lines, the same for every database.

A row is an object of its columns, and the columns are integers, texts,
booleans and null: what all of them store alike. So a backup of one is
restored into another, and an older backup into a newer version.
"""

import json
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any, Final

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    column,
    delete,
    func,
    insert,
    inspect,
    not_,
    select,
    table,
    true,
    update,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from msrv.backup.errors import DamagedBackup
from msrv.ledger.db.feed.outgoing_events import EventKind
from msrv.ledger.db.schema import (
    acts,
    event_consumers,
    marks,
    metadata,
    order_items,
    outgoing_events,
    published_releases,
    webhook_deliveries,
)
from msrv.ledger.operators.acts import CLI

CHUNK_BYTES: Final = 1024 * 1024
"""Size of a chunk of rows; the last row may exceed it."""
_ROWS: Final = 500
_INT64: Final = 2**63

Columns = dict[str, list[str]]
"""Names of the columns that a database has, by table."""


NEW_ROWS: Final[Mapping[str, ColumnElement[bool]]] = {
    # All but the numbers of the codes that were made, which may be printed.
    marks.name: not_(marks.c.name.startswith("codes")),
    acts.name: acts.c.actor == CLI,
    published_releases.name: true(),
    event_consumers.name: true(),
    outgoing_events.name: outgoing_events.c.kind
    == EventKind.RELEASE_PUBLISHED.value,
    webhook_deliveries.name: true(),
}
"""Rows that a store has which has sold nothing: seconds after its start, or
once it was looked at with a link that a command made."""


async def read_columns(connection: AsyncConnection) -> Columns:
    """Return the tables and columns of this version that a database has.

    One at an older revision has fewer.
    """
    return await connection.run_sync(_read_columns)


def _read_columns(connection: Connection) -> Columns:
    inspector = inspect(connection)
    existing = set(inspector.get_table_names())
    found = {}
    for each in metadata.sorted_tables:
        if each.name in existing:
            there = {one["name"] for one in inspector.get_columns(each.name)}
            found[each.name] = [
                one.name for one in each.c if one.name in there
            ]
    return found


async def read_chunks(
    connection: AsyncConnection, name: str, columns: list[str]
) -> AsyncIterator[tuple[bytes, int]]:
    """Yield the rows of a table in chunks, each with its number of rows.

    In the order of the primary key, within one transaction. Memory use is
    flat.
    """
    source = metadata.tables[name]
    wanted = select(*(source.c[each] for each in columns)).order_by(
        *source.primary_key.columns
    )
    lines: list[bytes] = []
    size = 0
    result = await connection.stream(wanted)
    async for some in result.mappings().partitions(_ROWS):
        for row in some:
            lines.append(_format(row))
            size += len(lines[-1])
            if size >= CHUNK_BYTES:
                yield b"".join(lines), len(lines)
                lines, size = [], 0
    if lines:
        yield b"".join(lines), len(lines)


async def count_rows(connection: AsyncConnection) -> dict[str, int]:
    """Return the number of rows of each table that has any.

    Without those that a store has which has sold nothing.
    """
    new = dict(await _new_rows(connection))
    found = {}
    for name in await read_columns(connection):
        wanted = select(func.count()).select_from(metadata.tables[name])
        if name in new:
            wanted = wanted.where(not_(new[name]))
        count = int(await connection.scalar(wanted) or 0)
        if count:
            found[name] = count
    return found


async def clear_new(connection: AsyncConnection) -> None:
    """Delete what a store has which has sold nothing."""
    for name, is_new in await _new_rows(connection):
        await connection.execute(delete(metadata.tables[name]).where(is_new))


async def _new_rows(
    connection: AsyncConnection,
) -> list[tuple[str, ColumnElement[bool]]]:
    """Return the entries of NEW_ROWS that the tables are new enough for."""
    columns = await read_columns(connection)
    return [
        (name, is_new)
        for name, is_new in NEW_ROWS.items()
        if name in columns
        and (name != acts.name or acts.c.actor.name in columns[name])
    ]


async def write_chunk(
    connection: AsyncConnection, name: str, columns: list[str], chunk: bytes
) -> int:
    """Insert the rows of a chunk, and return their number.

    Raises DamagedBackup for rows that no backup has, and DatabaseError.
    """
    source = metadata.tables[name]
    fields = {each: source.c[each] for each in columns}
    rows = [_parse(line, fields) for line in chunk.splitlines()]
    # Without the types of this version, which an older table may not have.
    target = table(name, *map(column, columns))
    for at in range(0, len(rows), _ROWS):
        await connection.execute(insert(target), rows[at : at + _ROWS])
    return len(rows)


async def complete_lines(
    connection: AsyncConnection, written: Mapping[str, Sequence[str]]
) -> None:
    """Fill in what an older backup doesn't have of refunded lines.

    `written` are the columns that were written, by table. Until revision
    0007, a refunded line was refunded by its price. Older tables get that
    from their upgrade, which comes after this.
    """
    lines = order_items
    columns = written.get(lines.name)
    if columns is None or lines.c.refunded_minor.name in columns:
        return
    if (
        lines.c.refunded_minor.name
        in (await read_columns(connection))[lines.name]
    ):
        await connection.execute(
            update(lines)
            .where(lines.c.refunded)
            .values(refunded_minor=lines.c.price_minor)
        )


def _format(row: Mapping[Any, Any]) -> bytes:
    return json.dumps(dict(row), separators=(",", ":")).encode("ascii") + b"\n"


def _parse(line: bytes, fields: Mapping[str, Column[Any]]) -> dict[str, Any]:
    """Parse a row. Raises DamagedBackup."""
    try:
        row = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise DamagedBackup("a row in the backup is not JSON") from error
    if not isinstance(row, dict) or row.keys() != fields.keys():
        raise DamagedBackup("a row in the backup has other columns")
    for name, field in fields.items():
        if not _fits(row[name], field):
            raise DamagedBackup(f"a row in the backup has an invalid {name}")
    return row


def _fits(value: object, field: Column[Any]) -> bool:
    """Return whether a column can have a value from a backup."""
    if value is None:
        return bool(field.nullable)
    kind = field.type.python_type
    if type(value) is not kind:
        return False
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode("utf-8") == value
    return not isinstance(value, int) or -_INT64 <= value < _INT64
