# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Security headers of every response, errors and streams included.

They are set when a response is prepared: a middleware would miss the errors
that aiohttp raises itself, and responses that are already streaming.
"""

from collections.abc import Iterable
from typing import Final

from aiohttp import web

from msrv.connections.request_handler import RESPONSE_STATUS
from msrv.payments.provider import Provider
from msrv.web.store import STORE

_ALWAYS: Final = {
    # Nothing inline and nothing from other origins. Another kind of resource
    # of the store's own needs a directive here.
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; script-src 'self'; "
        "img-src 'self'; font-src 'self'; media-src 'self'; "
        "connect-src 'self'; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    # An address may hold a token, so it is never sent as a referrer.
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
seen it for localhost would refuse every other local program."""


EMBEDDED_POLICY: Final = (
    _ALWAYS["Content-Security-Policy"]
    .replace("form-action 'self'", "form-action 'none'")
    .replace("frame-ancestors 'none'", "frame-ancestors *")
)
"""Policy of a page without forms that any site may frame."""


def allow_payment(
    response: web.StreamResponse, providers: Iterable[Provider]
) -> None:
    """Allow the forms of a page to redirect to a store's providers.

    Browsers apply `form-action` to the redirects of a form as well. A page
    that can be paid from has all of them, since a price that is typed there
    may not be zero any more; so has a page with the player, which stays when
    other pages are shown in it while music plays.
    """
    origins = (origin for each in providers for origin in each.origins)
    allowed = " ".join(dict.fromkeys(("'self'", *origins)))
    response.headers["Content-Security-Policy"] = _ALWAYS[
        "Content-Security-Policy"
    ].replace("form-action 'self'", f"form-action {allowed}")


async def on_response_prepare(
    request: web.Request, response: web.StreamResponse
) -> None:
    """Add the headers to a response that is about to be sent."""
    store = request.app[STORE]
    add_headers(response)
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
        # aiohttp has set this header before the signal.
        response.headers["Connection"] = "close"


def add_headers(response: web.StreamResponse) -> None:
    """Add the constant headers to a response, unless it sets its own."""
    for name, value in _ALWAYS.items():
        response.headers.setdefault(name, value)
    if response.headers["Content-Security-Policy"] == EMBEDDED_POLICY:
        # It can't allow framing, and browsers would obey it as well.
        del response.headers["X-Frame-Options"]
    response.headers["Server"] = "MSRV"
