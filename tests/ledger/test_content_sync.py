# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Content sync: sold items are known to every replica."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from msrv.catalog.id_history import IdHistory, IdRecord
from msrv.ledger.content_sync import ContentSync
from msrv.ledger.db import contents
from msrv.ledger.db.database import Database
from msrv.ledger.db.projection import apply_events
from tests.ledger.sample_events import sale

SONG: Final = IdRecord(
    "song",
    "track",
    "album",
    "Song",
    "Album",
    "Album/caf\udce9.wav",
    bytes(range(32)),
    1500,
    (),
    1000,
)
OTHER: Final = SONG._replace(item_id="other", path="Album/other.wav")
ALBUM: Final = IdRecord(
    "album",
    "release",
    "album",
    "Album",
    "Album",
    "Album",
    b"",
    None,
    ("other", "song"),
    1000,
)


@pytest.fixture
def first(tmp_path: Path) -> Iterator[IdHistory]:
    """History of a replica that offers an album."""
    with IdHistory.open(tmp_path / "first") as history:
        history.save([SONG, OTHER, ALBUM])
        yield history


@pytest.fixture
def second(tmp_path: Path) -> Iterator[IdHistory]:
    """History of a replica that has never offered anything."""
    with IdHistory.open(tmp_path / "second") as history:
        yield history


async def mark_sold(database: Database, item_id: str) -> None:
    async with database.write_transaction() as connection:
        await apply_events(connection, [sale(1, (item_id, 100))])


async def test_new_replica_gets_sold_items_and_their_releases(
    database: Database, first: IdHistory, second: IdHistory
) -> None:
    await mark_sold(database, "album")
    await ContentSync(database, first).sync()
    before = second.revision
    await ContentSync(database, second).sync()
    assert second.find(["album"]) == [ALBUM]
    # And its items, which are not lines of any order.
    assert second.find(["song", "other"]) == [SONG, OTHER]
    assert {each.item_id for each in second.sold_records()} == {
        "album",
        "other",
        "song",
    }
    assert second.revision > before


async def test_unsold_items_are_not_shared(
    database: Database, first: IdHistory, second: IdHistory
) -> None:
    await mark_sold(database, "song")
    await ContentSync(database, first).sync()
    await ContentSync(database, second).sync()
    assert second.find(["song", "other", "album"]) == [SONG]


async def test_title_is_shared_before_the_content_is_known(
    database: Database, second: IdHistory
) -> None:
    await mark_sold(database, "song")
    await ContentSync(database, second).sync()
    (record,) = second.find(["song"])
    assert (record.title, record.kind) == ("Song", "")


@pytest.mark.parametrize("is_offered", [True, False])
async def test_later_content_wins(
    database: Database,
    first: IdHistory,
    second: IdHistory,
    *,
    is_offered: bool,
) -> None:
    await mark_sold(database, "song")
    newer = SONG._replace(sha256=b"n" * 32, changed_at_ms=2000)
    second.save([newer], () if is_offered else ["song"])
    syncs = [ContentSync(database, each) for each in (first, second)]
    for _ in range(2):
        for sync in syncs:
            await sync.sync()
    async with database.read_transaction() as connection:
        assert await contents.load_contents(connection, ["song"]) == {
            "song": newer
        }
    # A replica that offers the old content keeps it.
    assert first.find(["song"]) == [SONG]
    first.save([], ["song"])
    await syncs[0].sync()
    assert first.find(["song"]) == [newer]


async def test_unchanged_content_is_not_written_again(
    database: Database, first: IdHistory
) -> None:
    await mark_sold(database, "album")
    sync = ContentSync(database, first)
    for _ in range(3):
        await sync.sync()
    written: list[IdRecord] = []

    async def write(_: object, records: list[IdRecord]) -> None:
        written.extend(records)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(contents, "save_contents", write)
        await ContentSync(database, first).sync()
    assert written == []


async def test_release_of_thousands_of_files_is_synced(
    database: Database, first: IdHistory, second: IdHistory
) -> None:
    """Its ids exceed the parameters of one statement."""
    members = tuple(f"sample-{number:04}" for number in range(3000))
    first.save([ALBUM._replace(members=members)])
    first.save(SONG._replace(item_id=each) for each in members)
    await mark_sold(database, "album")
    await ContentSync(database, first).sync()
    await ContentSync(database, second).sync()
    assert second.find(["album"])[0].members == members
    assert len(second.sold_records()) == 3001
