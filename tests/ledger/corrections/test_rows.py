# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Rows of corrections, on both databases."""

from msrv.ledger.corrections import requests, watched_files
from msrv.ledger.corrections.watched_files import FileChange
from msrv.ledger.db.database import Database
from tests.ledger.sample_events import order_id

ONE, TWO, THREE = ("1" * 64, "2" * 64, "3" * 64)


async def test_changes_have_numbers_and_renames_are_none(
    database: Database,
) -> None:
    async with database.write_transaction() as connection:
        first = {"a": ONE, "b": TWO}
        await watched_files.watch(connection, "album", first, 5)
        await watched_files.watch(connection, "album", {"other": ONE}, 6)
        # Renamed, removed, and put back as it was.
        for files in ({"a": ONE, "c": TWO}, {"a": ONE}, first):
            await watched_files.record(connection, "album", files)
        assert await watched_files.last_number(connection) == 0
        await watched_files.record(connection, "album", {**first, "d": THREE})
        await watched_files.record(
            connection, "album", {**first, "b": "4" * 64, "d": "5" * 64}
        )
        assert await watched_files.last_number(connection) == 2

        async def changes(told: int, telling: int) -> list[FileChange]:
            return await watched_files.changes_between(
                connection, ["album", "none"], told, telling
            )

        assert await changes(0, 2) == [
            FileChange("album", "b", is_new=False),
            FileChange("album", "d", is_new=True),
        ]
        # To a buyer who knows the file, it is no new one.
        assert await changes(1, 2) == [
            FileChange("album", "b", is_new=False),
            FileChange("album", "d", is_new=False),
        ]
        assert await changes(2, 2) == []
        (known,) = (await watched_files.list_watched(connection)).values()
        assert known.recorded == known.found
        await watched_files.mark_found(connection, "album", ONE, 9)
        (known,) = (await watched_files.list_watched(connection)).values()
        assert (known.found, known.found_at) == (ONE, 9)
        assert known.recorded != ONE


async def test_request_is_claimed_once_and_its_mail_stays_the_same(
    database: Database,
) -> None:
    one, two = order_id(1), order_id(2)
    async with database.write_transaction() as connection:
        await watched_files.watch(connection, "album", {"a": ONE}, 0)
        await requests.add(connection, one, "de", 10)
        await requests.add(connection, one, "fr", 11)
        assert not await requests.has_due(connection, 99)
        await watched_files.record(connection, "album", {"a": TWO})
        await requests.add(connection, two, "en", 12)  # knows it
        assert await requests.has_due(connection, 20)
        (claimed,) = await requests.claim(connection, 20, 30, 9)
        assert (claimed.order_id, claimed.language) == (one, "fr")
        assert (claimed.telling_number, claimed.due_at) == (1, 10)
        assert await requests.claim(connection, 29, 40, 9) == []
        # Killed; until the claim has ended, there is another change.
        await watched_files.record(connection, "album", {"a": THREE})
        first, again = await requests.claim(connection, 30, 40, 9)
        assert {first.order_id, again.order_id} == {one, two}
        by_order = {first.order_id: first, again.order_id: again}
        assert by_order[one].telling_number == 1
        assert by_order[two].telling_number == 2
        for each in (first, again):
            await requests.mark_told(connection, each, 50)
        assert not await requests.has_due(connection, 49)
        (rest,) = await requests.claim(connection, 50, 60, 9)
        assert (rest.order_id, rest.told_number) == (one, 1)
        assert rest.telling_number == 2
        # Stopped, and asked for again, while its mail was made.
        await requests.remove(connection, one)
        assert not await requests.is_asked(connection, one)
        await requests.add(connection, one, "de", 55)
        await requests.postpone(connection, one, 70)
        await watched_files.record(connection, "album", {"a": "9" * 64})
        assert not await requests.claim(connection, 49, 60, 9)
        assert {
            each.order_id
            for each in await requests.claim(connection, 70, 80, 9)
        } == {one, two}
