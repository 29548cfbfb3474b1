# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Metrics by OpenTelemetry: those of `/-/metrics`, with the same names.

Counters have no `_total` at the end, which Prometheus adds again.
"""

from collections.abc import Iterable, Iterator
from itertools import pairwise
from typing import Final

from opentelemetry.exporter.otlp.proto.http.metric_exporter import (
    OTLPMetricExporter,
)
from opentelemetry.sdk.metrics import export as points
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from prometheus_client.metrics_core import Metric

from msrv import __version__

_CUMULATIVE: Final = points.AggregationTemporality.CUMULATIVE
_Labels = tuple[tuple[str, str], ...]


class MetricsExport:
    """Exporter of metrics that were counted since `started_ns`.

    Its methods block until the endpoint has answered, or didn't in time.
    """

    def __init__(self, resource: Resource, started_ns: int) -> None:
        self._resource = resource
        self._started_ns = started_ns
        self._exporter = OTLPMetricExporter()

    def send(self, families: Iterable[Metric], now_ns: int) -> None:
        """Export the metrics; the exporter logs failures."""
        found = converted(families, self._started_ns, now_ns)
        scope = points.ScopeMetrics(
            InstrumentationScope("msrv", __version__), list(found), ""
        )
        resource = points.ResourceMetrics(self._resource, [scope], "")
        self._exporter.export(points.MetricsData([resource]))

    def stop(self, families: Iterable[Metric], now_ns: int) -> None:
        """Export the metrics for the last time."""
        self.send(families, now_ns)
        self._exporter.shutdown()


def converted(
    families: Iterable[Metric], started_ns: int, now_ns: int
) -> Iterator[points.Metric]:
    """Yield Prometheus's families as OpenTelemetry's metrics.

    Times are in nanoseconds since 1970. Kinds other than counters, gauges and
    histograms are left out: the store has none.
    """
    for family in families:
        data: points.DataT
        if family.type == "counter":
            data = points.Sum(
                list(_numbers(family, "_total", started_ns, now_ns)),
                _CUMULATIVE,
                is_monotonic=True,
            )
        elif family.type == "gauge":
            data = points.Gauge(list(_numbers(family, "", now_ns, now_ns)))
        elif family.type == "histogram":
            data = points.Histogram(
                list(_distributions(family, started_ns, now_ns)), _CUMULATIVE
            )
        else:
            continue
        yield points.Metric(
            family.name, family.documentation, family.unit or None, data
        )


def _numbers(
    family: Metric, suffix: str, started_ns: int, now_ns: int
) -> Iterator[points.NumberDataPoint]:
    for sample in family.samples:
        if sample.name == family.name + suffix:
            yield points.NumberDataPoint(
                dict(sample.labels), started_ns, now_ns, float(sample.value)
            )


def _distributions(
    family: Metric, started_ns: int, now_ns: int
) -> Iterator[points.HistogramDataPoint]:
    buckets: dict[_Labels, list[tuple[str, int]]] = {}
    sums: dict[_Labels, float] = {}
    for sample in family.samples:
        labels = dict(sample.labels)
        bound = labels.pop("le", "")
        key = tuple(labels.items())
        if sample.name == f"{family.name}_bucket":
            buckets.setdefault(key, []).append((bound, int(sample.value)))
        elif sample.name == f"{family.name}_sum":
            sums[key] = float(sample.value)
    for key, found in buckets.items():
        # Prometheus's counts include those of all lower buckets.
        counts = [0, *(count for _, count in found)]
        yield points.HistogramDataPoint(
            attributes=dict(key),
            start_time_unix_nano=started_ns,
            time_unix_nano=now_ns,
            count=counts[-1],
            sum=sums.get(key, 0.0),
            bucket_counts=[
                after - before for before, after in pairwise(counts)
            ],
            explicit_bounds=[float(bound) for bound, _ in found[:-1]],
            min=None,  # type: ignore[arg-type] # optional in the protocol
            max=None,  # type: ignore[arg-type]
        )
