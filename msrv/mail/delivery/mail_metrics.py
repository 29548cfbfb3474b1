# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Prometheus metrics of the mail worker, apart from its work."""

from collections.abc import Iterator

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from msrv.mail.worker import MailWorker


class MailMetrics(Collector):
    """Prometheus metrics of a mail worker, read at each scrape."""

    def __init__(self, worker: MailWorker) -> None:
        self._worker = worker

    def collect(self) -> Iterator[Metric]:
        """Yield the metrics as they are now."""
        yield GaugeMetricFamily(
            "msrv_mail_waiting",
            "Mails that have not been sent yet.",
            self._worker.pending,
        )
        yield CounterMetricFamily(
            "msrv_mail_sent",
            "Mails that the SMTP server accepted.",
            self._worker.sent,
        )
        yield CounterMetricFamily(
            "msrv_mail_given_up",
            "Mails that could not be delivered to the SMTP server.",
            self._worker.failed,
        )
        yield CounterMetricFamily(
            "msrv_mail_dropped",
            "Receipts not queued: too many requests, or a full disk.",
            self._worker.dropped,
        )
