# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Orders whose invoice can't be made, logged once for each reason.

Apart from the service, which is frozen: this is its memory.
"""

import logging
from collections.abc import Collection, Iterator, Mapping
from typing import Final

from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

log = logging.getLogger(__name__)

_MOST: Final = 10_000
"""Orders that are remembered; those beyond are logged again."""


class InvoiceFailures(Collector):
    """Orders whose invoice this process couldn't make, and why.

    A sweep meets them again each minute, and must not fill the log.
    """

    def __init__(self) -> None:
        self._reasons: dict[str, str] = {}

    @property
    def reasons(self) -> Mapping[str, str]:
        """Reasons by order, the first failure first."""
        return self._reasons

    def add(
        self, order_id: str, reason: str, error: Exception | None = None
    ) -> None:
        """Add a failure; the error's traceback is logged with it."""
        if self._reasons.get(order_id) == reason:
            return
        log.error(
            "order %s lacks an invoice: %s", order_id, reason, exc_info=error
        )
        if order_id in self._reasons or len(self._reasons) < _MOST:
            self._reasons[order_id] = reason

    def discard(self, order_ids: Collection[str]) -> None:
        """Forget orders whose documents were made."""
        for each in order_ids:
            self._reasons.pop(each, None)

    def collect(self) -> Iterator[Metric]:
        """Return the number of these orders as a metric."""
        yield GaugeMetricFamily(
            "msrv_invoices_failed",
            "Orders whose invoice this process could not make.",
            len(self._reasons),
        )
