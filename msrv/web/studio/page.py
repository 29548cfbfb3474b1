"""What the pages of the studio share: reading the ledger, and their frame."""

import contextlib
from collections.abc import AsyncIterator, Mapping
from typing import TYPE_CHECKING, Any, Final

from aiohttp import web

from msrv.ledger.errors import DatabaseError
from msrv.web.rendering import PRIVATE, respond
from msrv.web.store import STORE

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncConnection

READ_SECONDS: Final = 5.0
"""Longer than any page takes, and no longer than anyone waits."""
_RETRY_SECONDS: Final = "10"


@contextlib.asynccontextmanager
async def reading(request: web.Request) -> AsyncIterator["AsyncConnection"]:
    """Read the ledger within one transaction. Raises DatabaseError."""
    async with request.app[STORE].ledger.read_transaction(
        READ_SECONDS
    ) as connection:
        yield connection


def style_url(request: web.Request) -> str:
    """Give the address of the studio's own stylesheet."""
    return request.app[STORE].assets.url("studio.css")


def page(
    request: web.Request,
    template: str,
    data: Mapping[str, Any],
    *,
    status: int = 200,
    **context: Any,  # noqa: ANN401 - a template takes anything
) -> web.Response:
    """Answer with a page of the studio, or with JSON; never to be kept."""
    return respond(
        request,
        f"studio/{template}",
        data,
        status=status,
        cache_control=PRIVATE,
        style_url=style_url(request),
        troubled=bool(request.app[STORE].ledger.status().troubles),
        **context,
    )


def resting(request: web.Request, error: DatabaseError) -> web.Response:
    """Say that the ledger can't be read now, and that nothing is lost."""
    waiting = request.app[STORE].ledger.status().waiting_events
    response = page(
        request,
        "resting.html",
        {
            "error": "ledger_resting",
            "message": str(error),
            "waiting_events": waiting,
        },
        status=503,
        why=str(error),
        waiting=waiting,
        changing=request.method == "POST",
    )
    response.headers["Retry-After"] = _RETRY_SECONDS
    return response
