"""What is under way: counted for Prometheus and for a graceful end.

Every request is counted here, so it is plain numbers that are added to; what
Prometheus wants to know of them is put together when it asks.
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

_SECONDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5)
_BUCKETS: Final = (*map(str, map(float, _SECONDS)), "+Inf")


@dataclass(slots=True)
class _Answers:
    """The answers of one route."""

    seconds: float = 0.0
    sent_bytes: int = 0
    lasted: list[int] = field(default_factory=lambda: [0] * len(_BUCKETS))
    """How many lasted up to each bound, and longer than the one before."""


class Traffic(Collector):
    """The requests of this process, now and so far.

    `draining` is set once, by the server, when it is told to end.
    """

    def __init__(self) -> None:
        self.draining = False
        self._open_requests = 0
        self._open_downloads = 0
        self._idle = asyncio.Event()
        self._idle.set()
        self._counts: dict[tuple[str, str, int], int] = {}
        self._routes: dict[str, _Answers] = {}
        self._registry = CollectorRegistry()
        self._registry.register(self)

    def note(
        self, method: str, route: str, status: int, seconds: float, sent: int
    ) -> None:
        """Count one answer: who asked what, how long it took, its bytes."""
        key = method, route, status
        self._counts[key] = self._counts.get(key, 0) + 1
        answers = self._routes.get(route)
        if answers is None:
            answers = self._routes[route] = _Answers()
        answers.seconds += seconds
        answers.sent_bytes += sent
        answers.lasted[bisect_left(_SECONDS, seconds)] += 1

    @contextmanager
    def download(self) -> Iterator[None]:
        """Count a download while it is under way."""
        self._open_downloads += 1
        try:
            yield
        finally:
            self._open_downloads -= 1

    def collect(self) -> Iterator[Metric]:
        """Give the figures of this moment."""
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
            "Seconds from a request's headers to its answer's end.",
            labels=("route",),
        )
        sent = CounterMetricFamily(
            "msrv_sent_bytes",
            "Bytes of answers' bodies handed to clients.",
            labels=("route",),
        )
        for route, answers in self._routes.items():
            buckets = zip(_BUCKETS, accumulate(answers.lasted), strict=True)
            seconds.add_metric((route,), list(buckets), answers.seconds)
            sent.add_metric((route,), answers.sent_bytes)
        yield seconds
        yield sent
        yield GaugeMetricFamily(
            "msrv_open_downloads",
            "Downloads under way.",
            self._open_downloads,
        )

    def show(self, figures: Collector) -> None:
        """Show another room's figures beside these."""
        self._registry.register(figures)

    def enter(self) -> None:
        """Count one request in."""
        self._open_requests += 1
        self._idle.clear()

    def leave(self) -> None:
        """Count one request out."""
        self._open_requests -= 1
        if self._open_requests == 0:
            self._idle.set()

    async def until_idle(self) -> None:
        """Wait until no request is under way."""
        await self._idle.wait()

    def exposition(self) -> bytes:
        """Write every figure in Prometheus's text format."""
        return generate_latest(self._registry)
