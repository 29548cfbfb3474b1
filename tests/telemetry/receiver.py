# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Receiver of OTLP over HTTP, as a collector's: it decodes what it is sent."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiohttp import web
from aiohttp.test_utils import TestServer
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
)
from opentelemetry.proto.metrics.v1.metrics_pb2 import Metric
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import Span


@dataclass
class Receiver:
    """What arrived so far; `status` is that of each response."""

    status: int = 200
    bodies: list[bytes] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    resources: list[dict[str, str]] = field(default_factory=list)
    spans: list[Span] = field(default_factory=list)
    metrics: dict[str, Metric] = field(default_factory=dict)
    url: str = ""
    _arrived: asyncio.Event = field(default_factory=asyncio.Event)

    async def traces(self, request: web.Request) -> web.Response:
        """Take an export of spans."""
        body = await self._body(request)
        if self.status == 200:
            decoded = ExportTraceServiceRequest.FromString(body)
            for resource in decoded.resource_spans:
                self._note(resource.resource)
                for scope in resource.scope_spans:
                    self.spans += scope.spans
        return self._answer()

    async def numbers(self, request: web.Request) -> web.Response:
        """Take an export of metrics."""
        body = await self._body(request)
        if self.status == 200:
            decoded = ExportMetricsServiceRequest.FromString(body)
            for resource in decoded.resource_metrics:
                self._note(resource.resource)
                for scope in resource.scope_metrics:
                    self.metrics |= {each.name: each for each in scope.metrics}
        return self._answer()

    async def wait_for(self, condition: Callable[[], object]) -> None:
        """Wait until a condition holds after some export."""
        async with asyncio.timeout(30):
            while not condition():
                self._arrived.clear()
                await self._arrived.wait()

    async def _body(self, request: web.Request) -> bytes:
        assert request.content_type == "application/x-protobuf"
        self.headers.append(dict(request.headers))
        body = await request.read()
        self.bodies.append(body)
        return body

    def _note(self, resource: Resource) -> None:
        self.resources.append(
            {each.key: each.value.string_value for each in resource.attributes}
        )

    def _answer(self) -> web.Response:
        self._arrived.set()
        return web.Response(
            status=self.status, content_type="application/x-protobuf"
        )


@asynccontextmanager
async def receiving() -> AsyncIterator[Receiver]:
    """Run a receiver."""
    receiver = Receiver()
    app = web.Application()
    app.router.add_post("/v1/traces", receiver.traces)
    app.router.add_post("/v1/metrics", receiver.numbers)
    async with TestServer(app) as server:
        receiver.url = str(server.make_url("")).rstrip("/")
        yield receiver


def attributes(span: Span) -> dict[str, str | int]:
    """Return the attributes of a span."""
    return {
        each.key: (
            each.value.int_value
            if each.value.HasField("int_value")
            else each.value.string_value
        )
        for each in span.attributes
    }
