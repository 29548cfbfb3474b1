# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Routes of invoices and taxes in the studio, as `msrv.web.studio.routes`.

Apart from those, which are many.
"""

from typing import Final

from aiohttp import web

from msrv.web.studio.handlers import recently_signed_in, signed_in


@signed_in
async def _month(request: web.Request) -> web.StreamResponse:
    from msrv.web.studio.legal import invoices  # noqa: PLC0415 - slow to import

    return await invoices.show_month(request)


@recently_signed_in
async def _csv(request: web.Request) -> web.StreamResponse:
    from msrv.web.studio.legal import (  # noqa: PLC0415 - slow to import
        invoice_exports,
    )

    return await invoice_exports.send_csv(request)


@recently_signed_in
async def _zip(request: web.Request) -> web.StreamResponse:
    from msrv.web.studio.legal import (  # noqa: PLC0415 - slow to import
        invoice_exports,
    )

    return await invoice_exports.send_zip(request)


@signed_in
async def _pdf(request: web.Request) -> web.StreamResponse:
    from msrv.web.studio.legal import invoices  # noqa: PLC0415 - slow to import

    return await invoices.show_pdf(request)


@recently_signed_in
async def _country(request: web.Request) -> web.StreamResponse:
    from msrv.web.studio.order import (  # noqa: PLC0415 - slow to import
        country_form,
    )

    return await country_form.submit(request)


LEGAL_ROUTES: Final = (
    web.post(
        "/studio/orders/{order}/country", _country, name="studio-country"
    ),
    web.get("/studio/invoices", _month, name="studio-invoices"),
    web.get("/studio/invoices.csv", _csv, name="studio-invoices-csv"),
    web.get("/studio/invoices.zip", _zip, name="studio-invoices-zip"),
    web.get(
        r"/studio/orders/{order}/invoices/{position:\d{1,4}}",
        _pdf,
        name="studio-invoice",
    ),
)
