# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Routes of the studio: every page is behind the sign-in.

The pages import SQLAlchemy, which takes a third of a second. Each handler
here imports its page when it is first requested, so that the store starts,
and serves downloads, without it.
"""

from typing import Final

from aiohttp import web

from msrv.web.studio import auth
from msrv.web.studio.access.routes import ACCESS_ROUTES
from msrv.web.studio.handlers import (
    not_found,
    recently_signed_in,
    signed_in,
)
from msrv.web.studio.legal.routes import LEGAL_ROUTES
from msrv.web.studio.passkeys.routes import PASSKEYS

_ORDER: Final = "/studio/orders/{order}"


@signed_in
async def _home(request: web.Request) -> web.StreamResponse:
    from msrv.web.studio import home  # noqa: PLC0415 - slow to import

    return await home.show(request)


@signed_in
async def _sales(request: web.Request) -> web.StreamResponse:
    from msrv.web.studio import reports  # noqa: PLC0415 - slow to import

    return await reports.show_sales(request)


@signed_in
async def _best_sellers(request: web.Request) -> web.StreamResponse:
    from msrv.web.studio import reports  # noqa: PLC0415 - slow to import

    return await reports.show_best_sellers(request)


@signed_in
async def _downloads(request: web.Request) -> web.StreamResponse:
    from msrv.web.studio import downloads  # noqa: PLC0415 - slow to import

    return await downloads.show_figures(request)


@signed_in
async def _download_list(request: web.Request) -> web.StreamResponse:
    from msrv.web.studio import downloads  # noqa: PLC0415 - slow to import

    return await downloads.show_list(request)


@signed_in
async def _withdrawals(request: web.Request) -> web.StreamResponse:
    from msrv.web.studio.legal import (  # noqa: PLC0415 - slow to import
        withdrawals,
    )

    return await withdrawals.show_list(request)


@signed_in
async def _handle_withdrawal(request: web.Request) -> web.StreamResponse:
    from msrv.web.studio.legal import (  # noqa: PLC0415 - slow to import
        withdrawals,
    )

    return await withdrawals.mark_handled(request)


@signed_in
async def _refunds(request: web.Request) -> web.StreamResponse:
    from msrv.web.studio import refunds  # noqa: PLC0415 - slow to import

    return await refunds.show_list(request)


@signed_in
async def _activity(request: web.Request) -> web.StreamResponse:
    from msrv.web.studio import activity  # noqa: PLC0415 - slow to import

    return await activity.show(request)


@signed_in
async def _health(request: web.Request) -> web.StreamResponse:
    from msrv.web.studio import health  # noqa: PLC0415 - slow to import

    return await health.show(request)


@signed_in
async def _orders(request: web.Request) -> web.StreamResponse:
    from msrv.web.studio import orders  # noqa: PLC0415 - slow to import

    return await orders.show_list(request)


@recently_signed_in
async def _csv_export(request: web.Request) -> web.StreamResponse:
    from msrv.web.studio import csv_export  # noqa: PLC0415 - slow to import

    return await csv_export.show(request)


@recently_signed_in
async def _artist_csv(request: web.Request) -> web.StreamResponse:
    from msrv.web.studio import artist_sales  # noqa: PLC0415 - slow to import

    return await artist_sales.show(request)


@signed_in
async def _oss(request: web.Request) -> web.StreamResponse:
    from msrv.web.studio.legal import oss  # noqa: PLC0415 - slow to import

    return await oss.show(request)


@recently_signed_in
async def _oss_csv(request: web.Request) -> web.StreamResponse:
    from msrv.web.studio.legal import oss  # noqa: PLC0415 - slow to import

    return await oss.send_csv(request)


@signed_in
async def _releases(request: web.Request) -> web.StreamResponse:
    from msrv.web.studio.releases import (  # noqa: PLC0415 - slow to import
        pages,
    )

    return await pages.show_list(request)


@signed_in
async def _release(request: web.Request) -> web.StreamResponse:
    from msrv.web.studio.releases import (  # noqa: PLC0415 - slow to import
        pages,
    )

    return await pages.show_one(request)


@recently_signed_in
async def _give_form(request: web.Request) -> web.StreamResponse:
    from msrv.web.studio.gifts import (  # noqa: PLC0415 - slow to import
        free_copies,
    )

    return await free_copies.show_form(request)


@recently_signed_in
async def _give_copy(request: web.Request) -> web.StreamResponse:
    from msrv.web.studio.gifts import (  # noqa: PLC0415 - slow to import
        free_copies,
    )

    return await free_copies.give_copy(request)


@recently_signed_in
async def _codes_form(request: web.Request) -> web.StreamResponse:
    from msrv.web.studio.gifts import (  # noqa: PLC0415 - slow to import
        code_batches,
    )

    return await code_batches.show_form(request)


@recently_signed_in
async def _codes(request: web.Request) -> web.StreamResponse:
    from msrv.web.studio.gifts import (  # noqa: PLC0415 - slow to import
        code_batches,
    )

    return await code_batches.make(request)


@signed_in
async def _order(request: web.Request) -> web.StreamResponse:
    from msrv.web.studio import orders  # noqa: PLC0415 - slow to import

    return await orders.show_one(request)


@recently_signed_in
async def _confirm_refund(request: web.Request) -> web.StreamResponse:
    from msrv.web.studio import refunds  # noqa: PLC0415 - slow to import

    return await refunds.confirm(request)


@recently_signed_in
async def _refund(request: web.Request) -> web.StreamResponse:
    from msrv.web.studio import refunds  # noqa: PLC0415 - slow to import

    return await refunds.refund(request)


@signed_in
async def _webhooks(request: web.Request) -> web.StreamResponse:
    from msrv.web.studio.webhooks import (  # noqa: PLC0415 - slow to import
        pages,
    )

    return await pages.show(request)


@recently_signed_in
async def _change_webhooks(request: web.Request) -> web.StreamResponse:
    from msrv.web.studio.webhooks import (  # noqa: PLC0415 - slow to import
        pages,
    )

    return await pages.change(request)


@recently_signed_in
async def _refund_form(request: web.Request) -> web.StreamResponse:
    from msrv.web.studio.order import (  # noqa: PLC0415 - slow to import
        refund_form,
    )

    return await refund_form.show_form(request)


@recently_signed_in
async def _refund_money(request: web.Request) -> web.StreamResponse:
    from msrv.web.studio.order import (  # noqa: PLC0415 - slow to import
        refund_form,
    )

    return await refund_form.refund(request)


@recently_signed_in
async def _send_receipt(request: web.Request) -> web.StreamResponse:
    from msrv.web.studio.order import (  # noqa: PLC0415 - slow to import
        receipt_again,
    )

    return await receipt_again.send(request)


@recently_signed_in
async def _evidence(request: web.Request) -> web.StreamResponse:
    from msrv.web.studio.order import (  # noqa: PLC0415 - slow to import
        evidence,
        evidence_pdf,
    )

    if request.path.endswith(".pdf"):
        return await evidence_pdf.show(request)
    return await evidence.show(request)


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
    web.get("/studio/oss", _oss, name="studio-oss"),
    web.get("/studio/oss.csv", _oss_csv, name="studio-oss-csv"),
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
    web.post(f"{_ORDER}/mail", _send_receipt, name="studio-send-receipt"),
    web.get(f"{_ORDER}/evidence", _evidence, name="studio-evidence"),
    web.get(f"{_ORDER}/evidence.pdf", _evidence, name="studio-evidence-pdf"),
    web.get(f"{_ORDER}/refund", _refund_form, name="studio-refund-form"),
    web.post(f"{_ORDER}/refund", _refund_money, name="studio-refund"),
    web.get(f"{_ORDER}/revoke", _confirm_refund, name="studio-ask"),
    web.post(f"{_ORDER}/revoke", _refund, name="studio-revoke"),
    *PASSKEYS,
    *ACCESS_ROUTES,
    *LEGAL_ROUTES,
    # Last: any other method than these, and any other address.
    web.route("*", "/studio", not_found, name="studio-nothing"),
    web.route("*", "/studio/{rest:.*}", not_found, name="studio-none"),
]
