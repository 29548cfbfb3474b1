# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Prometheus metrics of requests, connections and rate limits.

Every request is counted, so counting is adding to plain numbers; Prometheus's
families are built from them when it scrapes.
"""

import asyncio
from bisect import bisect_left
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import accumulate
from typing import Final

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
)
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from msrv.connections.admission import Admission
from msrv.orders.rate_limits import ShopLimits

_SECONDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5)
_BUCKETS: Final = (*map(str, map(float, _SECONDS)), "+Inf")
_FIRST_MATTERS: Final = (
    ("GET", "download", 503),
    ("POST", "payment-message", 500),
    ("POST", "payment-message", 503),
)
"""Responses that are counted from 0 on: Prometheus sees no increase in a
counter that begins at 1, and these are alerts from the first one on."""


@dataclass(slots=True)
class _RouteMetrics:
    """Responses of one route."""

    seconds: float = 0.0
    sent_bytes: int = 0
    lasted: list[int] = field(default_factory=lambda: [0] * len(_BUCKETS))
    """Responses by duration, one count for each bucket."""


class RequestMetrics(Collector):
    """Requests in progress and served so far by this process.

    `draining` is set once, by the server, when it starts to shut down.
    """

    def __init__(self) -> None:
        self.draining = False
        self._open_requests = 0
        self._open_downloads = 0
        self._idle = asyncio.Event()
        self._idle.set()
        self._counts: dict[tuple[str, str, int], int] = dict.fromkeys(
            _FIRST_MATTERS, 0
        )
        self._routes: dict[str, _RouteMetrics] = {}
        self._registry = CollectorRegistry()
        self._registry.register(self)

    def record(
        self, method: str, route: str, status: int, seconds: float, sent: int
    ) -> None:
        """Record one response: its duration and the bytes sent."""
        key = method, route, status
        self._counts[key] = self._counts.get(key, 0) + 1
        entry = self._routes.get(route)
        if entry is None:
            entry = self._routes[route] = _RouteMetrics()
        entry.seconds += seconds
        entry.sent_bytes += sent
        entry.lasted[bisect_left(_SECONDS, seconds)] += 1

    @contextmanager
    def download(self) -> Iterator[None]:
        """Count a download while it is in progress."""
        self._open_downloads += 1
        try:
            yield
        finally:
            self._open_downloads -= 1

    def collect(self) -> Iterator[Metric]:
        """Return the current metrics."""
        requests = CounterMetricFamily(
            "msrv_requests",
            "Requests answered.",
            labels=("method", "route", "status"),
        )
        for (method, route, status), count in self._counts.items():
            requests.add_metric((method, route, str(status)), count)
        yield requests
        seconds = HistogramMetricFamily(
            "msrv_request_seconds",
            "Seconds from a request's headers to its response's end.",
            labels=("route",),
        )
        sent = CounterMetricFamily(
            "msrv_sent_bytes",
            "Bytes of response bodies sent to clients.",
            labels=("route",),
        )
        for route, entry in self._routes.items():
            buckets = zip(_BUCKETS, accumulate(entry.lasted), strict=True)
            seconds.add_metric((route,), list(buckets), entry.seconds)
            sent.add_metric((route,), entry.sent_bytes)
        yield seconds
        yield sent
        yield GaugeMetricFamily(
            "msrv_open_downloads",
            "Downloads in progress.",
            self._open_downloads,
        )

    def register(self, collector: Collector) -> None:
        """Add another package's metrics to the exposition."""
        self._registry.register(collector)

    def start_request(self) -> None:
        """Count a request as in progress."""
        self._open_requests += 1
        self._idle.clear()

    def finish_request(self) -> None:
        """Count a request as finished."""
        self._open_requests -= 1
        if self._open_requests == 0:
            self._idle.set()

    async def wait_until_idle(self) -> None:
        """Wait until no request is in progress."""
        await self._idle.wait()

    def families(self) -> Iterator[Metric]:
        """Return every metric, of all packages."""
        yield from self._registry.collect()

    def exposition(self) -> bytes:
        """Return every metric in Prometheus's text format."""
        return generate_latest(self._registry)


class ConnectionMetrics(Collector):
    """Counts of connections: open, cut off and refused."""

    def __init__(self, admission: Admission) -> None:
        self._admission = admission

    def collect(self) -> Iterator[Metric]:
        """Return the counts at this moment."""
        yield GaugeMetricFamily(
            "msrv_open_connections",
            "Connections that are open.",
            len(self._admission),
        )
        yield CounterMetricFamily(
            "msrv_cut_connections",
            "Idle or slow connections that were closed to admit others.",
            self._admission.evicted,
        )
        yield CounterMetricFamily(
            "msrv_refused_connections",
            "Connections refused because the limit was reached.",
            self._admission.refused,
        )


class LimitMetrics(Collector):
    """Counts of refusals, by limit."""

    def __init__(self, limits: ShopLimits) -> None:
        self._limits = limits

    def collect(self) -> Iterator[Metric]:
        """Return the counts at this moment."""
        family = CounterMetricFamily(
            "msrv_limited",
            "Requests refused by a rate limit, by limit.",
            labels=["limit"],
        )
        for name, count in self._limits.refused().items():
            family.add_metric([name], count)
        yield family
