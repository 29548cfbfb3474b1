# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Queue of deployments: at most one is pending for each target."""

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
        self._pending: dict[str, Deployment] = {}
        self._not_empty = asyncio.Event()

    async def submit(
        self, target: str, cause: str, callback_url: str | None = None
    ) -> Deployment:
        """Return a new pending deployment, or the one that is pending.

        The image is resolved when a deployment starts, so both would deploy
        the newest. Only a rollback is different, and supersedes the other.
        """
        pending = self._pending.get(target)
        if pending is not None and pending.cause != "rollback" != cause:
            pending.callback_url = callback_url or pending.callback_url
            return pending
        deployment = Deployment(
            new_id(),
            target,
            cause,
            int(self._clock()),
            callback_url=callback_url,
        )
        # Before anything is awaited, so that the next call finds it.
        self._pending[target] = deployment
        self._not_empty.set()
        if pending is not None:
            pending.finish(DeploymentState.SUPERSEDED, self._clock())
            pending.reason = f"superseded by {deployment.id}"
            await self._journal.save(pending)
        await self._journal.save(deployment)
        return deployment

    def resume(self, deployment: Deployment) -> None:
        """Add a deployment that an earlier deployer did not finish."""
        if deployment.state is DeploymentState.QUEUED:
            self._pending[deployment.target] = deployment
        else:
            self._interrupted.append(deployment)
        self._not_empty.set()

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
            target = min(self._pending, key=is_last)
            deployment = self._pending.pop(target)
        if not self._pending and not self._interrupted:
            self._not_empty.clear()
        return deployment
