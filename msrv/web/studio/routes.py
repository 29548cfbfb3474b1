# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Routes of the studio: every page is behind the sign-in.

The pages import SQLAlchemy, which takes a third of a second. Each handler
here imports its page when it is first requested, so that the store starts,
and serves downloads, without it.
"""

import asyncio
from functools import wraps
from typing import Final

from aiohttp import web
from aiohttp.typedefs import Handler

from msrv.ledger.errors import DatabaseError
from msrv.proofs.sign_in import Ticket
from msrv.web.errors import InvalidField, SignedOut
from msrv.web.studio import auth, page

_ORDER: Final = "/studio/orders/{order}"


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
    from msrv.web.studio.order import (  # noqa: F401, PLC0415 - slow to import
        refund_form,
    )
    from msrv.web.studio.releases import (  # noqa: F401, PLC0415 - slow to import
        pages,
    )
    from msrv.web.studio.webhooks import (  # noqa: F401, PLC0415 - slow to import
        pages as webhook_pages,
    )


def _signed_in(handler: Handler) -> Handler:
    """Require a session, and answer 503 while the database is unavailable."""

    @wraps(handler)
    async def handle(request: web.Request) -> web.StreamResponse:
        try:
            session = await auth.require_session(request)
        except SignedOut:
            return auth.respond_signed_out(request)
        return await _respond(request, handler, session)

    return handle


def _recently_signed_in(handler: Handler) -> Handler:
    """Require a session whose sign-in was within the last hour."""

    @wraps(handler)
    async def handle(request: web.Request) -> web.StreamResponse:
        try:
            session = await auth.require_session(request)
        except SignedOut:
            return auth.respond_signed_out(request)
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


@_signed_in
async def _home(request: web.Request) -> web.StreamResponse:
    from msrv.web.studio import home  # noqa: PLC0415 - slow to import

    return await home.show(request)


@_signed_in
async def _sales(request: web.Request) -> web.StreamResponse:
    from msrv.web.studio import reports  # noqa: PLC0415 - slow to import

    return await reports.show_sales(request)


@_signed_in
async def _best_sellers(request: web.Request) -> web.StreamResponse:
    from msrv.web.studio import reports  # noqa: PLC0415 - slow to import

    return await reports.show_best_sellers(request)


@_signed_in
async def _downloads(request: web.Request) -> web.StreamResponse:
    from msrv.web.studio import downloads  # noqa: PLC0415 - slow to import

    return await downloads.show_figures(request)


@_signed_in
async def _download_list(request: web.Request) -> web.StreamResponse:
    from msrv.web.studio import downloads  # noqa: PLC0415 - slow to import

    return await downloads.show_list(request)


@_signed_in
async def _withdrawals(request: web.Request) -> web.StreamResponse:
    from msrv.web.studio.legal import (  # noqa: PLC0415 - slow to import
        withdrawals,
    )

    return await withdrawals.show_list(request)


@_signed_in
async def _handle_withdrawal(request: web.Request) -> web.StreamResponse:
    from msrv.web.studio.legal import (  # noqa: PLC0415 - slow to import
        withdrawals,
    )

    return await withdrawals.mark_handled(request)


@_signed_in
async def _refunds(request: web.Request) -> web.StreamResponse:
    from msrv.web.studio import refunds  # noqa: PLC0415 - slow to import

    return await refunds.show_list(request)


@_signed_in
async def _activity(request: web.Request) -> web.StreamResponse:
    from msrv.web.studio import activity  # noqa: PLC0415 - slow to import

    return await activity.show(request)


@_signed_in
async def _health(request: web.Request) -> web.StreamResponse:
    from msrv.web.studio import health  # noqa: PLC0415 - slow to import

    return await health.show(request)


@_signed_in
async def _orders(request: web.Request) -> web.StreamResponse:
    from msrv.web.studio import orders  # noqa: PLC0415 - slow to import

    return await orders.show_list(request)


@_recently_signed_in
async def _csv_export(request: web.Request) -> web.StreamResponse:
    from msrv.web.studio import csv_export  # noqa: PLC0415 - slow to import

    return await csv_export.show(request)


@_recently_signed_in
async def _artist_csv(request: web.Request) -> web.StreamResponse:
    from msrv.web.studio import artist_sales  # noqa: PLC0415 - slow to import

    return await artist_sales.show(request)


@_signed_in
async def _releases(request: web.Request) -> web.StreamResponse:
    from msrv.web.studio.releases import (  # noqa: PLC0415 - slow to import
        pages,
    )

    return await pages.show_list(request)


@_signed_in
async def _release(request: web.Request) -> web.StreamResponse:
    from msrv.web.studio.releases import (  # noqa: PLC0415 - slow to import
        pages,
    )

    return await pages.show_one(request)


@_recently_signed_in
async def _give_form(request: web.Request) -> web.StreamResponse:
    from msrv.web.studio.gifts import (  # noqa: PLC0415 - slow to import
        free_copies,
    )

    return await free_copies.show_form(request)


@_recently_signed_in
async def _give_copy(request: web.Request) -> web.StreamResponse:
    from msrv.web.studio.gifts import (  # noqa: PLC0415 - slow to import
        free_copies,
    )

    return await free_copies.give_copy(request)


@_recently_signed_in
async def _codes_form(request: web.Request) -> web.StreamResponse:
    from msrv.web.studio.gifts import (  # noqa: PLC0415 - slow to import
        code_batches,
    )

    return await code_batches.show_form(request)


@_recently_signed_in
async def _codes(request: web.Request) -> web.StreamResponse:
    from msrv.web.studio.gifts import (  # noqa: PLC0415 - slow to import
        code_batches,
    )

    return await code_batches.make(request)


@_signed_in
async def _order(request: web.Request) -> web.StreamResponse:
    from msrv.web.studio import orders  # noqa: PLC0415 - slow to import

    return await orders.show_one(request)


@_recently_signed_in
async def _confirm_refund(request: web.Request) -> web.StreamResponse:
    from msrv.web.studio import refunds  # noqa: PLC0415 - slow to import

    return await refunds.confirm(request)


@_recently_signed_in
async def _refund(request: web.Request) -> web.StreamResponse:
    from msrv.web.studio import refunds  # noqa: PLC0415 - slow to import

    return await refunds.refund(request)


@_signed_in
async def _webhooks(request: web.Request) -> web.StreamResponse:
    from msrv.web.studio.webhooks import (  # noqa: PLC0415 - slow to import
        pages,
    )

    return await pages.show(request)


@_recently_signed_in
async def _change_webhooks(request: web.Request) -> web.StreamResponse:
    from msrv.web.studio.webhooks import (  # noqa: PLC0415 - slow to import
        pages,
    )

    return await pages.change(request)


@_recently_signed_in
async def _refund_form(request: web.Request) -> web.StreamResponse:
    from msrv.web.studio.order import (  # noqa: PLC0415 - slow to import
        refund_form,
    )

    return await refund_form.show_form(request)


@_recently_signed_in
async def _refund_money(request: web.Request) -> web.StreamResponse:
    from msrv.web.studio.order import (  # noqa: PLC0415 - slow to import
        refund_form,
    )

    return await refund_form.refund(request)


STUDIO: Final[list[web.RouteDef]] = [
    web.get("/studio/enter/{ticket}", auth.show_sign_in, name="studio-link"),
    web.post("/studio/enter/{ticket}", auth.use_link, name="studio-enter"),
    web.post("/studio/leave", auth.sign_out, name="studio-leave"),
    web.get("/studio", _home, name="studio"),
    web.get("/studio/sales", _sales, name="studio-sales"),
    web.get("/studio/sellers", _best_sellers, name="studio-sellers"),
    web.get("/studio/downloads", _downloads, name="studio-downloads"),
    web.get(
        "/studio/downloads/list", _download_list, name="studio-download-list"
    ),
    web.get("/studio/artists.csv", _artist_csv, name="studio-artists"),
    web.get("/studio/refunds", _refunds, name="studio-refunds"),
    web.get("/studio/withdrawals", _withdrawals, name="studio-withdrawals"),
    web.post("/studio/withdrawals", _handle_withdrawal, name="studio-handle"),
    web.get("/studio/activity", _activity, name="studio-activity"),
    web.get("/studio/health", _health, name="studio-health"),
    web.get("/studio/webhooks", _webhooks, name="studio-webhooks"),
    web.post(
        "/studio/webhooks", _change_webhooks, name="studio-webhooks-change"
    ),
    web.get("/studio/releases", _releases, name="studio-releases"),
    web.get("/studio/releases/{release}", _release, name="studio-release"),
    web.get("/studio/give", _give_form, name="studio-give-form"),
    web.post("/studio/give", _give_copy, name="studio-give"),
    web.get("/studio/codes", _codes_form, name="studio-codes-form"),
    web.post("/studio/codes", _codes, name="studio-codes"),
    web.get("/studio/orders", _orders, name="studio-orders"),
    web.get("/studio/orders.csv", _csv_export, name="studio-export"),
    web.get(_ORDER, _order, name="studio-order"),
    web.get(f"{_ORDER}/refund", _refund_form, name="studio-refund-form"),
    web.post(f"{_ORDER}/refund", _refund_money, name="studio-refund"),
    web.get(f"{_ORDER}/revoke", _confirm_refund, name="studio-ask"),
    web.post(f"{_ORDER}/revoke", _refund, name="studio-revoke"),
    # Last: any other method than these, and any other address.
    web.route("*", "/studio", auth.not_found, name="studio-nothing"),
    web.route("*", "/studio/{rest:.*}", auth.not_found, name="studio-none"),
]
