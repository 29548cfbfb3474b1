# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Composition root of the deployer: its routes and its background work."""

import socket
import time
from collections.abc import AsyncIterator, Callable
from typing import Final

from aiohttp import web

from msrv.deployer import api, hook_payloads, hooks
from msrv.deployer.app_keys import (
    CLOCK,
    CONFIG,
    GUARD,
    JOURNAL,
    METRICS,
    QUEUE,
    SETTINGS,
    WORKER,
)
from msrv.deployer.auth import HookGuard
from msrv.deployer.config_model import DeployConfig
from msrv.deployer.engine.docker import EngineClient
from msrv.deployer.metrics import DeployerMetrics
from msrv.deployer.notifications import Notifier
from msrv.deployer.rollout.deployment import Deployment
from msrv.deployer.rollout.journal import DeploymentJournal
from msrv.deployer.rollout.queue import DeploymentQueue
from msrv.deployer.rollout.worker import DeploymentWorker
from msrv.settings import Settings, WrongSetting

FOLDER: Final = "deployer"
"""In the data folder."""
_HEADERS: Final = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "X-Frame-Options": "DENY",
    "Server": "MSRV",
}


def create_app(
    settings: Settings,
    config: DeployConfig,
    *,
    clock: Callable[[], float] = time.time,
    ticks: Callable[[], float] = time.monotonic,
    hostname: str | None = None,
) -> web.Application:
    """Return the deployer, which works while the application runs.

    Raises WrongSetting if the engine's address can't be a gate's.
    """
    if settings.deploy_engine.startswith("unix:"):
        raise WrongSetting(
            "MSRV_DEPLOY_ENGINE: the deployer uses the engine through the "
            "gate (`msrv engine-gate`); set its address, such as "
            "http://gate:8000"
        )
    journal = DeploymentJournal(settings.data / FOLDER)
    queue = DeploymentQueue(
        journal, clock, lambda target: config.targets[target].delay_seconds
    )
    metrics = DeployerMetrics()
    notifier = Notifier(config, clock)

    def on_end(deployment: Deployment) -> None:
        metrics.count_deployment(deployment)
        notifier.submit(deployment)

    worker = DeploymentWorker(
        config,
        journal,
        queue,
        clock,
        on_end,
        hostname=hostname or socket.gethostname(),
    )

    async def background(_: web.Application) -> AsyncIterator[None]:
        async with (
            EngineClient(settings.deploy_engine) as engine,
            notifier.running(),
            worker.running(engine),
        ):
            yield

    app = web.Application(
        client_max_size=hook_payloads.MAX_BYTES,
        middlewares=[hooks.error_middleware],
    )
    app[SETTINGS], app[CONFIG] = settings, config
    app[CLOCK], app[GUARD] = clock, HookGuard(ticks)
    app[METRICS], app[JOURNAL] = metrics, journal
    app[QUEUE], app[WORKER] = queue, worker
    app.add_routes(
        [
            web.post(
                "/hooks/dockerhub/{target}/{secret}",
                hooks.dockerhub,
                name="dockerhub",
            ),
            web.post("/hooks/generic/{target}", hooks.generic, name="generic"),
            web.post(
                "/hooks/registry/{target}", hooks.registry, name="registry"
            ),
            web.get("/deployments", api.list_deployments, name="deployments"),
            web.get(
                "/deployments/{id}", api.show_deployment, name="deployment"
            ),
            web.post("/rollback/{target}", api.rollback, name="rollback"),
            web.get("/-/health", api.health, name="health"),
            web.get("/-/metrics", api.metrics, name="metrics"),
        ]
    )
    app.on_response_prepare.append(_add_headers)
    app.cleanup_ctx.append(background)
    return app


async def _add_headers(
    request: web.Request,  # noqa: ARG001
    response: web.StreamResponse,
) -> None:
    for name, value in _HEADERS.items():
        response.headers[name] = value
