"""State of sign-ins that replicas share, as rows of `marks`.

A row for each sign-in link that was used and each session that was signed
out, until it would have expired; and one for the last time that everyone was
signed out.
"""

from typing import Final

from sqlalchemy import delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from msrv.ledger.db.schema import marks

_USED: Final = "studio-used-"
_AFTER_USED: Final = "studio-used."
"""`.` follows `-`: what lies between the two begins with the first."""
_CLOSED: Final = "studio-closed"
_ENDED: Final = "studio-ended-"
_AFTER_ENDED: Final = "studio-ended."


async def is_used(connection: AsyncConnection, number: str) -> bool:
    """Whether the link with a number was used on any replica."""
    return await _value(connection, _USED + number) is not None


async def use(
    connection: AsyncConnection, number: str, expires_at: int, now: int
) -> bool:
    """Say that a link is used; False where it was already.

    Within Database.writing, where nobody else writes. Forgets those that
    have expired, in Unix seconds.
    """
    if await is_used(connection, number):
        return False
    await connection.execute(
        delete(marks).where(
            marks.c.name > _USED,
            marks.c.name < _AFTER_USED,
            marks.c.value < now,
        )
    )
    await connection.execute(
        insert(marks), {"name": _USED + number, "value": expires_at}
    )
    return True


async def closed_at(connection: AsyncConnection) -> int:
    """Say when everyone was last signed out, in Unix seconds; 0 for never."""
    return await _value(connection, _CLOSED) or 0


async def close(connection: AsyncConnection, at: int) -> None:
    """Sign everyone out who came at `at` or earlier.

    Within Database.writing. What was said later already stays.
    """
    known = await _value(connection, _CLOSED)
    if known is None:
        await connection.execute(insert(marks), {"name": _CLOSED, "value": at})
    elif known < at:
        await connection.execute(
            update(marks).where(marks.c.name == _CLOSED).values(value=at)
        )


async def end(
    connection: AsyncConnection, number: str, expires_at: int, now: int
) -> None:
    """Sign a session out; a second time makes no difference.

    Within Database.writing. Deletes those that have expired, in Unix seconds.
    """
    await connection.execute(
        delete(marks).where(
            marks.c.name > _ENDED,
            marks.c.name < _AFTER_ENDED,
            marks.c.value < now,
        )
    )
    if await _value(connection, _ENDED + number) is None:
        await connection.execute(
            insert(marks), {"name": _ENDED + number, "value": expires_at}
        )


async def ended(connection: AsyncConnection) -> set[str]:
    """Return the numbers of the sessions that were signed out."""
    rows = await connection.scalars(
        select(marks.c.name).where(
            marks.c.name > _ENDED, marks.c.name < _AFTER_ENDED
        )
    )
    return {name.removeprefix(_ENDED) for name in rows}


async def _value(connection: AsyncConnection, name: str) -> int | None:
    found = await connection.scalar(
        select(marks.c.value).where(marks.c.name == name)
    )
    return None if found is None else int(found)
