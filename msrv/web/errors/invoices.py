# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Error pages for invoices.

Apart from those of shopping: an invoice follows a purchase.
"""

from typing import Final

from msrv.orders.rate_limits import TooManyInvoices
from msrv.translations import gettext, gettext_noop
from msrv.web.errors import ErrorPage, InvoiceUnavailable, Table

_AGAIN: Final = ("", gettext_noop("Try again"))


def _too_many_invoices(error: TooManyInvoices) -> ErrorPage:
    return ErrorPage(
        429,
        "too_many_invoices",
        gettext("Too many requests"),
        gettext(
            "Too many invoices were requested at once. Please try again in a "
            "minute."
        ),
        _AGAIN,
        retry_after_seconds=error.retry_after_seconds,
    )


TABLE: Final[Table] = {
    TooManyInvoices: _too_many_invoices,
    InvoiceUnavailable: ErrorPage(
        503,
        "invoice_unavailable",
        gettext_noop("Your invoice isn't ready yet"),
        gettext_noop(
            "The store can't make your invoice at the moment. Your purchase "
            "isn't affected: the receipt and the downloads work. Please try "
            "again in a minute."
        ),
        _AGAIN,
        retry_after_seconds=60,
    ),
}
