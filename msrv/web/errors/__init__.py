"""What a visitor is told when something is not as they wished.

One table from error types to a status and a sentence, a module for each
matter. What an error knew beyond that sentence stays here: a page says what
happened and what to do.
"""

import logging
import secrets
from typing import Final

from aiohttp import web

from msrv.web.errors import links, orders, payments, requests, studio
from msrv.web.errors.notice import FRONT, Notice, Table

__all__ = ["TABLE", "Notice", "notice_of"]

log = logging.getLogger(__name__)

# The order matters only where one type derives from another.
TABLE: Final[Table] = {
    **requests.TABLE,
    **links.TABLE,
    **orders.TABLE,
    **payments.TABLE,
    **studio.TABLE,
}


def notice_of(error: Exception) -> Notice:
    """Say what a visitor is told of an error; any error at all."""
    if isinstance(error, web.HTTPException):
        return requests.of_status(error)
    for kind, entry in TABLE.items():
        if isinstance(error, kind):
            return entry if isinstance(entry, Notice) else entry(error)
    return _unforeseen(error)


def _unforeseen(error: Exception) -> Notice:
    """Log what nobody thought of, under a number that the visitor sees."""
    incident = secrets.token_hex(4)
    log.error(
        "incident %s: %s",
        incident,
        type(error).__name__,
        exc_info=error,
        extra={"fields": {"incident": incident}},
    )
    return Notice(
        500,
        "incident",
        "Our fault",
        "Something in this store went wrong. If it stays "
        f"so, tell the store this number: {incident}.",
        FRONT,
        data={"incident": incident},
    )
