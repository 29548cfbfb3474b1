# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Record of acts as CSV (RFC 4180), streamed.

Apart from `activity`, which records acts as well: this imports SQLAlchemy.
"""

from datetime import UTC, datetime
from typing import Final

from aiohttp import web

from msrv.ledger.operators import act_queries
from msrv.ledger.operators.acts import OperatorAct
from msrv.web.studio import activity, page
from msrv.web.studio.csv_export import lines, start, text

COLUMNS: Final = ("date_utc", "time_utc", "by", "sign_in", "act", "subject")
_BATCH: Final = 500


async def show(request: web.Request) -> web.StreamResponse:
    """Send all acts, or those by one actor (`by`), newest first.

    Raises InvalidField, DatabaseError. If the database fails on the way, the
    connection is closed early, so that the client sees an incomplete file.
    """
    actor = activity.read_actor(request)

    async def read_batch(
        after: act_queries.ActKey | None,
    ) -> list[OperatorAct]:
        async with page.read_transaction(
            request, for_report=True
        ) as connection:
            return await act_queries.list_acts(
                connection, after, _BATCH, actor=actor
            )

    if request.method == "GET":
        await activity.record(request, "export-acts", actor or "")
    batch = await read_batch(None)
    response = await start(request, "activity.csv")
    if request.method == "HEAD":
        return response
    await response.write(lines([COLUMNS]))
    while batch:
        await response.write(lines(map(_row, batch)))
        last = batch[-1]
        batch = await read_batch(act_queries.ActKey(last.at_ms, last.act_id))
    await response.write_eof()
    return response


def _row(act: OperatorAct) -> tuple[str, ...]:
    at = datetime.fromtimestamp(act.at_ms // 1000, UTC)
    return (
        f"{at:%Y-%m-%d}",
        f"{at:%H:%M:%S}",
        text(act.actor),
        text(act.session),
        text(act.act),
        text(act.subject),
    )
