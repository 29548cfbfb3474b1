# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Sign-in state that replicas share, as rows of the table `marks`.

A row for each used sign-in link and each signed-out session, until it would
have expired; and one for the last time at which everyone was signed out.
"""

from typing import Final

from sqlalchemy import delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from msrv.ledger.db.schema import marks

_USED: Final = "studio-used-"
_AFTER_USED: Final = "studio-used."
"""`.` follows `-`: names between the two start with the first."""
_CLOSED: Final = "studio-closed"
_ENDED: Final = "studio-ended-"
_AFTER_ENDED: Final = "studio-ended."


class SignInRows:
    """Sign-in state, within one transaction.

    Methods that write need `Database.write_transaction`: there is no other
    writer meanwhile. Times are in Unix seconds.
    """

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def is_link_used(self, number: str) -> bool:
        """Return whether a link was used on any replica."""
        return await self._value(_USED + number) is not None

    async def use_link(self, number: str, expires_at: int, now: int) -> bool:
        """Mark a link as used, and return whether it was unused before.

        Deletes links that have expired.
        """
        if await self.is_link_used(number):
            return False
        await self._delete_expired(_USED, _AFTER_USED, now)
        await self._insert(_USED + number, expires_at)
        return True

    async def all_signed_out_at(self) -> int:
        """Return when everyone was last signed out; 0 for never."""
        return await self._value(_CLOSED) or 0

    async def sign_out_all(self, at: int) -> None:
        """Sign out every session from `at` or earlier.

        A later time that is known already stays.
        """
        known = await self._value(_CLOSED)
        if known is None:
            await self._insert(_CLOSED, at)
        elif known < at:
            await self._connection.execute(
                update(marks).where(marks.c.name == _CLOSED).values(value=at)
            )

    async def sign_out_session(
        self, number: str, expires_at: int, now: int
    ) -> None:
        """Sign a session out. Idempotent; deletes those that have expired."""
        await self._delete_expired(_ENDED, _AFTER_ENDED, now)
        if await self._value(_ENDED + number) is None:
            await self._insert(_ENDED + number, expires_at)

    async def signed_out_sessions(self) -> set[str]:
        """Return the numbers of the signed-out sessions."""
        rows = await self._connection.scalars(
            select(marks.c.name).where(
                marks.c.name > _ENDED, marks.c.name < _AFTER_ENDED
            )
        )
        return {name.removeprefix(_ENDED) for name in rows}

    async def _value(self, name: str) -> int | None:
        found = await self._connection.scalar(
            select(marks.c.value).where(marks.c.name == name)
        )
        return None if found is None else int(found)

    async def _insert(self, name: str, value: int) -> None:
        await self._connection.execute(
            insert(marks), {"name": name, "value": value}
        )

    async def _delete_expired(self, start: str, stop: str, now: int) -> None:
        await self._connection.execute(
            delete(marks).where(
                marks.c.name > start, marks.c.name < stop, marks.c.value < now
            )
        )
