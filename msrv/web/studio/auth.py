"""Coming in and going out: a link that is good once, and a cookie after it.

To whoever is not signed in, no address under `/studio` exists: the answer is
that of any address that leads nowhere. A link that was ours says what became
of it; one that never was gets a line in the log, and the same answer.
"""

import logging
from typing import Final

from aiohttp import web

from msrv.ledger.errors import DatabaseError, LinkUsed
from msrv.proofs import sign_in
from msrv.proofs.errors import Forged, ProofError, TicketExpired
from msrv.proofs.sign_in import Kind, Ticket
from msrv.web import cookies
from msrv.web.access_log import spelled
from msrv.web.errors import NotFound, RecentSignInRequired
from msrv.web.forms import read_form
from msrv.web.rendering import PRIVATE, respond, wants_json
from msrv.web.store import ORIGIN, SESSION, STORE
from msrv.web.studio import activity, page

log = logging.getLogger(__name__)

COOKIE: Final = "__Secure-studio"
"""A browser takes a cookie of such a name over HTTPS alone."""
PATH: Final = "/studio"
RECENT_SECONDS: Final = 3600
"""Time after a sign-in within which orders can be refunded and exported."""
_RENEW_SECONDS: Final = 60


async def let_in(request: web.Request) -> Ticket:
    """Return the session of someone who is signed in. Raises NotFound.

    A stranger costs a MAC and no question to the database.
    """
    store = request.app[STORE]
    try:
        session = sign_in.read(
            store.keyring,
            Kind.SESSION,
            cookies.read_all(request).get(COOKIE, ""),
            store.clock(),
        )
    except ProofError:
        raise NotFound from None
    door = store.sign_ins
    if (
        session.made_at <= await door.all_signed_out_at()
        or await door.is_session_signed_out(session.number)
    ):
        raise NotFound
    request[SESSION] = session
    return session


def check_recent(request: web.Request) -> None:
    """See that the sign-in was a short while ago. Raises RecentSignInRequired.

    For what a copy of a cookie shall not be enough for.
    """
    age_seconds = request.app[STORE].clock() - request[SESSION].made_at
    if age_seconds >= RECENT_SECONDS:
        raise RecentSignInRequired


def renew(
    request: web.Request, response: web.StreamResponse, session: Ticket
) -> None:
    """Extend a session that is in use, at most once a minute."""
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


async def knock(request: web.Request) -> web.StreamResponse:
    """Show a button that signs in: looking at a link doesn't use it up.

    Mail scanners and previews open links; they press no buttons. Raises
    NotFound, TicketExpired, LinkUsed.
    """
    ticket = await _read_link(request)
    if await request.app[STORE].sign_ins.is_link_used(ticket.number):
        raise LinkUsed
    return respond(
        request,
        "studio/enter.html",
        {"expires_at": ticket.expires_at},
        cache_control=PRIVATE,
        expires_at=ticket.expires_at,
        action=request.path,
        style_url=page.style_url(request),
    )


async def enter(request: web.Request) -> web.StreamResponse:
    """Use a link up, and sign in.

    Raises NotFound, TicketExpired, LinkUsed, LinkNotRecorded.
    """
    store = request.app[STORE]
    ticket = await _read_link(request)
    # Whatever can't be answered is said before the link is used.
    as_json = wants_json(request)
    now = store.clock()
    door = store.sign_ins
    try:
        await door.use_link(ticket.number, ticket.expires_at, now)
    except LinkUsed:
        log.warning("studio: refused a sign-in link: it was used before")
        raise
    # Later than the last sign-out, though it was in this very second.
    begun_at = max(now, await door.all_signed_out_at() + 1)
    session = sign_in.issue(
        store.keyring,
        Kind.SESSION,
        begun_at,
        store.random,
    )
    log.info("studio: signed in from %s", _client(request))
    expires_at = begun_at + Kind.SESSION.seconds
    response = (
        web.json_response({"expires_at": expires_at})
        if as_json
        else web.Response(status=303, headers={"Location": PATH})
    )
    response.headers["Cache-Control"] = PRIVATE
    _set_cookie(response, session, Kind.SESSION.seconds)
    request[SESSION] = sign_in.read(
        store.keyring, Kind.SESSION, session, begun_at
    )
    await activity.record(request, "sign-in")
    return response


async def leave(request: web.Request) -> web.StreamResponse:
    """Sign this session out; with `everywhere`, everyone. Raises NotFound.

    It ends on every replica. Where the database is away, it ends as far as
    this data folder goes; the answer says so.
    """
    store = request.app[STORE]
    session = await let_in(request)
    form = await read_form(request)
    everywhere = bool(form.get("everywhere"))
    door, now = store.sign_ins, store.clock()
    reached = True
    try:
        if everywhere:
            await door.sign_out_all(now)
        else:
            await door.sign_out_session(session.number, session.ends_at, now)
    except (DatabaseError, OSError):
        reached = False
    if everywhere:
        log.info("studio: everyone was signed out")
    await activity.record(
        request, "sign-out-everyone" if everywhere else "sign-out"
    )
    response = respond(
        request,
        "studio/left.html",
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


async def nothing(request: web.Request) -> web.StreamResponse:
    """Answer for every other address and method here. Raises NotFound.

    Without it, a method that a page doesn't have would tell of the page.
    """
    raise NotFound(request.method)


def _client(request: web.Request) -> str:
    """Return the visitor's address, as the log may have it."""
    detail = request.app[STORE].settings.log_addresses
    return spelled(request[ORIGIN].client, detail)


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


async def _read_link(request: web.Request) -> Ticket:
    """Read the link that was opened. Raises NotFound, TicketExpired."""
    store = request.app[STORE]
    try:
        ticket = sign_in.read(
            store.keyring,
            Kind.LINK,
            request.match_info["ticket"],
            store.clock(),
        )
    except Forged:
        log.warning(
            "studio: refused a sign-in link from %s: "
            "it is of another NONCE, or no link at all",
            _client(request),
        )
        raise NotFound from None
    except TicketExpired:
        log.warning("studio: refused a sign-in link: it has expired")
        raise
    if ticket.made_at < await store.sign_ins.all_signed_out_at():
        log.warning("studio: refused a sign-in link: all were signed out")
        raise TicketExpired(ticket)
    return ticket
