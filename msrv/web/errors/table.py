# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""The one table of errors: from an exception to the page that explains it.

Apart from the package's face, which the modules with the texts import.
"""

import logging
import secrets
from typing import Final

from aiohttp import web

from msrv.translations import gettext
from msrv.web.errors import (
    FRONT,
    ErrorPage,
    Table,
    access,
    corrections,
    invoices,
    passkeys,
    payments,
    redemption,
    refunds,
    shopping,
    studio,
)

log = logging.getLogger(__name__)

# The order matters only where one type derives from another.
TABLE: Final[Table] = {
    **access.TABLE,
    **shopping.TABLE,
    **payments.TABLE,
    **studio.TABLE,
    **passkeys.TABLE,
    **refunds.TABLE,
    **corrections.TABLE,
    **invoices.TABLE,
}


def error_page(error: Exception) -> ErrorPage:
    """Return the page for an error; an unexpected one is logged as well."""
    if isinstance(error, web.HTTPException):
        return access.page_of_status(error)
    return _find(TABLE, error) or _unexpected(error)


def redemption_page(error: Exception) -> ErrorPage | None:
    """Return the page for an error while redeeming; None for any other."""
    return _find(redemption.REDEMPTION, error)


def _find(table: Table, error: Exception) -> ErrorPage | None:
    for kind, entry in table.items():
        if isinstance(error, kind):
            if isinstance(entry, ErrorPage):
                return entry.translated()
            return entry(error)
    return None


def _unexpected(error: Exception) -> ErrorPage:
    """Log an unexpected error under a reference that the visitor sees."""
    incident = secrets.token_hex(4)
    log.error(
        "incident %s: %s",
        incident,
        type(error).__name__,
        exc_info=error,
        extra={"fields": {"incident": incident}},
    )
    return ErrorPage(
        500,
        "incident",
        gettext("Something went wrong"),
        gettext(
            "The store couldn't complete this request. If it keeps "
            "happening, please send the store this reference: %(reference)s.",
            reference=incident,
        ),
        FRONT,
        data={"incident": incident},
    )
