# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Files of watched releases: what was added or corrected, by number.

A release is watched from the moment that the first buyer asks. What changes
in it is recorded once it has settled, under a number that is greater than any
before. Functions that write need `Database.write_transaction`.
"""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from sqlalchemy import func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from msrv.ledger.db.schema import watched_files, watched_releases

Files = Mapping[str, str]
"""SHA-256 of each file of a release, in hexadecimal, by its item."""
_BATCH: Final = 200


@dataclass(frozen=True, slots=True)
class WatchedRelease:
    """A watched release: digests of its files, by `digest_of`.

    `recorded` is that of the last record, and `found` the present one, which
    was first seen at `found_at`, in Unix seconds.
    """

    release_id: str
    recorded: str
    found: str
    found_at: int


@dataclass(frozen=True, slots=True)
class FileChange:
    """A file that was added or corrected after some number."""

    release_id: str
    item_id: str
    is_new: bool


def digest_of(files: Files) -> str:
    """Return a digest of the files of a release."""
    text = "\n".join(f"{item} {sha256}" for item, sha256 in files.items())
    lines = "\n".join(sorted(text.splitlines()))
    return hashlib.sha256(lines.encode()).hexdigest()


async def list_watched(
    connection: AsyncConnection,
) -> dict[str, WatchedRelease]:
    """Return the watched releases by their ids."""
    rows = await connection.execute(select(watched_releases))
    return {row.release_id: WatchedRelease(*row) for row in rows}


async def watch(
    connection: AsyncConnection, release_id: str, files: Files, now: int
) -> None:
    """Start watching a release, unless it is watched already."""
    column = watched_releases.c.release_id
    known = await connection.scalar(select(column).where(column == release_id))
    if known is not None:
        return
    digest = digest_of(files)
    await connection.execute(
        insert(watched_releases),
        {
            "release_id": release_id,
            "recorded": digest,
            "found": digest,
            "found_at": now,
        },
    )
    await _insert(connection, release_id, files, files, 0)


async def mark_found(
    connection: AsyncConnection, release_id: str, digest: str, now: int
) -> None:
    """Store that a release has other files than were found before."""
    await connection.execute(
        update(watched_releases)
        .where(watched_releases.c.release_id == release_id)
        .values(found=digest, found_at=now)
    )


async def record(
    connection: AsyncConnection, release_id: str, files: Files
) -> None:
    """Record the files of a release, with a number for what changed.

    A file with the content of another one was renamed, and is no news. One
    that is gone stays recorded: put back as it was, it is none either.
    """
    column = watched_files.c
    rows = await connection.execute(
        select(column.item_id, column.sha256).where(
            column.release_id == release_id
        )
    )
    known = {row.item_id: row.sha256 for row in rows}
    contents = set(known.values())
    number = await last_number(connection) + 1
    added: list[str] = []
    renamed: list[str] = []
    for item_id, sha256 in files.items():
        if item_id not in known:
            (renamed if sha256 in contents else added).append(item_id)
        elif known[item_id] != sha256:
            values: dict[str, str | int] = {"sha256": sha256}
            if sha256 not in contents:
                values["changed_number"] = number
            await connection.execute(
                update(watched_files)
                .where(
                    column.release_id == release_id,
                    column.item_id == item_id,
                )
                .values(values)
            )
    await _insert(connection, release_id, files, added, number)
    await _insert(connection, release_id, files, renamed, 0)
    digest = digest_of(files)
    await connection.execute(
        update(watched_releases)
        .where(watched_releases.c.release_id == release_id)
        .values(recorded=digest, found=digest)
    )


async def last_number(connection: AsyncConnection) -> int:
    """Return the number of the latest change, 0 if there was none."""
    found = await connection.scalar(
        select(func.max(watched_files.c.changed_number))
    )
    return int(found or 0)


async def changes_between(
    connection: AsyncConnection,
    release_ids: Iterable[str],
    told: int,
    telling: int,
) -> list[FileChange]:
    """Return what changed in releases after a number, up to another."""
    wanted, found = sorted(set(release_ids)), []
    column = watched_files.c
    for at in range(0, len(wanted), _BATCH):
        rows = await connection.execute(
            select(column.release_id, column.item_id, column.added_number)
            .where(
                column.release_id.in_(wanted[at : at + _BATCH]),
                column.changed_number > told,
                column.changed_number <= telling,
            )
            .order_by(column.release_id, column.item_id)
        )
        found += [
            FileChange(row.release_id, row.item_id, row.added_number > told)
            for row in rows
        ]
    return found


async def _insert(
    connection: AsyncConnection,
    release_id: str,
    files: Files,
    item_ids: Iterable[str],
    number: int,
) -> None:
    rows = [
        {
            "release_id": release_id,
            "item_id": each,
            "sha256": files[each],
            "added_number": number,
            "changed_number": number,
        }
        for each in item_ids
    ]
    if rows:
        await connection.execute(insert(watched_files), rows)
