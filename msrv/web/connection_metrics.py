"""Prometheus metrics of the connections and of the limits.

Apart from what they count, which needs no Prometheus.
"""

from collections.abc import Iterator

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from msrv.connections.admission import Admission
from msrv.orders.rate_limits import Limits


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
            "Idle or slow connections that were cut off to admit others.",
            self._admission.evicted,
        )
        yield CounterMetricFamily(
            "msrv_refused_connections",
            "Connections that there was no room for.",
            self._admission.refused,
        )


class LimitMetrics(Collector):
    """Counts of refusals, by limit."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits

    def collect(self) -> Iterator[Metric]:
        """Return the counts at this moment."""
        family = CounterMetricFamily(
            "msrv_limited",
            "What was refused since a limit was reached, by the limit.",
            labels=["limit"],
        )
        for name, count in self._limits.refused().items():
            family.add_metric([name], count)
        yield family
