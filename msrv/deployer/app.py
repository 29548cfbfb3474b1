"""The deployer put together: its routes, and what lives while it does."""

import asyncio
import logging
import socket
import time
from collections.abc import AsyncIterator, Callable
from typing import Final

from aiohttp import web

from msrv.deployer import api, hook_payloads, hooks
from msrv.deployer.app_keys import (
    CLOCK,
    CONFIG,
    DESK,
    FIGURES,
    HEALTHY,
    JOURNAL,
    QUEUE,
    SETTINGS,
)
from msrv.deployer.auth import Desk
from msrv.deployer.config_model import Config
from msrv.deployer.docker import Engine
from msrv.deployer.metrics import Figures
from msrv.deployer.notifications import Notifier
from msrv.deployer.rollout import container_spec
from msrv.deployer.rollout.deployment import Deployment
from msrv.deployer.rollout.discovery import is_of
from msrv.deployer.rollout.handover import (
    own_container,
    unfinished,
    until_alone,
)
from msrv.deployer.rollout.journal import Journal
from msrv.deployer.rollout.queue import Queue
from msrv.deployer.rollout.rollout import Rollout
from msrv.settings import Settings

log = logging.getLogger(__name__)

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
    config: Config,
    *,
    clock: Callable[[], float] = time.time,
    ticks: Callable[[], float] = time.monotonic,
    hostname: str | None = None,
) -> web.Application:
    """Put the deployer together; nothing is asked of the engine yet."""
    app = web.Application(
        client_max_size=hook_payloads.MAX_BYTES, middlewares=[hooks.plainly]
    )
    journal = Journal(settings.data / FOLDER)
    figures = Figures()
    life = _Life(app, hostname or socket.gethostname())
    app[SETTINGS], app[CONFIG] = settings, config
    app[CLOCK], app[DESK] = clock, Desk(ticks)
    app[FIGURES], app[JOURNAL] = figures, journal
    app[QUEUE] = Queue(journal, life.run, life.ended, clock, life.is_own)
    app[HEALTHY] = life.is_well
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
            web.get("/deployments", api.listing, name="deployments"),
            web.get("/deployments/{id}", api.single, name="deployment"),
            web.post("/rollback/{target}", api.rollback, name="rollback"),
            web.get("/-/health", api.health, name="health"),
            web.get("/-/metrics", api.metrics, name="metrics"),
        ]
    )
    app.on_response_prepare.append(_put_headers)
    app.cleanup_ctx.append(life.live)
    return app


class _Life:
    """What goes on beside the answers: the queue, and telling people."""

    def __init__(self, app: web.Application, hostname: str) -> None:
        self._app = app
        self._hostname = hostname
        self._own: container_spec.Described | None = None
        self._engine: Engine | None = None
        self._notifier: Notifier | None = None
        self._task: asyncio.Task[None] | None = None

    def is_well(self) -> bool:
        """Whether what has to go on does."""
        return self._task is not None and not self._task.done()

    def is_own(self, target: str) -> bool:
        """Whether a target's update ends this very process."""
        config = self._app[CONFIG]
        return self._own is not None and is_of(
            config.targets[target], self._own
        )

    async def run(self, deployment: Deployment) -> None:
        """Carry a deployment out. Raises EngineAway."""
        assert self._engine is not None  # noqa: S101 - live() made it
        await Rollout(
            self._engine,
            self._app[CONFIG],
            deployment,
            self._app[JOURNAL],
            str(self._own["Id"]) if self._own else "",
        ).run()

    def ended(self, deployment: Deployment) -> None:
        """Have a deployment's end counted and told."""
        self._app[FIGURES].ended(deployment)
        if self._notifier is not None:
            self._notifier.ended(deployment)

    async def live(self, app: web.Application) -> AsyncIterator[None]:
        """Live, for as long as the application does."""
        async with Engine(app[SETTINGS].deploy_engine) as engine:
            self._engine = engine
            self._notifier = Notifier(app[CONFIG], app[CLOCK])
            async with self._notifier.working():
                self._task = asyncio.create_task(self._work(engine))
                yield
                self._task.cancel()
                await asyncio.gather(self._task, return_exceptions=True)

    async def _work(self, engine: Engine) -> None:
        """Wait until the one before us has gone, go on where it was, work."""
        app = self._app
        try:
            self._own = await own_container(engine, self._hostname)
            await until_alone(engine, self._own)
            await app[JOURNAL].open()
            for deployment in await unfinished(
                engine, app[CONFIG], app[JOURNAL]
            ):
                app[QUEUE].take_up(deployment)
            async with app[QUEUE].working():
                await asyncio.get_running_loop().create_future()
        except Exception:
            log.exception("the deployer has stopped working")
            raise


async def _put_headers(
    request: web.Request,  # noqa: ARG001
    response: web.StreamResponse,
) -> None:
    for name, value in _HEADERS.items():
        response.headers[name] = value
