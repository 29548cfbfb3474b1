"""The queue: at most one deployment waits for each target, and one runs.

One at a time on the whole machine: two updates at once would each wait for
containers that the other one starves.
"""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Final

from msrv.deployer.errors import EngineAway
from msrv.deployer.rollout.deployment import Deployment, State, new_id
from msrv.deployer.rollout.journal import Journal

log = logging.getLogger(__name__)

_FIRST_PAUSE_SECONDS: Final = 1.0
_LAST_PAUSE_SECONDS: Final = 30.0

Run = Callable[[Deployment], Awaitable[None]]
"""Carries a deployment out, to an end or to EngineAway."""
Ended = Callable[[Deployment], None]


class Queue:
    """What is to be done next; newest wins."""

    def __init__(
        self,
        journal: Journal,
        run: Run,
        ended: Ended,
        clock: Callable[[], float],
        last: Callable[[str], bool] = lambda _: False,
    ) -> None:
        self._journal = journal
        self._run = run
        self._ended = ended
        self._clock = clock
        self._is_last = last
        self._begun: list[Deployment] = []
        self._pending: dict[str, Deployment] = {}
        self._work_there_is = asyncio.Event()
        self.running: Deployment | None = None

    async def submit(
        self, target: str, cause: str, callback_url: str | None = None
    ) -> Deployment:
        """Ask for a deployment; one that waits already is the same one.

        What is pulled is decided when it begins, so the newest is what both
        would get. Only a rollback is something else, and takes its place.
        """
        waiting = self._pending.get(target)
        if waiting is not None and waiting.cause != "rollback" != cause:
            waiting.callback_url = callback_url or waiting.callback_url
            return waiting
        made = Deployment(
            new_id(),
            target,
            cause,
            int(self._clock()),
            callback_url=callback_url,
        )
        # Before anything is awaited: the next to ask finds this one.
        self._pending[target] = made
        self._work_there_is.set()
        if waiting is not None:
            waiting.state = State.SUPERSEDED
            waiting.reason = f"{made.id} took its place"
            await self._journal.save(waiting)
        await self._journal.save(made)
        return made

    def take_up(self, deployment: Deployment) -> None:
        """Go on with one that an earlier deployer began."""
        if deployment.state is State.QUEUED:
            self._pending[deployment.target] = deployment
        else:
            self._begun.append(deployment)
        self._work_there_is.set()

    @contextlib.asynccontextmanager
    async def working(self) -> AsyncIterator[None]:
        """Do what is to be done, while this is open.

        What runs at the end is left as it is, for the next start.
        """
        task = asyncio.create_task(self._work())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    def _next(self) -> Deployment:
        if self._begun:
            return self._begun.pop(0)
        # Whoever is ended by its own update has nothing left to do by then.
        target = min(self._pending, key=self._is_last)
        return self._pending.pop(target)

    async def _work(self) -> None:
        while True:
            await self._work_there_is.wait()
            self.running = deployment = self._next()
            if not self._pending and not self._begun:
                self._work_there_is.clear()
            await self._carry_out(deployment)
            self.running = None
            self._ended(deployment)

    async def _carry_out(self, deployment: Deployment) -> None:
        """Run it until it has ended; wait for an engine that is away."""
        deployment.starts += 1
        deployment.started_at = deployment.started_at or int(self._clock())
        pause = _FIRST_PAUSE_SECONDS
        while not deployment.state.is_end:
            try:
                await self._run(deployment)
            except EngineAway as error:
                deployment.state = State.WAITING
                if deployment.reason != str(error):
                    deployment.note(f"waiting: {error}")
                deployment.reason = str(error)
                log.warning("%s: %s", deployment.target, error)
                await self._journal.save(deployment)
                await asyncio.sleep(pause)
                pause = min(pause * 2, _LAST_PAUSE_SECONDS)
            except Exception:
                # The next deployment must find a queue that works.
                log.exception("%s: an error of our own", deployment.target)
                deployment.state = State.BROKEN
                deployment.reason = "an error of the deployer's own: its log"
        deployment.ended_at = int(self._clock())
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
