# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Progress of the encodings: for the log, the studio and Prometheus."""

import logging
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Final

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

log = logging.getLogger(__name__)

LOG_SECONDS: Final = 60.0
"""Interval of the lines that state the progress."""


@dataclass(frozen=True, slots=True)
class EncodingStatus:
    """Progress of the encodings, at one moment.

    `wanted` are those of the catalog, of which `ready` can be downloaded and
    `failed` are tried again later. `made` counts those of this process, and
    `size_bytes` is the size of all in the folder. `problem` is a sentence for
    the operator, or empty.
    """

    wanted: int = 0
    ready: int = 0
    failed: int = 0
    made: int = 0
    size_bytes: int = 0
    problem: str = ""

    @property
    def waiting(self) -> int:
        """Number of those that are still to be encoded."""
        return max(0, self.wanted - self.ready - self.failed)


class EncodingProgress:
    """Status that changes, with a line in the log where that matters."""

    def __init__(self, timer: Callable[[], float] = time.monotonic) -> None:
        self._timer = timer
        self._logged_at = -LOG_SECONDS
        self._lasting = ""
        self.status = EncodingStatus()

    @property
    def is_paused(self) -> bool:
        """True while nothing can be encoded, as on a full disk."""
        return self.status.problem != self._lasting

    def update(self, wanted: int, ready: int, size_bytes: int) -> None:
        """Set the counts of the plan and of the folder."""
        self.status = replace(
            self.status, wanted=wanted, ready=ready, size_bytes=size_bytes
        )

    def count_failed(self, failed: int) -> None:
        """Set how many are tried again later."""
        self.status = replace(self.status, failed=failed)

    def add(self, ready: int, size_bytes: int, *, is_new: bool) -> None:
        """Count an encoding that is ready, of this size; log it in time.

        `ready` is the number of the catalog's encodings that it is, and 0 for
        one that was counted. `is_new` is False for one that another store
        made.
        """
        before = self.status
        self.status = replace(
            before,
            ready=before.ready + ready,
            made=before.made + is_new,
            size_bytes=before.size_bytes + size_bytes,
            problem=self._lasting,
        )
        if before.problem != self._lasting:
            log.info("formats: encoding continues")
        now, status = self._timer(), self.status
        if not status.waiting or now - self._logged_at >= LOG_SECONDS:
            self._logged_at = now
            log.info(
                "formats: %d of %d encodings are ready",
                status.ready,
                status.wanted,
            )

    def report(self, problem: str, *, is_lasting: bool = False) -> None:
        """Set the problem, and log it unless it is the last one.

        It lasts until the next encoding succeeds, or for good.
        """
        if is_lasting:
            self._lasting = problem
        if problem != self.status.problem:
            log.warning("formats: %s", problem)
        self.status = replace(self.status, problem=problem)


class EncodingMetrics(Collector):
    """Prometheus collector of the progress."""

    def __init__(self, progress: EncodingProgress) -> None:
        self._progress = progress

    def collect(self) -> Iterator[Metric]:
        """Yield the current metrics."""
        now = self._progress.status
        for name, text, value in (
            ("wanted", "Encodings that the catalog needs.", now.wanted),
            ("ready", "Encodings that can be downloaded.", now.ready),
            ("failed", "Encodings that failed and are retried.", now.failed),
            ("bytes", "Size of all encodings in the folder.", now.size_bytes),
        ):
            yield GaugeMetricFamily(f"msrv_encodings_{name}", text, value)
        yield CounterMetricFamily(
            "msrv_encodings_made",
            "Encodings made by this process.",
            now.made,
        )
