# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Sign-in to the studio: a link that works once, then a session cookie.

Without a session, every address under `/studio` responds alike: with a page
that says how to sign in, whether the address exists or not. A link that this
store issued gets an explanation once it was used or has expired; any other
gets a line in the log and a 404.
"""

import logging
from typing import Final

from aiohttp import web

from msrv.ledger.errors import DatabaseError, LinkUsed
from msrv.ledger.operators.model import Operator
from msrv.proofs import sign_in
from msrv.proofs.errors import Forged, ProofError
from msrv.proofs.sign_in import Ticket, TicketExpired, TicketKind
from msrv.web import cookies
from msrv.web.access_log import format_client
from msrv.web.errors import (
    NotAllowed,
    NotFound,
    OperatorUnavailable,
    RecentSignInRequired,
    SignedOut,
)
from msrv.web.errors.table import error_page
from msrv.web.forms import read_form
from msrv.web.rendering import PRIVATE, respond, wants_json
from msrv.web.store import OPERATOR, ORIGIN, SESSION, STORE
from msrv.web.studio import activity, page
from msrv.web.studio.access.rules import ACCESS, StudioAccess
from msrv.web.studio.passkeys import challenge_cookie

log = logging.getLogger(__name__)

COOKIE: Final = "__Secure-studio"
"""Browsers accept a cookie with this prefix over HTTPS only."""
PATH: Final = "/studio"
RECENT_SECONDS: Final = 3600
"""Time after a sign-in during which refunds and exports are allowed."""
_RENEW_SECONDS: Final = 60
_SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})


async def require_session(request: web.Request) -> Ticket:
    """Return the session of the request, with its operator in the request.

    Raises SignedOut, also for a removed operator; and DatabaseError where a
    named one can't be looked up. A request without a genuine cookie costs one
    MAC and no database query.
    """
    session = await _read_session(request)
    operator = await request.app[STORE].sign_ins.operators.find(
        session.operator_id, changes=request.method not in _SAFE
    )
    if operator is None:
        raise SignedOut
    request[OPERATOR] = operator
    request[ACCESS] = StudioAccess.of_operator(operator, session.number)
    return session


async def _read_session(request: web.Request) -> Ticket:
    """Return the session of the request, of any operator. Raises SignedOut."""
    store = request.app[STORE]
    try:
        session = sign_in.read(
            store.keyring,
            TicketKind.SESSION,
            cookies.read_all(request).get(COOKIE, ""),
            store.clock(),
        )
    except ProofError:
        raise SignedOut from None
    sign_ins = store.sign_ins
    if (
        session.issued_at <= await sign_ins.all_signed_out_at()
        or await sign_ins.is_session_signed_out(session.number)
    ):
        raise SignedOut
    request[SESSION] = session
    return session


def respond_signed_out(request: web.Request) -> web.StreamResponse:
    """Return the page that says how to sign in; the same at every address.

    A link from a mail or a chat arrives without the cookie, which is
    `SameSite=Strict`. The page then opens its own address again, which a
    browser does with the cookie: that is a navigation within the site. It
    isn't done for a file, or the link could start a download.
    """
    error = error_page(SignedOut())
    headers = request.headers
    response = respond(
        request,
        "studio/sign_in_required.html",
        {"error": error.code, "message": error.message},
        status=error.status,
        cache_control=PRIVATE,
        style_url=page.style_url(request),
        address=request.rel_url.raw_path_qs,
        party=challenge_cookie.find_party(request),
        next_address=(
            request.rel_url.raw_path_qs if request.method == "GET" else PATH
        ),
        opens_again=(
            request.method == "GET"
            and headers.get("Sec-Fetch-Site") == "cross-site"
            and headers.get("Sec-Fetch-Mode") == "navigate"
            and headers.get("Sec-Fetch-Dest") == "document"
            and not request.path.endswith(".csv")
        ),
    )
    response.headers.update(error.response_headers)
    return response


def require_recent_sign_in(request: web.Request) -> None:
    """Raise RecentSignInRequired unless the sign-in was within the last hour.

    Protects what a stolen cookie must not be enough for.
    """
    age_seconds = request.app[STORE].clock() - request[SESSION].issued_at
    if age_seconds >= RECENT_SECONDS:
        raise RecentSignInRequired


def renew_session(
    request: web.Request, response: web.StreamResponse, session: Ticket
) -> None:
    """Extend a session in use, at most once a minute."""
    store = request.app[STORE]
    now = store.clock()
    assert session.used_at is not None  # noqa: S101 - a session's
    if now - session.used_at < _RENEW_SECONDS or response.prepared:
        return
    _set_cookie(
        response,
        sign_in.renew(store.keyring, session, now),
        session.ends_at - now,
    )


async def show_sign_in(request: web.Request) -> web.StreamResponse:
    """Show a button that signs in. Opening the link doesn't use it up.

    Mail scanners and previews open links, but don't submit forms. Raises
    NotFound, TicketExpired, LinkUsed, OperatorUnavailable.
    """
    ticket, operator = await _read_link(request)
    if await request.app[STORE].sign_ins.is_link_used(ticket.number):
        raise LinkUsed
    return respond(
        request,
        "studio/sign_in.html",
        {"expires_at": ticket.expires_at, "operator": operator.name},
        cache_control=PRIVATE,
        expires_at=ticket.expires_at,
        operator=operator,
        action=request.path,
        style_url=page.style_url(request),
    )


async def use_link(request: web.Request) -> web.StreamResponse:
    """Use up a link, and start a session.

    Raises NotFound, TicketExpired, LinkUsed, LinkNotRecorded,
    OperatorUnavailable.
    """
    store = request.app[STORE]
    ticket, operator = await _read_link(request)
    wants_json(request)  # raises before the link is used
    now = store.clock()
    sign_ins = store.sign_ins
    try:
        await sign_ins.use_link(ticket.number, ticket.expires_at, now)
    except LinkUsed:
        log.warning("studio: refused a sign-in link: already used")
        raise
    return await start_session(request, operator, "sign-in")


async def start_session(
    request: web.Request, operator: Operator, act: str
) -> web.StreamResponse:
    """Start a session of an operator, and record how it began.

    303 to the studio with the cookie, or JSON with the end of the session.
    """
    store = request.app[STORE]
    as_json, now = wants_json(request), store.clock()
    # Later than the last sign-out, even if that was within this second.
    started_at = max(now, await store.sign_ins.all_signed_out_at() + 1)
    session = sign_in.issue(
        store.keyring,
        TicketKind.SESSION,
        started_at,
        store.random,
        operator.operator_id,
    )
    log.info(
        "studio: %s signed in from %s",
        operator.name or "an operator without a name",
        client_of(request),
    )
    expires_at = started_at + TicketKind.SESSION.seconds
    response = (
        web.json_response({"expires_at": expires_at})
        if as_json
        else web.Response(status=303, headers={"Location": PATH})
    )
    response.headers["Cache-Control"] = PRIVATE
    _set_cookie(response, session, TicketKind.SESSION.seconds)
    number = sign_in.read(
        store.keyring, TicketKind.SESSION, session, started_at
    ).number
    request[ACCESS] = StudioAccess.of_operator(operator, number)
    await activity.record(request, act)
    return response


async def sign_out(request: web.Request) -> web.StreamResponse:
    """End this session; with `everywhere`, all sessions.

    Sessions end on every replica. While the database is unavailable, they end
    on the replicas that share this data folder; the response says so.
    Anybody may sign out: no role is looked up for that. Everyone is signed
    out by an owner alone, by the role that was known last. Raises NotAllowed.
    """
    store = request.app[STORE]
    try:
        session = await _read_session(request)
    except SignedOut:
        return respond_signed_out(request)
    operator = store.sign_ins.operators.last_known(session.operator_id)
    access = request[ACCESS] = StudioAccess.of_operator(
        operator, session.number
    )
    form = await read_form(request)
    everywhere = bool(form.get("everywhere"))
    if everywhere and not access.may_administer:
        raise NotAllowed(needs_owner=True)
    sign_ins, now = store.sign_ins, store.clock()
    reached = True
    try:
        if everywhere:
            await sign_ins.sign_out_all(now)
        else:
            await sign_ins.sign_out_session(
                session.number, session.ends_at, now
            )
    except (DatabaseError, OSError):
        reached = False
    if everywhere:
        log.info("studio: signed everyone out")
    await activity.record(
        request, "sign-out-everyone" if everywhere else "sign-out"
    )
    response = respond(
        request,
        "studio/signed_out.html",
        {"everywhere": everywhere, "reached_all": reached},
        cache_control=PRIVATE,
        everywhere=everywhere,
        reached=reached,
        style_url=page.style_url(request),
    )
    response.del_cookie(
        COOKIE, path=PATH, secure=True, httponly=True, samesite="Strict"
    )
    return response


def client_of(request: web.Request) -> str:
    """Return the client's address at the detail that is logged."""
    detail = request.app[STORE].settings.log_addresses
    return format_client(request[ORIGIN].client, detail)


