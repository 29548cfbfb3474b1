# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Page of the passkeys: an operator's own and, for an owner, everybody's."""

import asyncio
import logging
from dataclasses import asdict
from typing import Any

from aiohttp import web

from msrv.display_text import clean_line
from msrv.ledger.operators.model import Role
from msrv.ledger.passkeys import rows
from msrv.ledger.passkeys.model import ID_BYTES, MAX_NAME_CHARS, Passkey
from msrv.ledger.timeouts import SIGN_IN_SECONDS
from msrv.passkeys import PasskeyError
from msrv.passkeys.ceremonies import (
    Registration,
    registration_options,
    verify_registration,
)
from msrv.passkeys.challenges import ChallengeKind
from msrv.translations import gettext
from msrv.web.errors import InvalidField
from msrv.web.forms import read_form
from msrv.web.rendering import PRIVATE, wants_json
from msrv.web.store import OPERATOR, SESSION, STORE
from msrv.web.studio import activity, page
from msrv.web.studio.passkeys import challenge_cookie

log = logging.getLogger(__name__)

_PATH = "/studio/passkeys"
_SHOWN = ("passkey_id", "name", "created_at", "last_used_day")


async def show_list(request: web.Request) -> web.Response:
    """Show the passkeys, and what adds one; or ask before one is removed.

    That is the one of `?remove=`. Raises DatabaseError.
    """
    store = request.app[STORE]
    operator = request[OPERATOR]
    everybody = operator.role is Role.OWNER
    async with page.read_transaction(request) as connection:
        found = [
            each
            for each in await rows.list_passkeys(connection)
            if everybody or each.operator_id == operator.operator_id
        ]
    names = {
        each.operator_id: each.name
        for each in await store.sign_ins.operators.list()
        if not each.is_ended
    }
    shown = [
        (each, names.get(each.operator_id, ""))
        for each in found
        # Those of a removed operator are refused.
        if not each.operator_id or each.operator_id in names
    ]
    return page.render(
        request,
        "passkeys.html",
        {
            "passkeys": [
                {**_public(each), "operator": name} for each, name in shown
            ]
        },
        passkeys=[
            (each, name, each.is_genuine(store.keyring))
            for each, name in shown
        ],
        removed=next(
            (
                each
                for each, _ in shown
                if each.passkey_id == request.query.get("remove")
            ),
            None,
        ),
        own_id=operator.operator_id,
        party=challenge_cookie.find_party(request),
        max_name_chars=MAX_NAME_CHARS,
    )


async def options(request: web.Request) -> web.Response:
    """Return the options of a new passkey, as JSON, with a new challenge.

    Raises PasskeysUnavailable, DatabaseError.
    """
    store = request.app[STORE]
    party = await challenge_cookie.require_party(request)
    operator = request[OPERATOR]
    async with page.read_transaction(request) as connection:
        existing = [
            each.credential_id
            for each in await rows.list_passkeys(connection)
            if each.operator_id == operator.operator_id
            and each.is_genuine(store.keyring)
        ]
    challenge = challenge_cookie.issue(
        request, ChallengeKind.ADD, *_bound_to(request)
    )
    return challenge_cookie.respond(
        registration_options(
            party,
            challenge,
            operator.operator_id,
            operator.name or party.name,
            existing,
        ),
        challenge,
    )


async def add(request: web.Request) -> web.StreamResponse:
    """Verify a new passkey, and store it; 303 to the list, or JSON.

    Raises PasskeyError, PasskeysUnavailable, InvalidField, DatabaseError.
    """
    store = request.app[STORE]
    party = await challenge_cookie.require_party(request)
    as_json = wants_json(request)
    form = await read_form(request)
    name = clean_line(form.get("name", ""), MAX_NAME_CHARS + 1)
    if not 0 < len(name) <= MAX_NAME_CHARS:
        raise InvalidField(
            "name",
            gettext(
                "must be a name of up to %(number)s characters",
                number=MAX_NAME_CHARS,
            ),
        )
    registration = Registration(
        credential_id=form.get("id", ""),
        client_data=form.get("client_data", ""),
        attestation=form.get("attestation", ""),
        transports=form.get("transports", ""),
    )
    operator, now = request[OPERATOR], store.clock()
    try:
        challenge = challenge_cookie.read(
            request, ChallengeKind.ADD, *_bound_to(request)
        )
        credential = await asyncio.to_thread(
            verify_registration, party, challenge, registration
        )
        passkey = Passkey.of(
            store.keyring,
            credential,
            passkey_id=store.random(ID_BYTES).hex(),
            operator_id=operator.operator_id,
            name=name,
            now=now,
        )
        async with store.ledger.write_transaction(
            SIGN_IN_SECONDS
        ) as connection:
            await rows.add_passkey(connection, passkey, challenge, now)
            await activity.record_within(
                request, connection, "add-passkey", passkey.passkey_id
            )
    except PasskeyError as error:
        log.warning(
            "studio: a new passkey was refused: %s, %s",
            type(error).__name__,
            error,
        )
        raise
    response = _respond(_public(passkey), as_json=as_json, status=201)
    challenge_cookie.delete(response)
    return response


async def remove(request: web.Request) -> web.StreamResponse:
    """Remove the passkey `id`; 303 to the list, or JSON.

    An operator's own; for an owner, anybody's. Raises PasskeyUnknown,
    DatabaseError.
    """
    store = request.app[STORE]
    as_json = wants_json(request)
    form = await read_form(request)
    passkey_id = form.get("id", "")
    operator = request[OPERATOR]
    async with store.ledger.write_transaction(SIGN_IN_SECONDS) as connection:
        await rows.end_passkey(
            connection,
            passkey_id,
            store.clock(),
            operator_id=(
                None if operator.role is Role.OWNER else operator.operator_id
            ),
        )
        await activity.record_within(
            request, connection, "remove-passkey", passkey_id
        )
    return _respond({"passkey_id": passkey_id}, as_json=as_json)


def _bound_to(request: web.Request) -> tuple[str, str]:
    """Return what the challenge of a new passkey is valid for."""
    return request[SESSION].number, request[OPERATOR].operator_id


def _public(passkey: Passkey) -> dict[str, Any]:
    found = asdict(passkey)
    return {name: found[name] for name in _SHOWN}


def _respond(
    data: dict[str, Any], *, as_json: bool, status: int = 200
) -> web.Response:
    response = (
        web.json_response(data, status=status)
        if as_json
        else web.Response(status=303, headers={"Location": _PATH})
    )
    response.headers["Cache-Control"] = PRIVATE
    return response
