# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Notifications of a deployment's result, and Docker Hub's callback."""

import asyncio
import contextlib
import json
import logging
import time
from collections.abc import AsyncIterator, Callable
from typing import Final

from msrv.deployer import outbound_requests
from msrv.deployer.auth import sign
from msrv.deployer.client import short_digest
from msrv.deployer.config_model import (
    DeployConfig,
    NotificationAddress,
    Target,
)
from msrv.deployer.errors import DeliveryFailed, UnsafeAddress
from msrv.deployer.rollout.deployment import Deployment, DeploymentState
from msrv.tasks import Backoff
from msrv.text_table import plural

log = logging.getLogger(__name__)

ATTEMPTS: Final = 4
RETRY: Final = Backoff(first_seconds=4.0, max_seconds=30.0)
_MAX_QUEUED: Final = 64
_NOTIFIED: Final = frozenset(
    {
        DeploymentState.SUCCEEDED,
        DeploymentState.FAILED,
        DeploymentState.BROKEN,
    }
)


def summary(deployment: Deployment) -> str:
    """Return the result of a deployment in one sentence."""
    target = deployment.target
    image = short_digest(deployment.reference)
    match deployment.state:
        case DeploymentState.SUCCEEDED:
            verb = "is back at" if deployment.is_rollback else "runs"
            replicas = plural(deployment.replicas, "replica")
            return f"{target} {verb} {image} ({replicas})"
        case DeploymentState.UNCHANGED:
            if deployment.reason:
                return f"{target} was not updated: {deployment.reason}"
            return f"{target} already runs that image"
        case DeploymentState.FAILED:
            # Not that it runs the old version: nothing of it may run.
            return (
                f"{target} was not updated and is as it was before: "
                f"{deployment.reason}"
            )
        case _:
            return f"{target} needs an operator: {deployment.reason}"


def format_message(
    address: NotificationAddress, deployment: Deployment
) -> tuple[bytes, str]:
    """Return the body of a notification, and its media type."""
    if address.form == "text":
        return summary(deployment).encode(), "text/plain; charset=utf-8"
    if address.form == "chat":
        data: dict[str, object] = {"text": summary(deployment)}
    else:
        data = {
            "sentence": summary(deployment),
            "deployment": deployment.to_public_dict(with_lines=True),
        }
    return json.dumps(data).encode(), "application/json"


class Notifier:
    """Sends notifications in the background, one after the other."""

    def __init__(
        self, config: DeployConfig, clock: Callable[[], float] = time.time
    ) -> None:
        self._config = config
        self._clock = clock
        self._queue: asyncio.Queue[Deployment] = asyncio.Queue(_MAX_QUEUED)

    def submit(self, deployment: Deployment) -> None:
        """Queue a deployment that has ended, unless the queue is full."""
        with contextlib.suppress(asyncio.QueueFull):
            self._queue.put_nowait(deployment)

    async def join(self) -> None:
        """Wait until all that was submitted has been sent or given up."""
        await self._queue.join()

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Send in the background during the block."""
        task = asyncio.create_task(self._work())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def _work(self) -> None:
        while True:
            deployment = await self._queue.get()
            target = self._config.targets[deployment.target]
            if deployment.state in _NOTIFIED:
                for address in target.notify:
                    await self._notify(address, deployment)
            if deployment.callback_url is not None:
                await self._call_back(
                    target, deployment, deployment.callback_url
                )
            self._queue.task_done()

    async def _notify(
        self, address: NotificationAddress, deployment: Deployment
    ) -> None:
        body, media_type = format_message(address, deployment)
        headers = {"Content-Type": media_type, "User-Agent": "MSRV"}
        for attempt in range(1, ATTEMPTS + 1):
            if address.secret is not None:
                timestamp = str(int(self._clock()))
                headers["X-MSRV-Timestamp"] = timestamp
                headers["X-MSRV-Signature-256"] = sign(
                    address.secret.get_secret_value(), body, timestamp
                )
            try:
                await outbound_requests.post(
                    address.url,
                    body,
                    headers,
                    allow_private=address.allow_private,
                )
            except (UnsafeAddress, DeliveryFailed) as error:
                log.warning(
                    "%s: a notification was not delivered: %s",
                    deployment.target,
                    error,
                )
                if attempt == ATTEMPTS or isinstance(error, UnsafeAddress):
                    return
                await asyncio.sleep(RETRY.seconds(attempt))
            else:
                return

    async def _call_back(
        self, target: Target, deployment: Deployment, url: str
    ) -> None:
        """Send the result to Docker Hub, as its documentation asks.

        https://docs.docker.com/docker-hub/repos/manage/webhooks/
        """
        body = json.dumps(
            {
                "state": "success" if deployment.has_image else "failure",
                "description": summary(deployment)[:255],
                "context": "MSRV",
            }
        ).encode()
        try:
            outbound_requests.check_callback(
                url, target.repository_name.registry
            )
            await outbound_requests.post(
                url, body, {"Content-Type": "application/json"}
            )
        except (UnsafeAddress, DeliveryFailed) as error:
            log.warning("%s: the callback failed: %s", target.name, error)
