# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Store with its fast paths, which a store in a test has not by itself."""

from aiohttp import web

from msrv.web import fast_path
from tests.conftest import Client


class CountedStore:
    """A store with its fast path, and the requests that fell through."""

    def __init__(self, store: Client) -> None:
        self.store = store
        self.fell_through = 0
        assert store.server.runner is not None
        server = store.server.runner.server
        assert isinstance(server, web.Server)
        server.request_handler = fast_path.with_fast_path(
            store.server.app,  # type: ignore[attr-defined]  # as above
            self._counted(server.request_handler),
        )

    def _counted(
        self, handler: fast_path.RequestHandler
    ) -> fast_path.RequestHandler:
        async def answer(request: web.BaseRequest) -> web.StreamResponse:
            self.fell_through += 1
            return await handler(request)

        return answer
