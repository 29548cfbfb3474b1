# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Downloads of some days, by when they were started or completed."""

from msrv.ledger.db.database import Database
from msrv.ledger.db.projection import apply_events
from msrv.ledger.db.reports import download_list
from msrv.ledger.db.reports.download_list import DownloadKey
from msrv.ledger.events import Delivered
from tests.ledger.sample_events import NOON, order_id

DAY = 86_400


def delivered(number: int, at: int, *, last: int = 10) -> Delivered:
    """Return a delivery of the first bytes of ten."""
    return Delivered(
        order_id(number), f"item-{number % 2}", "0" * 16, 10, ((0, last),), at
    )


async def test_downloads_are_listed_by_start_or_completion(
    database: Database,
) -> None:
    async with database.write_transaction() as connection:
        await apply_events(
            connection,
            [
                delivered(1, NOON - DAY, last=5),
                delivered(1, NOON),
                delivered(2, NOON - DAY),
                delivered(3, NOON, last=1),
                delivered(4, NOON + DAY),
            ],
        )

    async def numbers(first: int, last: int, *, completed: bool) -> list[str]:
        found = await download_list.list_downloads(
            at, since=first, before=last, completed=completed, most=9
        )
        return [each.order_id for each in found]

    async with database.read_transaction() as at:
        assert await numbers(NOON - DAY, NOON, completed=False) == [
            order_id(2),
            order_id(1),
        ]
        assert await numbers(NOON - DAY, NOON, completed=True) == [order_id(2)]
        assert await numbers(NOON, NOON + 1, completed=False) == [order_id(3)]
        assert await numbers(NOON, NOON + 1, completed=True) == [order_id(1)]
        (partial,) = await download_list.list_downloads(
            at, since=NOON, before=NOON + 1, most=9
        )
        assert partial.completed_at is None
        assert (partial.delivered_bytes, partial.size_bytes) == (1, 10)


async def test_pages_of_downloads_have_each_once(database: Database) -> None:
    """Also where many were started in the same second."""
    async with database.write_transaction() as connection:
        await apply_events(
            connection, [delivered(number, NOON) for number in range(7)]
        )
    async with database.read_transaction() as at:
        for completed in (False, True):
            found: list[str] = []
            after = None
            while rows := await download_list.list_downloads(
                at,
                since=NOON,
                before=NOON + 1,
                completed=completed,
                after=after,
                most=3,
            ):
                found += [each.order_id for each in rows]
                last = rows[-1]
                after = DownloadKey(
                    NOON, last.order_id, last.item_id, last.version
                )
            assert found == [order_id(number) for number in range(6, -1, -1)]
