"""The mail's figures, as Prometheus asks for them."""

from collections.abc import Iterator

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from msrv.mail.worker import Postman


class MailFigures(Collector):
    """Asks a postman whenever it is asked."""

    def __init__(self, postman: Postman) -> None:
        self._postman = postman

    def collect(self) -> Iterator[Metric]:
        """Give the figures of this moment."""
        yield GaugeMetricFamily(
            "msrv_mail_waiting",
            "Receipts that have not been sent yet.",
            self._postman.waiting,
        )
        yield CounterMetricFamily(
            "msrv_mail_sent", "Receipts that a relay took.", self._postman.sent
        )
        yield CounterMetricFamily(
            "msrv_mail_given_up",
            "Receipts that no relay would take.",
            self._postman.given_up,
        )
        yield CounterMetricFamily(
            "msrv_mail_dropped",
            "Receipts that were asked for and not sent: too many, or no disk.",
            self._postman.dropped,
        )
