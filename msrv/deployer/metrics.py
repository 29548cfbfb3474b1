# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Prometheus metrics. Labels come from deploy.toml, never from a hook."""

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    generate_latest,
)

from msrv.deployer.rollout.deployment import Deployment

_SECONDS = (1, 5, 15, 30, 60, 120, 300, 600, 1800, 3600)


class DeployerMetrics:
    """Metrics of hooks and deployments."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._hooks = Counter(
            "msrv_deployer_hooks",
            "Hooks answered.",
            ("kind", "outcome"),
            registry=self._registry,
        )
        self._deployments = Counter(
            "msrv_deployer_deployments",
            "Deployments that have ended.",
            ("target", "state"),
            registry=self._registry,
        )
        self._seconds = Histogram(
            "msrv_deployer_deployment_seconds",
            "Seconds from a deployment's start to its end.",
            ("target",),
            buckets=_SECONDS,
            registry=self._registry,
        )
        self.running = Gauge(
            "msrv_deployer_running",
            "Deployments under way.",
            registry=self._registry,
        )
        self.last_success = Gauge(
            "msrv_deployer_last_success_timestamp_seconds",
            "When a target was last updated, in Unix seconds.",
            ("target",),
            registry=self._registry,
        )

    def count_hook(self, kind: str, outcome: str) -> None:
        """Count a response to a hook."""
        self._hooks.labels(kind, outcome).inc()

    def count_deployment(self, deployment: Deployment) -> None:
        """Count a deployment that has ended."""
        self._deployments.labels(
            deployment.target, str(deployment.state)
        ).inc()
        if deployment.started_at and deployment.ended_at:
            self._seconds.labels(deployment.target).observe(
                deployment.ended_at - deployment.started_at
            )
        if deployment.state == "succeeded" and deployment.ended_at:
            self.last_success.labels(deployment.target).set(
                deployment.ended_at
            )

    def exposition(self) -> bytes:
        """Return all metrics in Prometheus's text format."""
        return generate_latest(self._registry)
