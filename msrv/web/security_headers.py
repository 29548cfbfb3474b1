"""Headers that every answer carries, errors and streams included.

They are set as an answer is prepared: a middleware would miss what aiohttp
raises by itself, and bodies that are already on their way.
"""

from collections.abc import Iterable
from typing import Final

from aiohttp import web

from msrv.connections.request_handler import RESPONSE_STATUS
from msrv.web.store import STORE

_ALWAYS: Final = {
    # Nothing inline, nothing from anyone else. A store that has more to
    # load from itself needs a line here.
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; script-src 'self'; "
        "img-src 'self'; media-src 'self'; connect-src 'self'; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    # An address of ours may hold a token: it goes to nobody else.
    "Referrer-Policy": "no-referrer",
    "Permissions-Policy": (
        "camera=(), microphone=(), geolocation=(), payment=(), usb=(), "
        "browsing-topics=()"
    ),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
_HSTS: Final = "max-age=63072000"
"""Two years. Only with an operator's own certificate: a browser that has
once seen it on localhost would refuse every other program there."""


def policy(form_actions: Iterable[str]) -> str:
    """Give the policy of a page whose forms may lead to these origins too.

    A browser holds `form-action` against where a form redirects to as well.
    """
    allowed = " ".join(dict.fromkeys(("'self'", *form_actions)))
    return _ALWAYS["Content-Security-Policy"].replace(
        "form-action 'self'", f"form-action {allowed}"
    )


async def secure(request: web.Request, response: web.StreamResponse) -> None:
    """Put the headers on an answer that is about to leave."""
    store = request.app[STORE]
    put(response)
    request[RESPONSE_STATUS] = response.status
    settings = store.settings
    if settings.has_operators_certificate:
        response.headers["Strict-Transport-Security"] = (
            f"{_HSTS}; includeSubDomains"
            if settings.hsts_subdomains
            else _HSTS
        )
    if store.metrics.draining:
        response.force_close()
        # aiohttp has written this header before it asks us.
        response.headers["Connection"] = "close"


def put(response: web.StreamResponse) -> None:
    """Put on an answer what depends on nothing; what it has, it keeps."""
    for name, value in _ALWAYS.items():
        response.headers.setdefault(name, value)
    response.headers["Server"] = "MSRV"
