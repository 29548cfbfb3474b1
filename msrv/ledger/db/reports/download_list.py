# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Downloads of a period, by when they were started or completed."""

from dataclasses import dataclass
from typing import NamedTuple

from sqlalchemy import or_, select, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from msrv.ledger.db.schema import downloads


@dataclass(frozen=True, slots=True)
class StartedDownload:
    """Download of one version of an item of an order, and its progress."""

    order_id: str
    item_id: str
    version: str
    size_bytes: int
    delivered_bytes: int
    began_at: int
    completed_at: int | None


class DownloadKey(NamedTuple):
    """Sort key of a download: when it was started, or completed."""

    at: int
    order_id: str
    item_id: str
    version: str


async def list_downloads(
    connection: AsyncConnection,
    *,
    since: int,
    before: int,
    completed: bool = False,
    after: DownloadKey | None = None,
    most: int,
) -> list[StartedDownload]:
    """Return downloads started at `since` or later and earlier than `before`.

    With `completed`, those completed then. The latest first; `after` is the
    key of the last one on the previous page.
    """
    sent = downloads.c
    at = sent.completed_at if completed else sent.began_at
    wanted = (
        select(
            sent.order_id,
            sent.item_id,
            sent.version,
            sent.size_bytes,
            sent.delivered_bytes,
            sent.began_at,
            sent.completed_at,
        )
        .where(at >= since, at < before)
        .order_by(
            at.desc(),
            sent.order_id.desc(),
            sent.item_id.desc(),
            sent.version.desc(),
        )
        .limit(most)
    )
    if after is not None:
        wanted = wanted.where(
            at <= after.at,
            or_(
                at < after.at,
                tuple_(sent.order_id, sent.item_id, sent.version)
                < tuple_(*after[1:]),
            ),
        )
    return [StartedDownload(*row) for row in await connection.execute(wanted)]
