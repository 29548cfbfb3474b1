"""Figures of the connections, for Prometheus."""

from collections.abc import Iterator

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from msrv.admission import Admission


class ConnectionFigures(Collector):
    """How many connections are open, were cut off, and were refused."""

    def __init__(self, admission: Admission) -> None:
        self._admission = admission

    def collect(self) -> Iterator[Metric]:
        """Return the figures of this moment."""
        yield GaugeMetricFamily(
            "msrv_open_connections",
            "Connections that are open.",
            len(self._admission),
        )
        yield CounterMetricFamily(
            "msrv_cut_connections",
            "Idle or slow connections that were cut off to admit others.",
            self._admission.cut,
        )
        yield CounterMetricFamily(
            "msrv_refused_connections",
            "Connections that there was no room for.",
            self._admission.refused,
        )
