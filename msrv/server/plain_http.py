# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Plain HTTP beside HTTPS: an authority's challenges, and redirects.

Nothing of the store is served here. Redirects lead to MSRV_PUBLIC_URL only,
whatever the request says.
"""

import asyncio
import logging
from typing import Final

from aiohttp import web

from msrv.acme.challenges import PATH_PREFIX, ChallengeFolder
from msrv.web import security_headers
from msrv.web.origin import OriginRules, names_store

_CHALLENGE_METHODS: Final = frozenset({"GET", "HEAD"})
_KEEPALIVE_SECONDS: Final = 15


class PlainHTTPHandler:
    """Handler of requests to the port of plain HTTP."""

    def __init__(
        self, url: str, rules: OriginRules, challenges: ChallengeFolder | None
    ) -> None:
        self._url = url
        self._rules = rules
        self._challenges = challenges

    async def __call__(self, request: web.BaseRequest) -> web.Response:
        """Return a challenge's answer, or a redirect to HTTPS."""
        response = await self._respond(request)
        security_headers.add_headers(response)
        return response

    async def _respond(self, request: web.BaseRequest) -> web.Response:
        target = request.rel_url.raw_path_qs or "/"
        if not target.startswith("/"):
            return _text(400, "The address of the request is invalid.")
        host = request.headers.get("Host", "")
        if not names_store(self._rules, host, request):
            return _text(421, "This store has another host name.")
        if self._challenges is not None and target.startswith(PATH_PREFIX):
            return await self._answer(self._challenges, request)
        return web.Response(
            status=308,
            text=f"Continue at {self._url}.\n",
            headers={"Location": self._url + target},
        )

    @staticmethod
    async def _answer(
        challenges: ChallengeFolder, request: web.BaseRequest
    ) -> web.Response:
        if request.method not in _CHALLENGE_METHODS:
            return _text(405, "Only GET and HEAD are allowed.", "GET, HEAD")
        token = request.rel_url.raw_path.removeprefix(PATH_PREFIX)
        found = await asyncio.to_thread(challenges.find, token)
        if found is None:
            return _text(404, "There is no such challenge.")
        return web.Response(
            body=found,
            content_type="application/octet-stream",
            headers={"Cache-Control": "no-store"},
        )


def create_server(handler: PlainHTTPHandler) -> web.Server:
    """Return the server of a handler; its connections are the caller's."""
    return web.Server(
        handler,
        access_log=None,
        logger=logging.getLogger("msrv.server.http"),
        auto_decompress=False,
        keepalive_timeout=_KEEPALIVE_SECONDS,
    )


def _text(status: int, text: str, allow: str | None = None) -> web.Response:
    headers = {"Allow": allow} if allow else {}
    return web.Response(status=status, text=f"{text}\n", headers=headers)
