# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Cookie with the challenge that a browser is to answer.

The cookie binds the answer to the browser that asked for the challenge. It
is deleted with the answer, right or wrong; that a challenge is used once
doesn't depend on it.
"""

import asyncio
import functools
from typing import Any, Final

from aiohttp import web

from msrv.passkeys import ceremonies, challenges
from msrv.passkeys.ceremonies import RelyingParty
from msrv.passkeys.challenges import Challenge, ChallengeKind
from msrv.settings.optional_packages import PackageMissing, require_packages
from msrv.web import cookies
from msrv.web.errors import PasskeysUnavailable
from msrv.web.rendering import PRIVATE
from msrv.web.store import ORIGIN, STORE

COOKIE: Final = "__Host-passkey"


def find_party(request: web.Request) -> RelyingParty | None:
    """Return the store as browsers know it, None where it has no passkeys."""
    if not _is_installed():
        return None
    return RelyingParty.of(
        request[ORIGIN].base_url,
        request.app[STORE].catalog.current.shop.name,
    )


async def require_party(request: web.Request) -> RelyingParty:
    """Return the store as browsers know it; the package is imported.

    Raises PasskeysUnavailable.
    """
    party = find_party(request)
    if party is None:
        raise PasskeysUnavailable
    await asyncio.to_thread(ceremonies.load)
    return party


def issue(
    request: web.Request, kind: ChallengeKind, *bound_to: str
) -> Challenge:
    """Return a new challenge."""
    store = request.app[STORE]
    return challenges.issue(
        store.keyring, kind, store.clock(), store.random, *bound_to
    )


def read(
    request: web.Request, kind: ChallengeKind, *bound_to: str
) -> Challenge:
    """Return the challenge of the request's cookie.

    Raises ChallengeInvalid, ChallengeExpired.
    """
    store = request.app[STORE]
    return challenges.read(
        store.keyring,
        kind,
        store.clock(),
        cookies.read_all(request).get(COOKIE, ""),
        *bound_to,
    )


def respond(options: dict[str, Any], challenge: Challenge) -> web.Response:
    """Return the options of a ceremony as JSON, with the cookie."""
    response = web.json_response(options, headers={"Cache-Control": PRIVATE})
    response.set_cookie(
        COOKIE,
        challenge.text,
        max_age=challenges.SECONDS,
        path="/",
        secure=True,
        httponly=True,
        samesite="Strict",
    )
    return response


def delete(response: web.StreamResponse) -> None:
    """Delete the cookie."""
    response.del_cookie(
        COOKIE, path="/", secure=True, httponly=True, samesite="Strict"
    )


@functools.cache
def _is_installed() -> bool:
    try:
        require_packages("passkeys", "Passkeys")
    except PackageMissing:
        return False
    return True
