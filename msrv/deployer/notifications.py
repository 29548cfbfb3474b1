"""Telling people, and the registry, how a deployment ended."""

import asyncio
import contextlib
import json
import logging
import time
from collections.abc import AsyncIterator, Callable
from typing import Final

from msrv.deployer import outbound
from msrv.deployer.client import image_of
from msrv.deployer.config_model import Config, Notice, Target
from msrv.deployer.errors import Unsafe
from msrv.deployer.outbound import NotTold
from msrv.deployer.rollout.deployment import Deployment, State
from msrv.deployer.signatures import signature

log = logging.getLogger(__name__)

PAUSES_SECONDS: Final = (1, 5, 25)
"""Between one try and the next."""
_MAX_WAITING: Final = 64
_TOLD_OF: Final = frozenset({State.SUCCEEDED, State.FAILED, State.BROKEN})
_WELL: Final = frozenset({State.SUCCEEDED, State.UNCHANGED})


def sentence(deployment: Deployment) -> str:
    """Say in one line how it ended."""
    target = deployment.target
    image = image_of(deployment.reference)
    match deployment.state:
        case State.SUCCEEDED:
            verb = "is back at" if deployment.is_rollback else "runs"
            return f"{target} {verb} {image} ({deployment.replicas} replicas)"
        case State.UNCHANGED:
            return f"{target} runs that already"
        case State.FAILED:
            return (
                f"{target} was not updated, and the old version serves: "
                f"{deployment.reason}"
            )
        case _:
            return f"{target} needs a person: {deployment.reason}"


def message(notice: Notice, deployment: Deployment) -> tuple[bytes, str]:
    """Write what an address is sent: the body, and its type."""
    if notice.form == "text":
        return sentence(deployment).encode(), "text/plain; charset=utf-8"
    if notice.form == "chat":
        data: dict[str, object] = {"text": sentence(deployment)}
    else:
        data = {
            "sentence": sentence(deployment),
            "deployment": deployment.as_public(whole=True),
        }
    return json.dumps(data).encode(), "application/json"


class Notifier:
    """Tells everyone who is to be told, one after the other."""

    def __init__(
        self, config: Config, clock: Callable[[], float] = time.time
    ) -> None:
        self._config = config
        self._clock = clock
        self._waiting: asyncio.Queue[Deployment] = asyncio.Queue(_MAX_WAITING)

    def ended(self, deployment: Deployment) -> None:
        """Have a deployment told of; where too many wait, the log alone."""
        with contextlib.suppress(asyncio.QueueFull):
            self._waiting.put_nowait(deployment)

    @contextlib.asynccontextmanager
    async def working(self) -> AsyncIterator[None]:
        """Tell, while this is open."""
        task = asyncio.create_task(self._work())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def _work(self) -> None:
        while True:
            deployment = await self._waiting.get()
            target = self._config.targets[deployment.target]
            if deployment.state in _TOLD_OF:
                for notice in target.notify:
                    await self._tell(notice, deployment)
            if deployment.callback_url is not None:
                await self._call_back(
                    target, deployment, deployment.callback_url
                )
            self._waiting.task_done()

    async def _tell(self, notice: Notice, deployment: Deployment) -> None:
        body, kind = message(notice, deployment)
        headers = {"Content-Type": kind, "User-Agent": "MSRV"}
        for pause in (*PAUSES_SECONDS, None):
            if notice.secret is not None:
                at = str(int(self._clock()))
                headers["X-MSRV-Timestamp"] = at
                headers["X-MSRV-Signature-256"] = signature(
                    notice.secret.get_secret_value(), body, at
                )
            try:
                await outbound.post(
                    notice.url,
                    body,
                    headers,
                    allow_private=notice.allow_private,
                )
            except (Unsafe, NotTold) as error:
                log.warning(
                    "%s: a notice was not taken: %s", deployment.target, error
                )
                if pause is None or isinstance(error, Unsafe):
                    return
                await asyncio.sleep(pause)
            else:
                return

    async def _call_back(
        self, target: Target, deployment: Deployment, url: str
    ) -> None:
        """Tell Docker Hub; what it wants is in its documentation.

        https://docs.docker.com/docker-hub/repos/manage/webhooks/
        """
        well = deployment.state in _WELL
        body = json.dumps(
            {
                "state": "success" if well else "failure",
                "description": sentence(deployment)[:255],
                "context": "MSRV",
            }
        ).encode()
        try:
            outbound.check_callback(url, target.place.registry)
            await outbound.post(
                url, body, {"Content-Type": "application/json"}
            )
        except (Unsafe, NotTold) as error:
            log.warning("%s: no call back: %s", target.name, error)
