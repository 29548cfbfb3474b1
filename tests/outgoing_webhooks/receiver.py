# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""A real receiver of webhooks: as it should be, slow, wrong or hostile."""

import asyncio
import base64
import contextlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from aiohttp import web
from standardwebhooks import Webhook

from tests.store_process import free_port

SECRET = "whsec_" + base64.b64encode(b"the receiver's own secret....").decode()
OTHER = "whsec_" + base64.b64encode(b"the secret that comes after it").decode()


@dataclass
class ReceivedWebhook:
    """A request that was received."""

    event_id: str
    timestamp: int
    body: bytes
    headers: dict[str, str]

    @property
    def data(self) -> dict[str, Any]:
        """The payload."""
        found: dict[str, Any] = json.loads(self.body)
        return found

    def is_signed_by(self, secret: str) -> bool:
        """Return whether a signature is that of the judge."""
        expected = Webhook(secret).sign(
            self.event_id,
            datetime.fromtimestamp(self.timestamp, UTC),
            self.body.decode(),
        )
        return expected in self.headers["webhook-signature"].split(" ")


Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass
class WebhookServer:
    """Requests by arrival, and the answers to the next ones; then 204."""

    port: int
    received: list[ReceivedWebhook] = field(default_factory=list)
    answers: list[Answer | int] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)
    on_request: Callable[[], None] = lambda: None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook"

    @property
    def effects(self) -> list[str]:
        """Ids of the events, as a receiver that remembers them acts on."""
        return list(dict.fromkeys(each.event_id for each in self.received))

    async def handle(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        self.paths.append(request.path)
        self.received.append(
            ReceivedWebhook(
                request.headers.get("webhook-id", ""),
                int(request.headers.get("webhook-timestamp", "0")),
                body,
                {name.lower(): each for name, each in request.headers.items()},
            )
        )
        self.on_request()
        answer = self.answers.pop(0) if self.answers else 204
        if isinstance(answer, int):
            return web.Response(status=answer)
        return await answer(request)


async def hang(_: web.Request) -> web.StreamResponse:
    """Never answer."""
    await asyncio.sleep(3600)
    raise AssertionError


async def close_early(request: web.Request) -> web.StreamResponse:
    """Close the connection without an answer."""
    assert request.transport is not None
    request.transport.abort()
    return web.Response()


async def stream_forever(request: web.Request) -> web.StreamResponse:
    """Answer 200 with a body that doesn't end."""
    response = web.StreamResponse()
    await response.prepare(request)
    with contextlib.suppress(ConnectionError):
        while True:
            await response.write(b"x" * 65536)
            await asyncio.sleep(0)
    return response


def redirect_to(url: str) -> Answer:
    async def answer(_: web.Request) -> web.StreamResponse:
        return web.Response(status=302, headers={"Location": url})

    return answer


def retry_after(status: int, seconds: str) -> Answer:
    async def answer(_: web.Request) -> web.StreamResponse:
        return web.Response(status=status, headers={"Retry-After": seconds})

    return answer


@contextlib.asynccontextmanager
async def serve(receiver: WebhookServer) -> AsyncIterator[None]:
    """Run a receiver."""
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", receiver.handle)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", receiver.port).start()
    try:
        yield
    finally:
        await runner.cleanup()


def new_receiver() -> WebhookServer:
    """Return a receiver at a free port, not yet running."""
    return WebhookServer(free_port())
