# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Worker that runs queued deployments, one at a time on the whole machine.

Two updates at once would each wait for containers that the other one slows
down.
"""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Callable
from typing import Final

from msrv.deployer.config_model import DeployConfig
from msrv.deployer.engine.container import belongs_to
from msrv.deployer.engine.docker import EngineClient, Inspection
from msrv.deployer.errors import EngineUnavailable, WorkerStopped
from msrv.deployer.rollout.deployment import Deployment, DeploymentState
from msrv.deployer.rollout.discovery import (
    find_own_container,
    find_unfinished,
    wait_for_predecessor,
)
from msrv.deployer.rollout.journal import DeploymentJournal
from msrv.deployer.rollout.queue import DeploymentQueue
from msrv.deployer.rollout.rollout import Rollout
from msrv.tasks import Backoff

log = logging.getLogger(__name__)

RETRY: Final = Backoff(first_seconds=1.0, max_seconds=30.0)


class DeploymentWorker:
    """Resumes unfinished deployments, then runs those of the queue.

    `on_end` is called with each deployment that has ended.
    """

    def __init__(
        self,
        config: DeployConfig,
        journal: DeploymentJournal,
        queue: DeploymentQueue,
        clock: Callable[[], float],
        on_end: Callable[[Deployment], None],
        *,
        hostname: str,
    ) -> None:
        self._config = config
        self._journal = journal
        self._queue = queue
        self._clock = clock
        self._on_end = on_end
        self._hostname = hostname
        self._own_container: Inspection | None = None
        self._task: asyncio.Task[None] | None = None
        self.current: Deployment | None = None
        """The deployment that is running."""

    @property
    def is_alive(self) -> bool:
        """True while the worker runs."""
        return self._task is not None and not self._task.done()

    @contextlib.asynccontextmanager
    async def running(self, engine: EngineClient) -> AsyncIterator[None]:
        """Load the journal, and run in the background during the block.

        A deployment that runs at its end is resumed at the next start.
        """
        # Before the first request, and without the engine: hooks need it.
        await self._journal.load()
        self._task = asyncio.create_task(self._work(engine))
        try:
            yield
        finally:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def wait(self) -> None:
        """Wait for the end of `running`. Raises WorkerStopped before that.

        Hooks are still accepted then, but nothing would run them.
        """
        if self._task is None:
            return
        await asyncio.wait({self._task})
        if not self._task.cancelled():
            raise WorkerStopped(
                "the deployer has stopped working; its log has the cause"
            ) from self._task.exception()

    async def _work(self, engine: EngineClient) -> None:
        try:
            await self._recover(engine)
            while True:
                deployment = await self._queue.next(self._ends_this_process)
                self.current = deployment
                await self._run_to_end(engine, deployment)
                self.current = None
                self._on_end(deployment)
        except Exception:
            log.exception("the deployer has stopped working")
            raise

    async def _recover(self, engine: EngineClient) -> None:
        """Wait for the predecessor, and queue what it did not finish."""
        self._own_container = await find_own_container(engine, self._hostname)
        await wait_for_predecessor(engine, self._own_container)
        # The predecessor has written to it until now.
        await self._journal.load()
        for deployment in await find_unfinished(
            engine, self._config, self._journal, self._clock()
        ):
            await self._queue.resume(deployment)

    def _ends_this_process(self, target: str) -> bool:
        """Return whether an update of a target replaces this container."""
        return self._own_container is not None and belongs_to(
            self._config.targets[target], self._own_container
        )

    async def _run_to_end(
        self, engine: EngineClient, deployment: Deployment
    ) -> None:
        """Run a deployment until it has ended, across engine outages."""
        deployment.starts += 1
        deployment.started_at = deployment.started_at or int(self._clock())
        failures = 0
        while not deployment.state.is_final:
            try:
                await self._roll_out(engine, deployment)
            except EngineUnavailable as error:
                deployment.state = DeploymentState.WAITING
                deployment.reason = str(error)
                deployment.add_line(f"waiting: {error}")
                deployment.drop_repetition()
                log.warning("%s: %s", deployment.target, error)
                await self._journal.save(deployment)
                failures += 1
                await asyncio.sleep(RETRY.seconds(failures))
            except Exception:
                # The worker goes on with the next deployment.
                log.exception("%s: internal error", deployment.target)
                deployment.finish(DeploymentState.BROKEN, self._clock())
                deployment.reason = "internal error: see the deployer's log"
        await self._journal.save(deployment)
        log.log(
            logging.INFO if deployment.reason == "" else logging.WARNING,
            "%s: %s%s",
            deployment.target,
            deployment.state,
            f": {deployment.reason}" if deployment.reason else "",
            extra={
                "fields": {
                    "deployment": deployment.id,
                    "target": deployment.target,
                    "state": str(deployment.state),
                    "image": deployment.reference,
                }
            },
        )

    async def _roll_out(
        self, engine: EngineClient, deployment: Deployment
    ) -> None:
        """Run a deployment once. Raises EngineUnavailable."""
        own_id = str(self._own_container["Id"]) if self._own_container else ""
        await Rollout(
            engine,
            self._config,
            deployment,
            self._journal,
            clock=self._clock,
            own_id=own_id,
        ).run()
