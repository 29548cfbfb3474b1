# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Decorators of the studio's handlers: the sign-in, and the database away."""

import asyncio
from functools import wraps

from aiohttp import web
from aiohttp.typedefs import Handler

from msrv.ledger.errors import DatabaseError
from msrv.proofs.sign_in import Ticket
from msrv.web.errors import InvalidField, NotFound, SignedOut
from msrv.web.store import ROUTE
from msrv.web.studio import auth, page
from msrv.web.studio.access import bearer, rules
from msrv.web.studio.access.rules import ACCESS


def _import_pages() -> None:
    """Import the pages. Blocks, the first time."""
    from msrv.web.studio import (  # noqa: F401, PLC0415 - slow to import
        artist_sales,
        csv_export,
        downloads,
        health,
        home,
        orders,
        refunds,
        reports,
    )
    from msrv.web.studio.access import (  # noqa: F401, PLC0415 - slow to import
        activity_csv,
        operators_page,
        tokens_page,
    )
    from msrv.web.studio.gifts import (  # noqa: F401, PLC0415 - slow to import
        code_batches,
        free_copies,
    )
    from msrv.web.studio.legal import (  # noqa: F401, PLC0415 - slow to import
        invoice_exports,
        invoices,
        oss,
        withdrawals,
    )
    from msrv.web.studio.order import (  # noqa: F401, PLC0415 - slow to import
        country_form,
        evidence,
        evidence_pdf,
        receipt_again,
        refund_form,
    )
    from msrv.web.studio.passkeys import (  # noqa: F401, PLC0415 - slow to import
        pages as passkey_pages,
    )
    from msrv.web.studio.releases import (  # noqa: F401, PLC0415 - slow to import
        pages,
    )
    from msrv.web.studio.webhooks import (  # noqa: F401, PLC0415 - slow to import
        pages as webhook_pages,
    )


def signed_in(handler: Handler) -> Handler:
    """Require a session or a token that permits the route.

    Answers 503 while the database is unavailable.
    """
    return _checked(handler, needs_recent=False)


def recently_signed_in(handler: Handler) -> Handler:
    """Require a session whose sign-in was within the last hour, or a token."""
    return _checked(handler, needs_recent=True)


def _checked(handler: Handler, *, needs_recent: bool) -> Handler:
    """Return a handler behind the sign-in and the rules of its route."""

    @wraps(handler)
    async def handle(request: web.Request) -> web.StreamResponse:
        session = None
        try:
            if bearer.has_token(request):
                access = await bearer.require_token(request)
            else:
                session = await auth.require_session(request)
                access = request[ACCESS]
        except SignedOut:
            return auth.respond_signed_out(request)
        except DatabaseError as error:
            return page.database_unavailable(request, error)
        rules.check(access, request[ROUTE])
        if needs_recent and session is not None:
            auth.require_recent_sign_in(request)
        return await _respond(request, handler, session)

    return handle


async def not_found(request: web.Request) -> web.StreamResponse:
    """Raise NotFound for any other address or method under /studio.

    Without a session or a token, it responds as any page does.
    """
    try:
        if bearer.has_token(request):
            await bearer.require_token(request)
        else:
            await auth.require_session(request)
    except SignedOut:
        return auth.respond_signed_out(request)
    except DatabaseError as error:
        return page.database_unavailable(request, error)
    raise NotFound(request.method)


async def _respond(
    request: web.Request, handler: Handler, session: Ticket | None
) -> web.StreamResponse:
    await asyncio.to_thread(_import_pages)
    try:
        response = await handler(request)
    except DatabaseError as error:
        if request.writer.output_size > 0:
            raise  # part of the response was sent: close the connection
        response = page.database_unavailable(request, error)
    except InvalidField as error:
        response = page.invalid_field(request, error)
    if session is not None:
        auth.renew_session(request, response, session)
    return response
