# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Queue of deployments: for each target at most a rollback and one other.

A rollback comes before the other one, which was requested after it.
"""

import asyncio
from collections.abc import Callable

from msrv.deployer.rollout.deployment import (
    Deployment,
    DeploymentState,
    new_id,
)
from msrv.deployer.rollout.journal import DeploymentJournal


class DeploymentQueue:
    """Deployments to run, the interrupted ones first."""

    def __init__(
        self, journal: DeploymentJournal, clock: Callable[[], float]
    ) -> None:
        self._journal = journal
        self._clock = clock
        self._interrupted: list[Deployment] = []
        self._rollbacks: dict[str, Deployment] = {}
        self._others: dict[str, Deployment] = {}
        self._not_empty = asyncio.Event()

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
        # Before anything is awaited, so that the next call finds it.
        pending = self._pending(deployment).setdefault(target, deployment)
        pending.callback_url = callback_url or pending.callback_url
        self._not_empty.set()
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
            self._not_empty.set()
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
            self._not_empty.set()
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
        await self._not_empty.wait()
        if self._interrupted:
            deployment = self._interrupted.pop(0)
        else:
            deployment = min(
                [*self._rollbacks.values(), *self._others.values()],
                key=lambda each: is_last(each.target),
            )
            del self._pending(deployment)[deployment.target]
        if not (self._interrupted or self._rollbacks or self._others):
            self._not_empty.clear()
        return deployment

    def _pending(self, deployment: Deployment) -> dict[str, Deployment]:
        """Return the pending deployments, by target, that it is one of."""
        return self._rollbacks if deployment.is_rollback else self._others

    async def _supersede(
        self, deployment: Deployment, newer: Deployment
    ) -> None:
        deployment.finish(DeploymentState.SUPERSEDED, self._clock())
        deployment.reason = f"superseded by {newer.id}"
        await self._journal.save(deployment)
