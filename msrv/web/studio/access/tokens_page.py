# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Tokens of programs: their list, making one, and revoking one.

Each change is recorded as an act in its own transaction. A token is shown
once: the database has its hash alone.
"""

from collections.abc import Mapping
from typing import Any, Final

from aiohttp import web
from multidict import MultiDict
from sqlalchemy.ext.asyncio import AsyncConnection

from msrv.ledger.operators import token_rows
from msrv.ledger.operators.model import InvalidOperator
from msrv.ledger.operators.token_rows import TokenLimitReached
from msrv.ledger.operators.tokens import MAX_DAYS, ApiToken, Scope
from msrv.ledger.timeouts import STUDIO_SECONDS
from msrv.translations import gettext, gettext_noop
from msrv.web.errors import InvalidField
from msrv.web.forms import read_form
from msrv.web.rendering import PRIVATE, wants_json
from msrv.web.store import STORE
from msrv.web.studio import activity, page
from msrv.web.studio.access.rules import ACCESS

PATH: Final = "/studio/tokens"
DEFAULT_DAYS: Final = 90
_DAY_SECONDS: Final = 86_400
SCOPE_NAMES: Final[Mapping[Scope, str]] = {
    Scope.SALES_READ: gettext_noop("read sales and downloads"),
    Scope.RELEASES_READ: gettext_noop("read releases and what was sold"),
    Scope.ORDERS_READ: gettext_noop("read orders, refunds and withdrawals"),
    Scope.ORDERS_REFUND: gettext_noop("refund orders and end downloads"),
    Scope.RECEIPTS_SEND: gettext_noop("send receipts again"),
    Scope.WEBHOOKS_WRITE: gettext_noop("read webhooks and send them again"),
}
"""Each scope as the page explains it; pages translate it."""


async def show(request: web.Request) -> web.Response:
    """Show the tokens, or ask before one is revoked (`?revoke=`).

    Raises DatabaseError.
    """
    store = request.app[STORE]
    found = await store.sign_ins.tokens.list()
    now = store.clock()
    valid = [each for each in found if each.is_valid(now)]
    name = request.query.get("revoke")
    return page.render(
        request,
        "tokens.html",
        {"tokens": [_data(each) for each in found]},
        tokens=valid,
        revoked=next((each for each in valid if each.name == name), None),
        ended=[each for each in found if not each.is_valid(now)],
        scope_names=SCOPE_NAMES,
        default_days=DEFAULT_DAYS,
        max_days=MAX_DAYS,
        actor_label=activity.actor_label,
        day_seconds=_DAY_SECONDS,
    )


async def change(request: web.Request) -> web.Response:
    """Make a token: `name`, each `scope`, `days`; or `revoke` one by name.

    A new token is shown once; after revoking, a browser is redirected to the
    list. Raises InvalidField, DatabaseError.
    """
    as_json = wants_json(request)
    form = await read_form(request)
    store = request.app[STORE]
    revoked = form.get("revoke", "")
    async with store.ledger.write_transaction(STUDIO_SECONDS) as connection:
        if revoked:
            await _revoke(request, connection, revoked)
        else:
            text = await _create(request, connection, form)
    # This replica follows at once.
    await store.sign_ins.tokens.list()
    if not revoked:
        name = form.get("name", "").strip()
        return page.render(
            request,
            "token_made.html",
            {"name": name, "token": text},
            name=name,
            token=text,
        )
    response = (
        web.json_response({"name": revoked, "revoked": True})
        if as_json
        else web.Response(status=303, headers={"Location": PATH})
    )
    response.headers["Cache-Control"] = PRIVATE
    return response


async def _revoke(
    request: web.Request, connection: AsyncConnection, name: str
) -> None:
    """Revoke a token, and record it. Raises InvalidField."""
    now = request.app[STORE].clock()
    try:
        await token_rows.revoke_token(connection, name, now)
    except InvalidOperator:
        raise InvalidField(
            "revoke", gettext("must be the name of a valid token")
        ) from None
    await activity.record_within(request, connection, "revoke-token", name)


async def _create(
    request: web.Request, connection: AsyncConnection, form: MultiDict[str]
) -> str:
    """Create a token, record it, and return its text. Raises InvalidField."""
    store = request.app[STORE]
    name = form.get("name", "").strip()
    scopes = _read_scopes(form)
    days = _read_days(form)
    try:
        text = await token_rows.create_token(
            connection,
            name,
            scopes,
            days,
            created_by=request[ACCESS].actor,
            now=store.clock(),
            random=store.random,
        )
    except TokenLimitReached:
        raise InvalidField(
            "name",
            gettext(
                "can't be added: there are too many tokens, so revoke some"
            ),
        ) from None
    except InvalidOperator:
        raise InvalidField(
            "name",
            gettext(
                "must be a name that no valid token has: up to 32 of a-z, "
                "0-9, ., _ and -"
            ),
        ) from None
    subject = f"{name}:{days}d:{','.join(sorted(scopes))}"
    await activity.record_within(request, connection, "create-token", subject)
    return text


def _read_scopes(form: MultiDict[str]) -> frozenset[Scope]:
    """Return each `scope` of a form. Raises InvalidField."""
    try:
        found = frozenset(map(Scope, form.getall("scope", [])))
    except ValueError:
        found = frozenset()
    if not found:
        raise InvalidField(
            "scope",
            gettext(
                "must be one or more of %(names)s", names=", ".join(Scope)
            ),
        )
    return found


def _read_days(form: MultiDict[str]) -> int:
    """Return the `days` of a form. Raises InvalidField."""
    text = form.get("days", "").strip()
    if not (
        text.isascii()
        and text.isdigit()
        and len(text) <= 3
        and 1 <= int(text) <= MAX_DAYS
    ):
        raise InvalidField(
            "days",
            gettext(
                "must be a number of days, from 1 to %(most)s", most=MAX_DAYS
            ),
        )
    return int(text)


def _data(token: ApiToken) -> dict[str, Any]:
    return {
        "name": token.name,
        "scopes": sorted(token.scopes),
        "created_by": token.created_by,
        "created_at": token.created_at,
        "expires_at": token.expires_at,
        "ended_at": token.ended_at,
        "last_used_day": token.last_used_day,
    }
