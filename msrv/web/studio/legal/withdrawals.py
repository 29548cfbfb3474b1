# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Withdrawals: their list, each with its order and refund, and their end.

Apart from refunds, which are of money or of downloads.
"""

from dataclasses import asdict

from aiohttp import web

from msrv.ledger.withdrawals import rows
from msrv.ledger.withdrawals.events import WithdrawalHandled, is_withdrawal_id
from msrv.translations import gettext
from msrv.web.errors import InvalidField
from msrv.web.forms import read_form
from msrv.web.rendering import PRIVATE, wants_json
from msrv.web.store import STORE
from msrv.web.studio import activity, page


async def show_list(request: web.Request) -> web.Response:
    """Show the withdrawals, those that wait first. Raises DatabaseError."""
    async with page.read_transaction(request) as connection:
        found = await rows.list_withdrawals(connection)
    return page.render(
        request,
        "withdrawals.html",
        {"withdrawals": [asdict(each) for each in found]},
        withdrawals=found,
    )


async def mark_handled(request: web.Request) -> web.Response:
    """Mark the withdrawal `id` as handled; it leaves the waiting ones.

    303 to the list, or JSON with the id. Raises InvalidField, SpoolFailed.
    """
    store = request.app[STORE]
    as_json = wants_json(request)
    form = await read_form(request)
    withdrawal_id = form.get("id", "")
    if not is_withdrawal_id(withdrawal_id):
        raise InvalidField("id", gettext("must be a withdrawal's id"))
    await activity.record(request, "handle-withdrawal", withdrawal_id)
    await store.ledger.record(
        WithdrawalHandled(withdrawal_id, store.clock() * 1000)
    )
    await store.ledger.sync_now()
    if as_json:
        response = web.json_response({"id": withdrawal_id})
    else:
        response = web.Response(
            status=303, headers={"Location": "/studio/withdrawals"}
        )
    response.headers["Cache-Control"] = PRIVATE
    return response
