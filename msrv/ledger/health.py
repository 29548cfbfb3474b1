# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Health of the ledger: its current troubles, counters, and metrics.

A trouble is logged when it begins and when it ends, not each time it recurs.
"""

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

log = logging.getLogger(__name__)

DATABASE: Final = "database"
SPOOL: Final = "spool"
DISK: Final = "data folder"
REFUNDS: Final = "list of refunds"


@dataclass(frozen=True, slots=True)
class Status:
    """Snapshot of the ledger's health.

    `state` is `ok` or `degraded`; `troubles` are sentences for the operator,
    empty where the state is ok. `waiting_events` were recorded by this process
    and are not in the database yet; `waiting_bytes` is their size in the
    spool. The others are counters since the start.
    """

    state: str
    troubles: tuple[str, ...]
    waiting_events: int
    waiting_bytes: int
    posted_events: int
    set_aside_lines: int
    lost_deliveries: int


class Health:
    """Current troubles of the ledger, one for each of its parts; counters."""

    def __init__(self) -> None:
        self._troubles: dict[str, str] = {}
        self.written_events = 0
        self.posted_events = 0
        self.own_posted_events = 0
        self.set_aside_lines = 0
        self.lost_deliveries = 0

    @property
    def troubles(self) -> tuple[str, ...]:
        """Current troubles, a sentence each."""
        return tuple(self._troubles.values())

    def report(self, part: str, sentence: str) -> None:
        """Set the trouble of a part, and log it unless it is unchanged."""
        if self._troubles.get(part) != sentence:
            log.error("ledger: %s unavailable: %s", part, sentence)
        self._troubles[part] = sentence

    def clear(self, part: str) -> None:
        """Remove the trouble of a part, if it has one, and log that."""
        if self._troubles.pop(part, None) is not None:
            log.info("ledger: %s available again", part)

    def status(self, waiting_bytes: int) -> Status:
        """Return a snapshot."""
        return Status(
            state="degraded" if self._troubles else "ok",
            troubles=self.troubles,
            waiting_events=self.written_events - self.own_posted_events,
            waiting_bytes=waiting_bytes,
            posted_events=self.posted_events,
            set_aside_lines=self.set_aside_lines,
            lost_deliveries=self.lost_deliveries,
        )


class LedgerCollector(Collector):
    """Prometheus collector of the ledger's status."""

    def __init__(self, status: Callable[[], Status]) -> None:
        self._status = status

    def collect(self) -> Iterator[Metric]:
        """Yield the current metrics."""
        now = self._status()
        yield GaugeMetricFamily(
            "msrv_ledger_up",
            "Whether the ledger is ok (1) or degraded (0).",
            float(now.state == "ok"),
        )
        yield GaugeMetricFamily(
            "msrv_ledger_waiting_events",
            "Events in the spool that are not in the database yet.",
            now.waiting_events,
        )
        yield GaugeMetricFamily(
            "msrv_ledger_waiting_bytes",
            "Bytes of the spool that are not in the database yet.",
            now.waiting_bytes,
        )
        yield CounterMetricFamily(
            "msrv_ledger_posted_events",
            "Events written to the database.",
            now.posted_events,
        )
        yield CounterMetricFamily(
            "msrv_ledger_set_aside_lines",
            "Spool records that could not be written to the database.",
            now.set_aside_lines,
        )
        yield CounterMetricFamily(
            "msrv_ledger_lost_deliveries",
            "Downloads that were too many to be counted.",
            now.lost_deliveries,
        )
