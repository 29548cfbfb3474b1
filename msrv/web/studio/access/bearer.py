# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Tokens of programs in requests: `Authorization: Bearer` (RFC 6750).

A token is sent by a program and never by a browser on its own, so another
site can't use it: no cookie and no form is needed. It gets JSON alone.
"""

import logging
from typing import Final

from aiohttp import web

from msrv.ledger.operators.tokens import parse_token
from msrv.rate_limit import client_network
from msrv.web.errors import InvalidToken
from msrv.web.store import AS_JSON, ORIGIN, STORE
from msrv.web.studio.access.rules import ACCESS, StudioAccess

log = logging.getLogger(__name__)

_SCHEME: Final = "bearer"
_SAFE: Final = frozenset({"GET", "HEAD"})


def has_token(request: web.Request) -> bool:
    """Return whether a request has a token, of whatever form."""
    scheme, _, _ = request.headers.get("Authorization", "").partition(" ")
    return scheme.lower() == _SCHEME


async def require_token(request: web.Request) -> StudioAccess:
    """Return the access of the request's token.

    Raises InvalidToken, TooManyTokens, and DatabaseError where it can't be
    looked up.
    """
    request[AS_JSON] = True
    store = request.app[STORE]
    now = store.clock()
    network = client_network(request[ORIGIN].client)
    limit = store.limits.tokens
    limit.check(network, now=now)
    headers = request.headers.getall("Authorization", ())
    text = headers[0].partition(" ")[2].strip() if len(headers) == 1 else ""
    presented = parse_token(text)
    tokens = store.sign_ins.tokens
    token = (
        None
        if presented is None
        else await tokens.find(
            presented.token_id, changes=request.method not in _SAFE
        )
    )
    if (
        token is None
        or presented is None
        or not presented.is_of(token)
        or not token.is_valid(now)
    ):
        limit.spend(network, now=now)
        log.warning("studio: refused a token: unknown, expired or revoked")
        raise InvalidToken
    await tokens.record_use(token, now)
    access = request[ACCESS] = StudioAccess.of_token(token)
    return access
