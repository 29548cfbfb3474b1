# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Operators of the studio: their list, and each change of it.

Each change is recorded as an act in its own transaction.
"""

from collections.abc import Mapping
from typing import Any, Final

from aiohttp import web
from sqlalchemy.ext.asyncio import AsyncConnection

from msrv.ledger.operators import rows
from msrv.ledger.operators.model import InvalidOperator, Operator, Role
from msrv.ledger.timeouts import STUDIO_SECONDS
from msrv.proofs import sign_in
from msrv.translations import gettext, gettext_noop
from msrv.web.errors import InvalidField
from msrv.web.forms import read_form
from msrv.web.rendering import PRIVATE, wants_json
from msrv.web.store import ORIGIN, STORE
from msrv.web.studio import activity, page

PATH: Final = "/studio/operators"
ROLE_NAMES: Final[Mapping[Role, str]] = {
    Role.READ_ONLY: gettext_noop("Read-only"),
    Role.SALES: gettext_noop("Sales"),
    Role.OWNER: gettext_noop("Owner"),
}
"""Label of each role; pages translate it."""
ROLE_TEXTS: Final = (
    gettext_noop("Read-only: sees figures, orders and activity."),
    gettext_noop(
        "Sales: also refunds, sends receipts again, gives copies and codes "
        "away, handles withdrawals and webhooks, and decides countries for "
        "the OSS report."
    ),
    gettext_noop("Owner: may do everything."),
)
"""Permissions of each role in words; pages translate them."""
_CHANGES: Final = ("add", "role", "remove", "link")


async def show(request: web.Request) -> web.Response:
    """Show the operators, or ask before one is removed (`?remove=`).

    Raises DatabaseError.
    """
    found = await request.app[STORE].sign_ins.operators.list()
    valid = [each for each in found if not each.is_ended]
    name = request.query.get("remove")
    return page.render(
        request,
        "operators.html",
        {"operators": [_data(each) for each in found]},
        operators=valid,
        removed=next((each for each in valid if each.name == name), None),
        ended=[each for each in found if each.is_ended],
        role_names=ROLE_NAMES,
        role_texts=ROLE_TEXTS,
    )


async def change(request: web.Request) -> web.Response:
    """Add an operator, change a role, remove one, or make a sign-in link.

    `change` is `add`, `role`, `remove` or `link`, and `name` the operator. A
    browser is redirected to the list; a link is shown once. Raises
    InvalidField, DatabaseError.
    """
    as_json = wants_json(request)
    form = await read_form(request)
    kind, name = form.get("change", ""), form.get("name", "").strip()
    if kind not in _CHANGES:
        raise InvalidField(
            "change",
            gettext("must be one of %(names)s", names=", ".join(_CHANGES)),
        )
    role = _read_role(form) if kind in {"add", "role"} else None
    store = request.app[STORE]
    async with store.ledger.write_transaction(STUDIO_SECONDS) as connection:
        try:
            operator = await _apply(request, connection, kind, name, role)
        except InvalidOperator:
            raise InvalidField(
                "name",
                gettext(
                    "must be a name that nobody has: up to 32 of a-z, 0-9, "
                    "., _ and -"
                )
                if kind == "add"
                else gettext("must be the name of an operator"),
            ) from None
    # This replica follows at once.
    await store.sign_ins.operators.list()
    if kind == "link":
        return _link_page(request, operator)
    response = (
        web.json_response(_data(operator))
        if as_json
        else web.Response(status=303, headers={"Location": PATH})
    )
    response.headers["Cache-Control"] = PRIVATE
    return response


async def _apply(
    request: web.Request,
    connection: AsyncConnection,
    kind: str,
    name: str,
    role: Role | None,
) -> Operator:
    """Make a change, and record it as an act. Raises InvalidOperator."""
    store = request.app[STORE]
    now = store.clock()
    subject = name if role is None else f"{name}:{role}"
    if kind == "add":
        assert role is not None  # noqa: S101 - read above
        act = "add-operator"
        operator = await rows.add_operator(
            connection, name, role, now, store.random
        )
    elif kind == "role":
        assert role is not None  # noqa: S101 - read above
        act = "change-role"
        operator = await rows.change_role(connection, name, role)
    elif kind == "remove":
        act = "remove-operator"
        operator = await rows.remove_operator(connection, name, now)
    else:
        act = "make-link"
        operator = await rows.find_operator(connection, name)
    await activity.record_within(request, connection, act, subject)
    return operator


def _link_page(request: web.Request, operator: Operator) -> web.Response:
    """Return the page with a sign-in link, which is shown once."""
    store = request.app[STORE]
    now = store.clock()
    ticket = sign_in.issue(
        store.keyring,
        sign_in.TicketKind.LINK,
        now,
        store.random,
        operator.operator_id,
    )
    link = f"{request[ORIGIN].base_url}/studio/enter/{ticket}"
    expires_at = now + sign_in.TicketKind.LINK.seconds
    return page.render(
        request,
        "operator_link.html",
        {"name": operator.name, "link": link, "expires_at": expires_at},
        operator=operator,
        link=link,
        expires_at=expires_at,
    )


def _read_role(form: Mapping[str, str]) -> Role:
    """Return the `role` of a form. Raises InvalidField."""
    try:
        return Role(form.get("role", ""))
    except ValueError:
        raise InvalidField(
            "role",
            gettext("must be one of %(names)s", names=", ".join(Role)),
        ) from None


def _data(operator: Operator) -> dict[str, Any]:
    return {
        "name": operator.name,
        "role": operator.role.value,
        "created_at": operator.created_at,
        "ended_at": operator.ended_at,
    }
