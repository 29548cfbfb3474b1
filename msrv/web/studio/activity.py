# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Activity log of the studio, and the page that shows it."""

import logging
import re
from dataclasses import asdict
from typing import Final

from aiohttp import web

from msrv.ledger.errors import SpoolFailed
from msrv.ledger.operators.action import OperatorAction
from msrv.translations import gettext, gettext_noop
from msrv.web.errors import InvalidField
from msrv.web.store import OPERATOR, SESSION, STORE
from msrv.web.studio import page

log = logging.getLogger(__name__)

_ID_BYTES: Final = 12
_AFTER: Final = re.compile(r"([0-9]{1,15})\.([0-9a-f]{24})")

NAMES: Final = {
    "sign-in": gettext_noop("signed in"),
    "sign-in-passkey": gettext_noop("signed in with a passkey"),
    "add-passkey": gettext_noop("added a passkey"),
    "remove-passkey": gettext_noop("removed a passkey"),
    "sign-out": gettext_noop("signed out"),
    "sign-out-everyone": gettext_noop("signed everyone out"),
    "view-order": gettext_noop("viewed an order"),
    "export-orders": gettext_noop("exported orders"),
    "export-artists": gettext_noop("exported sales by artist"),
    "export-oss": gettext_noop("exported an OSS report"),
    "refund": gettext_noop("refunded"),
    "revoke": gettext_noop("ended downloads"),
    "restore": gettext_noop("restored downloads"),
    "send-receipt": gettext_noop("sent a receipt again"),
    "handle-withdrawal": gettext_noop("marked a withdrawal as handled"),
    "view-evidence": gettext_noop("viewed the evidence of an order"),
    "give-copy": gettext_noop("gave a free copy"),
    "make-codes": gettext_noop("made redeem codes"),
    "send-webhook": gettext_noop("sent a webhook again"),
    "enable-webhook": gettext_noop("enabled a webhook endpoint"),
}
"""Label of each act, by its name in the ledger; pages translate it."""


async def record(request: web.Request, act: str, subject: str = "") -> None:
    """Record an act under the request's session.

    If the disk is full, the act is only logged, and the request continues.
    """
    store = request.app[STORE]
    session = request[SESSION].number
    operator = request[OPERATOR]
    text = f"{NAMES[act]} {subject}" if subject else NAMES[act]
    by = f" ({operator.name})" if operator.name else ""
    log.info("studio: sign-in %s%s %s", session, by, text)
    event = OperatorAction(
        act_id=store.random(_ID_BYTES).hex(),
        at_ms=store.clock() * 1000,
        session=session,
        act=act,
        subject=subject,
        actor=operator.actor,
    )
    try:
        await store.ledger.record(event)
    except SpoolFailed as error:
        log.warning("studio: activity not recorded, only logged: %s", error)


async def show(request: web.Request) -> web.Response:
    """Show a page of the activity log, latest first.

    Raises DatabaseError, InvalidField.
    """
    from msrv.ledger.db import report_queries  # noqa: PLC0415 - slow to import

    after = None
    if text := request.query.get("after", ""):
        match = _AFTER.fullmatch(text)
        if match is None:
            raise InvalidField(
                "after", gettext("must come from a link to the next page")
            )
        after = report_queries.ActionKey(int(match[1]), match[2])
    async with page.read_transaction(request) as connection:
        found = await report_queries.list_actions(
            connection, after, report_queries.MAX_ACTIONS + 1
        )
    shown, older = found[: report_queries.MAX_ACTIONS], None
    if len(found) > report_queries.MAX_ACTIONS:
        last = shown[-1]
        older = f"/studio/activity?after={last.at_ms}.{last.act_id}"
    return page.render(
        request,
        "activity.html",
        {"acts": [asdict(each) for each in shown], "older": older},
        acts=shown,
        names=NAMES,
        session=request[SESSION].number,
        older=older,
        is_first=after is None,
    )
