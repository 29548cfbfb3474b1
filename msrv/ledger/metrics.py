"""The ledger's figures, as Prometheus asks for them."""

from collections.abc import Callable, Iterator

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from msrv.ledger.health import Status


class LedgerFigures(Collector):
    """Reads a status whenever it is asked."""

    def __init__(self, status: Callable[[], Status]) -> None:
        self._status = status

    def collect(self) -> Iterator[Metric]:
        """Give the figures of this moment."""
        now = self._status()
        yield GaugeMetricFamily(
            "msrv_ledger_up",
            "Whether the ledger is well (1) or resting (0).",
            float(now.state == "ok"),
        )
        yield GaugeMetricFamily(
            "msrv_ledger_waiting_events",
            "Events that are in the spool and not in the database.",
            now.waiting_events,
        )
        yield GaugeMetricFamily(
            "msrv_ledger_waiting_bytes",
            "Bytes of the spool that are not in the database.",
            now.waiting_bytes,
        )
        yield CounterMetricFamily(
            "msrv_ledger_posted_events",
            "Events put into the database.",
            now.posted_events,
        )
        yield CounterMetricFamily(
            "msrv_ledger_set_aside_lines",
            "Lines of the spool that could not be posted.",
            now.set_aside_lines,
        )
        yield CounterMetricFamily(
            "msrv_ledger_lost_deliveries",
            "Deliveries that were too many to count.",
            now.lost_deliveries,
        )
