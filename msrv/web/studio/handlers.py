# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Decorators of the studio's handlers: the sign-in, and the database away."""

import asyncio
from functools import wraps

from aiohttp import web
from aiohttp.typedefs import Handler

from msrv.ledger.errors import DatabaseError
from msrv.proofs.sign_in import Ticket
from msrv.web.errors import InvalidField, SignedOut
from msrv.web.studio import auth, page


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
    from msrv.web.studio.gifts import (  # noqa: F401, PLC0415 - slow to import
        code_batches,
        free_copies,
    )
    from msrv.web.studio.legal import (  # noqa: F401, PLC0415 - slow to import
        oss,
        withdrawals,
    )
    from msrv.web.studio.order import (  # noqa: F401, PLC0415 - slow to import
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
    """Require a session, and answer 503 while the database is unavailable."""

    @wraps(handler)
    async def handle(request: web.Request) -> web.StreamResponse:
        try:
            session = await auth.require_session(request)
        except SignedOut:
            return auth.respond_signed_out(request)
        except DatabaseError as error:
            return page.database_unavailable(request, error)
        return await _respond(request, handler, session)

    return handle


def recently_signed_in(handler: Handler) -> Handler:
    """Require a session whose sign-in was within the last hour."""

    @wraps(handler)
    async def handle(request: web.Request) -> web.StreamResponse:
        try:
            session = await auth.require_session(request)
        except SignedOut:
            return auth.respond_signed_out(request)
        except DatabaseError as error:
            return page.database_unavailable(request, error)
        auth.require_recent_sign_in(request)
        return await _respond(request, handler, session)

    return handle


async def _respond(
    request: web.Request, handler: Handler, session: Ticket
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
    auth.renew_session(request, response, session)
    return response
