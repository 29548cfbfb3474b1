# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Metrics of a published catalog: whether it is kept up to date, and its age.

Apart from `published_catalog`, which exports nothing.
"""

from collections.abc import Iterator

from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from msrv.catalog.published.published_catalog import PublishedCatalog


class CatalogMetrics(Collector):
    """Prometheus collector of a published catalog."""

    def __init__(self, catalog: PublishedCatalog) -> None:
        self._catalog = catalog

    def collect(self) -> Iterator[Metric]:
        """Yield the current metrics."""
        yield GaugeMetricFamily(
            "msrv_catalog_problem",
            "Whether the catalog in the bucket can't be had or used (1).",
            float(bool(self._catalog.problem)),
        )
        published_at = self._catalog.published_at
        if published_at is not None:
            yield GaugeMetricFamily(
                "msrv_catalog_published_seconds",
                "Time at which the current catalog was published.",
                published_at,
            )
