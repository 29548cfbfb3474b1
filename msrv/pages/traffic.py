"""What is under way: counted for Prometheus and for a graceful end."""

import asyncio
from typing import Final

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    generate_latest,
)
from prometheus_client.registry import Collector

_SECONDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5)


class Traffic:
    """The requests of this process, now and so far.

    `draining` is set once, by the server, when it is told to end.
    """

    def __init__(self) -> None:
        self.draining = False
        self._open_requests = 0
        self._idle = asyncio.Event()
        self._idle.set()
        self._registry = CollectorRegistry()
        # Looking a label's values up costs more than counting.
        self._children: dict[
            tuple[str, str, int], tuple[Counter, Histogram, Counter]
        ] = {}
        labels = ("method", "route", "status")
        self._requests = Counter(
            "msrv_requests",
            "Requests answered.",
            labels,
            registry=self._registry,
        )
        self._seconds = Histogram(
            "msrv_request_seconds",
            "Seconds from a request's headers to its answer's end.",
            ("route",),
            buckets=_SECONDS,
            registry=self._registry,
        )
        self._sent_bytes = Counter(
            "msrv_sent_bytes",
            "Bytes of answers' bodies handed to clients.",
            ("route",),
            registry=self._registry,
        )
        self.open_downloads = Gauge(
            "msrv_open_downloads",
            "Downloads under way.",
            registry=self._registry,
        )

    def note(
        self, method: str, route: str, status: int, seconds: float, sent: int
    ) -> None:
        """Count one answer: who asked what, how long it took, its bytes."""
        key = method, route, status
        if key not in self._children:
            self._children[key] = (
                self._requests.labels(method, route, str(status)),
                self._seconds.labels(route),
                self._sent_bytes.labels(route),
            )
        requests, lasted, bytes_ = self._children[key]
        requests.inc()
        lasted.observe(seconds)
        bytes_.inc(sent)

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