def _set_cookie(
    response: web.StreamResponse, session: str, max_age_seconds: int
) -> None:
    response.set_cookie(
        COOKIE,
        session,
        max_age=max_age_seconds,
        path=PATH,
        secure=True,
        httponly=True,
        samesite="Strict",
    )


async def _read_link(request: web.Request) -> tuple[Ticket, Operator]:
    """Return the link's ticket and its operator.

    Raises NotFound, TicketExpired, and OperatorUnavailable for a named
    operator who can't be looked up.
    """
    store = request.app[STORE]
    try:
        ticket = sign_in.read(
            store.keyring,
            TicketKind.LINK,
            request.match_info["ticket"],
            store.clock(),
        )
    except Forged:
        log.warning(
            "studio: refused a sign-in link from %s: "
            "not signed by this store's NONCE",
            client_of(request),
        )
        raise NotFound from None
    except TicketExpired:
        log.warning("studio: refused a sign-in link: expired")
        raise
    if ticket.issued_at < await store.sign_ins.all_signed_out_at():
        log.warning(
            "studio: refused a sign-in link: everyone was signed out since"
        )
        raise TicketExpired(ticket)
    try:
        operator = await store.sign_ins.operators.find(
            ticket.operator_id, changes=True
        )
    except DatabaseError as error:
        raise OperatorUnavailable from error
    if operator is None:
        log.warning("studio: refused a sign-in link of a removed operator")
        raise TicketExpired(ticket)
    return ticket, operator
