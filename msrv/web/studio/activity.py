# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Activity log of the studio, and the page that shows it."""

import logging
import re
from dataclasses import asdict
from typing import TYPE_CHECKING, Final

from aiohttp import web

from msrv.ledger.errors import SpoolFailed
from msrv.ledger.operators.acts import CLI, OperatorAct
from msrv.translations import gettext, gettext_noop
from msrv.web.errors import InvalidField
from msrv.web.store import STORE
from msrv.web.studio import page
from msrv.web.studio.access.rules import ACCESS

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncConnection

log = logging.getLogger(__name__)

_ID_BYTES: Final = 12
_ACTOR: Final = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
_NO_NAME: Final = "-"
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
    "export-invoices": gettext_noop("exported invoices"),
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
    "start-refund": gettext_noop("requested a refund"),
    "export-acts": gettext_noop("exported the activity log"),
    "add-operator": gettext_noop("added an operator"),
    "change-role": gettext_noop("changed an operator's role"),
    "remove-operator": gettext_noop("removed an operator"),
    "make-link": gettext_noop("made a sign-in link"),
    "create-token": gettext_noop("made a token"),
    "revoke-token": gettext_noop("revoked a token"),
    "erase-order": gettext_noop("erased what was held of an order"),
    "export-order": gettext_noop("exported what is held of an order"),
    "delete-free-orders": gettext_noop("deleted old free orders"),
    "reissue": gettext_noop("signed receipts again after a leak"),
    "make-backup": gettext_noop("made a backup"),
    "restore-backup": gettext_noop("restored a backup"),
    "decide-country": gettext_noop("decided the country of an order"),
    "undo-country": gettext_noop("undid the decision on an order's country"),
    "grant": gettext_noop("gave receipts to former buyers"),
}
"""Label of each act, by its name in the ledger; pages translate it."""


async def record(request: web.Request, act: str, subject: str = "") -> None:
    """Record an act under the request's access.

    If the disk is full, the act is only logged, and the request continues.
    """
    event = _act(request, act, subject)
    try:
        await request.app[STORE].ledger.record(event)
    except SpoolFailed as error:
        log.warning("studio: activity not recorded, only logged: %s", error)


async def record_within(
    request: web.Request,
    connection: "AsyncConnection",
    act: str,
    subject: str = "",
) -> None:
    """Record an act in the transaction of what it states.

    Raises DatabaseError.
    """
    from msrv.ledger.db.projection import apply_events  # noqa: PLC0415 - slow to import

    await apply_events(connection, [_act(request, act, subject)])


def _act(request: web.Request, act: str, subject: str) -> OperatorAct:
    """Return an act of the request's access, which is logged."""
    store = request.app[STORE]
    access = request[ACCESS]
    text = f"{NAMES[act]} {subject}" if subject else NAMES[act]
    by = f" ({access.actor})" if access.actor else ""
    log.info("studio: sign-in %s%s %s", access.session, by, text)
    return OperatorAct(
        act_id=store.random(_ID_BYTES).hex(),
        at_ms=store.clock() * 1000,
        session=access.session,
        act=act,
        subject=subject,
        actor=access.actor,
    )


def actor_label(actor: str) -> str:
    """Return who did something, in the visitor's language."""
    kind, _, name = actor.partition(".")
    if kind == "operator":
        return name
    if kind == "token":
        return gettext("token %(name)s", name=name)
    if actor == CLI:
        return gettext("command line")
    return gettext("owner without a name")


def read_actor(request: web.Request) -> str | None:
    """Return `by`, an actor; None for all. Raises InvalidField.

    `-` stands for the operator without a name.
    """
    text = request.query.get("by", "")
    if text and text != _NO_NAME and not _ACTOR.fullmatch(text):
        raise InvalidField("by", gettext("must be chosen from the list"))
    return {"": None, _NO_NAME: ""}.get(text, text)


async def show(request: web.Request) -> web.Response:
    """Show a page of the activity log, latest first.

    Raises DatabaseError, InvalidField.
    """
    from msrv.ledger.operators import act_queries  # noqa: PLC0415 - slow to import

    actor, chosen = read_actor(request), request.query.get("by", "")
    after = None
    if text := request.query.get("after", ""):
        match = _AFTER.fullmatch(text)
        if match is None:
            raise InvalidField(
                "after", gettext("must come from a link to the next page")
            )
        after = act_queries.ActKey(int(match[1]), match[2])
    async with page.read_transaction(request, for_report=True) as connection:
        found = await act_queries.list_acts(
            connection, after, act_queries.MAX_ACTS + 1, actor=actor
        )
        actors = await act_queries.list_actors(connection)
    shown, older = found[: act_queries.MAX_ACTS], None
    if len(found) > act_queries.MAX_ACTS:
        last = shown[-1]
        older = "/studio/activity" + page.query(
            {"after": f"{last.at_ms}.{last.act_id}", "by": chosen}
        )
    return page.render(
        request,
        "activity.html",
        {"acts": [asdict(each) for each in shown], "older": older},
        acts=shown,
        names=NAMES,
        session=request[ACCESS].session,
        older=older,
        newest="/studio/activity" + page.query({"by": chosen}),
        is_first=after is None,
        actors={each or _NO_NAME: actor_label(each) for each in actors},
        chosen=chosen,
        actor_label=actor_label,
    )
