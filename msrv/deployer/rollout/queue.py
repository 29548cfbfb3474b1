# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Queue of deployments: for each target at most a rollback and one other.

A rollback comes before the other one, which was requested after it. The delay
of a target is waited for here, where it holds up neither a rollback nor
another target.
"""

import asyncio
import contextlib
from collections.abc import Callable

from msrv.deployer.rollout.deployment import (
    Deployment,
    DeploymentState,
    new_id,
)
from msrv.deployer.rollout.journal import DeploymentJournal


class DeploymentQueue:
    """Deployments to run, the interrupted ones first.

    `delay_seconds` returns the delay of a target; a rollback has none.
    """

    def __init__(
        self,
        journal: DeploymentJournal,
        clock: Callable[[], float],
        delay_seconds: Callable[[str], int] = lambda _: 0,
    ) -> None:
        self._journal = journal
        self._clock = clock
        self._delay_seconds = delay_seconds
        self._interrupted: list[Deployment] = []
        self._rollbacks: dict[str, Deployment] = {}
        self._others: dict[str, Deployment] = {}
        self._has_changed = asyncio.Event()

    async def submit(
        self, target: str, cause: str, callback_url: str | None = None
    ) -> Deployment:
        """Return a new pending deployment, or the one that is pending.

        The image is resolved when a deployment starts, so both would deploy
        the newest. Only a rollback is different: it supersedes the other.
        """
        deployment = Deployment(
            new_id(),
            target,
            cause,
            int(self._clock()),
            callback_url=callback_url,
        )
        if delay := self._delay(deployment):
            deployment.add_line(f"waiting {delay} s")
        # Before anything is awaited, so that the next call finds it.
        pending = self._pending(deployment).setdefault(target, deployment)
        pending.callback_url = callback_url or pending.callback_url
        self._has_changed.set()
        older = self._others.pop(target, None) if pending.is_rollback else None
        if older is not None:
            await self._supersede(older, pending)
        await self._journal.save(pending)
        return pending

    async def resume(self, deployment: Deployment) -> None:
        """Add a deployment that an earlier deployer did not finish.

        Another one that is pending already is newer, and supersedes it.
        """
        target = deployment.target
        if deployment.state is not DeploymentState.QUEUED:
            self._interrupted.append(deployment)
            self._has_changed.set()
            return
        newer = self._pending(deployment).get(target)
        rollback = self._rollbacks.get(target)
        if (
            newer is None
            and rollback is not None
            and deployment.requested_at < rollback.requested_at
        ):
            newer = rollback
        if newer is None or newer is deployment:
            self._pending(deployment)[target] = deployment
            self._has_changed.set()
            return
        if newer.callback_url is None and not newer.is_rollback:
            newer.callback_url = deployment.callback_url
        await self._supersede(deployment, newer)

    async def next(
        self, is_last: Callable[[str], bool] = lambda _: False
    ) -> Deployment:
        """Wait for the next deployment, and remove it from the queue.

        Targets for which `is_last` is true come after all others.
        """
        while True:
            self._has_changed.clear()
            if self._interrupted:
                return self._interrupted.pop(0)
            pending = [*self._rollbacks.values(), *self._others.values()]
            now = self._clock()
            due = [each for each in pending if self._due_at(each) <= now]
            if due:
                deployment = min(due, key=lambda each: is_last(each.target))
                del self._pending(deployment)[deployment.target]
                return deployment
            pause = min(
                (self._due_at(each) - now for each in pending), default=None
            )
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(pause):
                    await self._has_changed.wait()

    def _due_at(self, deployment: Deployment) -> float:
        """Return the time, in Unix seconds, before which it doesn't start."""
        delay = self._delay(deployment)
        # The time of the request is rounded down.
        return deployment.requested_at + delay + 1 if delay else 0

    def _delay(self, deployment: Deployment) -> int:
        if deployment.is_rollback:
            return 0
        return self._delay_seconds(deployment.target)

    def _pending(self, deployment: Deployment) -> dict[str, Deployment]:
        """Return the pending deployments, by target, that it is one of."""
        return self._rollbacks if deployment.is_rollback else self._others

    async def _supersede(
        self, deployment: Deployment, newer: Deployment
    ) -> None:
        deployment.finish(DeploymentState.SUPERSEDED, self._clock())
        deployment.reason = f"superseded by {newer.id}"
        await self._journal.save(deployment)
