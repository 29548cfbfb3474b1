# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Sign-in to the studio with a passkey, beside that with a link."""

import asyncio
import logging

from aiohttp import web

from msrv.ledger.errors import DatabaseError
from msrv.ledger.operators.model import Operator
from msrv.ledger.timeouts import SIGN_IN_SECONDS
from msrv.passkeys import PasskeyError, PasskeyUnknown, ResponseInvalid
from msrv.passkeys.ceremonies import (
    Authentication,
    RelyingParty,
    sign_in_options,
    verify_sign_in,
)
from msrv.passkeys.challenges import Challenge, ChallengeKind
from msrv.proofs.encoding import decode
from msrv.proofs.errors import Forged
from msrv.rate_limit import client_network
from msrv.web.errors import PasskeysOffline
from msrv.web.forms import read_form
from msrv.web.rendering import PRIVATE, respond, wants_json
from msrv.web.store import ORIGIN, STORE
from msrv.web.studio import auth, page
from msrv.web.studio.passkeys import challenge_cookie

log = logging.getLogger(__name__)


async def show(request: web.Request) -> web.Response:
    """Show the page that says how to sign in, also during a session.

    Some actions need a recent sign-in.
    """
    party = challenge_cookie.find_party(request)
    return respond(
        request,
        "studio/sign_in_required.html",
        {"passkeys": party is not None},
        cache_control=PRIVATE,
        style_url=page.style_url(request),
        address=auth.PATH,
        party=party,
        next_address=auth.PATH,
        opens_again=False,
    )


async def options(request: web.Request) -> web.Response:
    """Return the options of a sign-in, as JSON, with a new challenge.

    Raises PasskeysUnavailable; and PasskeysOffline where the response could
    not be checked, before anybody touches a sensor for it.
    """
    party = await challenge_cookie.require_party(request)
    if not request.app[STORE].ledger.is_database_ready:
        raise PasskeysOffline
    challenge = challenge_cookie.issue(request, ChallengeKind.SIGN_IN)
    return challenge_cookie.respond(
        sign_in_options(party, challenge), challenge
    )


async def sign_in(request: web.Request) -> web.StreamResponse:
    """Verify the response of a passkey, and start a session.

    Raises PasskeyError, PasskeysUnavailable, PasskeysOffline,
    TooManySignIns.
    """
    store = request.app[STORE]
    party = await challenge_cookie.require_party(request)
    wants_json(request)  # raises before the challenge is used up
    store.limits.sign_ins.acquire(
        client_network(request[ORIGIN].client), now=store.clock()
    )
    form = await read_form(request)
    found = Authentication(
        credential_id=form.get("id", ""),
        client_data=form.get("client_data", ""),
        authenticator_data=form.get("authenticator_data", ""),
        signature=form.get("signature", ""),
        user_handle=form.get("user_handle", ""),
    )
    try:
        challenge = challenge_cookie.read(request, ChallengeKind.SIGN_IN)
        operator = await _verify(request, party, challenge, found)
    except PasskeyError as error:
        log.warning(
            "studio: refused a passkey from %s: %s",
            auth.client_of(request),
            f"{type(error).__name__}, {error}",
        )
        raise
    except DatabaseError as error:
        raise PasskeysOffline from error
    response = await auth.start_session(request, operator, "sign-in-passkey")
    challenge_cookie.delete(response)
    return response


async def _verify(
    request: web.Request,
    party: RelyingParty,
    challenge: Challenge,
    found: Authentication,
) -> Operator:
    """Return whose passkey it is, once the sign-in is recorded.

    Raises PasskeyError, DatabaseError.
    """
    from msrv.ledger.passkeys import rows  # noqa: PLC0415 - slow to import

    store = request.app[STORE]
    try:
        credential_id = decode(found.credential_id)
    except Forged:
        raise ResponseInvalid("not in base64url") from None
    async with store.ledger.read_transaction(SIGN_IN_SECONDS) as connection:
        passkey = await rows.find_passkey(connection, credential_id)
    if not passkey.is_genuine(store.keyring):
        raise PasskeyUnknown(f"passkey {passkey.passkey_id} has a foreign tag")
    operator = await store.sign_ins.operators.find(
        passkey.operator_id, changes=True
    )
    if operator is None:
        raise PasskeyUnknown(f"passkey {passkey.passkey_id} of nobody")
    sign_count = await asyncio.to_thread(
        verify_sign_in,
        party,
        challenge,
        found,
        passkey.public_key,
        passkey.operator_id,
    )
    async with store.ledger.write_transaction(SIGN_IN_SECONDS) as connection:
        await rows.use_passkey(
            connection, passkey, sign_count, challenge, store.clock()
        )
    return operator
