# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""One deployment, from start to end or from wherever it was interrupted.

`Rollout.run` may be called again after anything: a deployer that was killed,
an engine that was unavailable. It discovers the containers that exist and
continues, or undoes.
"""

import logging
from collections.abc import Callable
from typing import Final

from msrv.deployer.config_model import (
    DOCKER_HUB,
    KEPT_REPOSITORY,
    DeployConfig,
)
from msrv.deployer.engine.container import (
    is_running,
    networks_without_names,
)
from msrv.deployer.engine.docker import EngineClient
from msrv.deployer.errors import (
    EngineError,
    NoSuchObject,
    PullFailed,
    RolloutFailed,
)
from msrv.deployer.rollout.deployment import Deployment, DeploymentState
from msrv.deployer.rollout.discovery import TargetContainers, discover
from msrv.deployer.rollout.journal import DeploymentJournal
from msrv.deployer.rollout.replacement import Replacer

log = logging.getLogger(__name__)

MAX_STARTS: Final = 3
"""A deployment that outlives more deployers than this is undone."""


class Rollout:
    """Runs one deployment."""

    def __init__(
        self,
        engine: EngineClient,
        config: DeployConfig,
        deployment: Deployment,
        journal: DeploymentJournal,
        *,
        clock: Callable[[], float],
        own_id: str = "",
    ) -> None:
        self._engine = engine
        self._config = config
        self._target = config.targets[deployment.target]
        self._journal = journal
        self._clock = clock
        self._own_id = own_id
        self._deployment = deployment

    async def run(self) -> None:
        """Run until the deployment has ended; its state is the result.

        Raises EngineUnavailable, after which it can be run again.
        """
        deployment = self._deployment
        deployment.state = DeploymentState.RUNNING
        deployment.reason = ""
        if deployment.starts > MAX_STARTS and not deployment.undoing:
            deployment.undo_because(
                "the deployer was restarted too often during this deployment"
            )
        await self._journal.save(deployment)
        try:
            if not deployment.undoing:
                await self._roll_forward()
                return
        except PullFailed as error:
            await self._fail(f"the image can't be pulled: {error}")
            return
        except RolloutFailed as error:
            deployment.undo_because(str(error))
            deployment.add_line(f"failed: {error}")
            for line in error.lines:
                deployment.add_line(f"  | {line}")
        except EngineError as error:
            deployment.undo_because(f"the engine refused: {error}")
        await self._roll_back()

    async def _roll_forward(self) -> None:
        deployment = self._deployment
        if not deployment.image_id:
            await self._resolve_image()
        if self._was_rolled_back():
            deployment.reason = "this image was rolled back"
            await self._end(DeploymentState.UNCHANGED)
            return
        containers = await discover(self._engine, self._target)
        changed = await self._replace_all(deployment.image_id, containers)
        if changed == 0 and not deployment.before:
            await self._end(DeploymentState.UNCHANGED)
            return
        await self._finish()

    async def _roll_back(self) -> None:
        """Return the containers replaced so far to the previous image."""
        deployment = self._deployment
        try:
            containers = await discover(self._engine, self._target)
            if deployment.before:
                await self._replace_all(deployment.before, containers)
            else:
                replacer = self._replacer("")
                for replacement in containers.replacements:
                    if not await replacer.is_switched(replacement):
                        await replacer.undo(replacement)
        except (RolloutFailed, EngineError) as error:
            deployment.reason = (
                f"{deployment.failure}; and undoing it failed: {error}"
            )
            await self._end(DeploymentState.BROKEN)
            return
        await self._fail(deployment.failure)

    async def _resolve_image(self) -> None:
        """Pull the image by its digest, or find the previous one."""
        target, deployment = self._target, self._deployment
        if deployment.is_rollback:
            image = await self._kept_image("previous")
            if image is None:
                raise RolloutFailed("there is no previous image")
            deployment.reference = deployment.image_id = image
            return
        reference = target.reference
        if target.pull:
            login = self._login()
            await self._report(f"looking up {reference}")
            digest = await self._engine.resolve_digest(reference, login)
            reference = f"{target.repository}@{digest}"
            await self._report(f"pulling {reference}")
            await self._engine.pull(reference, login, self._set_progress)
        image_id = str((await self._engine.image(reference))["Id"])
        # A local image has no digest but its own.
        deployment.reference = reference if target.pull else image_id
        deployment.image_id = image_id
        await self._journal.save(deployment)

    async def _replace_all(
        self, image_id: str, containers: TargetContainers
    ) -> int:
        """Replace every running replica of another image; return how many.

        So is one that lacks its service's name. Replacements that were
        interrupted are finished or undone first.
        """
        replacer = self._replacer(image_id)
        changed = 0
        current = containers.current + [
            await replacer.finish_rename(each) for each in containers.unrenamed
        ]
        for replacement in containers.replacements:
            if replacement.new["Image"] == image_id:
                await replacer.resume(replacement)
                changed += 1
            elif await replacer.is_switched(replacement):
                current.append(await replacer.finish(replacement))
            else:
                current.append(await replacer.undo(replacement))
        running = [each for each in current if is_running(each)]
        outdated = [
            each
            for each in running
            if each["Image"] != image_id or networks_without_names(each, each)
        ]
        if not running and not changed:
            raise RolloutFailed(
                "no container of the target is running: start the service "
                "first"
            )
        # This process ends when its own container is replaced.
        outdated.sort(key=lambda each: each["Id"] == self._own_id)
        deployment = self._deployment
        deployment.replicas = len(running) + changed
        deployment.done = deployment.replicas - len(outdated)
        if outdated and not deployment.before:
            deployment.before = str(outdated[0]["Image"])
            await self._keep_image(deployment.before, "before")
        for each in outdated:
            await replacer.replace(each)
            deployment.done += 1
        return changed + len(outdated)

    async def _finish(self) -> None:
        """Keep the previous image, and tag the new one for Compose."""
        deployment, target = self._deployment, self._target
        state = self._journal.target_state(target.name)
        if deployment.before and deployment.before != deployment.image_id:
            await self._keep_image(deployment.before, "previous")
        state.refused_image_id = (
            deployment.before if deployment.is_rollback else ""
        )
        try:
            await self._engine.tag(
                deployment.image_id, target.repository, target.tag
            )
        except EngineError as error:
            deployment.add_line(f"{target.reference} was not tagged: {error}")
        await self._journal.save_target_states()
        await self._end(DeploymentState.SUCCEEDED)

    async def _keep_image(self, image_id: str, tag: str) -> None:
        """Tag an image, so that a clean-up doesn't remove it."""
        try:
            await self._engine.tag(
                image_id, f"{KEPT_REPOSITORY}/{self._target.name}", tag
            )
        except EngineError as error:
            log.warning("the previous image can't be kept: %s", error)

    async def _kept_image(self, tag: str) -> str | None:
        try:
            found = await self._engine.image(
                f"{KEPT_REPOSITORY}/{self._target.name}:{tag}"
            )
        except NoSuchObject:
            return None
        return str(found["Id"])

    def _was_rolled_back(self) -> bool:
        refused = self._journal.target_state(
            self._target.name
        ).refused_image_id
        deployment = self._deployment
        return not deployment.is_rollback and refused == deployment.image_id

    def _replacer(self, image_id: str) -> Replacer:
        return Replacer(
            self._engine,
            self._target,
            self._deployment.id,
            image_id,
            self._report,
            self._own_id,
        )

    def _login(self) -> dict[str, str] | None:
        registry = self._target.repository_name.registry
        found = self._config.registries.get(registry)
        if found is None or found.password is None:
            return None
        return {
            "username": found.username,
            "password": found.password.get_secret_value(),
            "serveraddress": "https://index.docker.io/v1/"
            if registry == DOCKER_HUB
            else registry,
        }

    def _set_progress(self, received: int, total: int) -> None:
        self._deployment.have_bytes = received
        self._deployment.of_bytes = total

    async def _report(self, step: str) -> None:
        deployment = self._deployment
        deployment.step = step
        deployment.add_line(step)
        log.info(
            "%s: %s",
            deployment.target,
            step,
            extra={
                "fields": {
                    "deployment": deployment.id,
                    "target": deployment.target,
                    "state": str(deployment.state),
                    "step": deployment.step,
                }
            },
        )
        await self._journal.save(deployment)

    async def _fail(self, reason: str) -> None:
        self._deployment.reason = reason
        await self._end(DeploymentState.FAILED)

    async def _end(self, state: DeploymentState) -> None:
        deployment = self._deployment
        deployment.finish(state, self._clock())
        deployment.step = ""
        if deployment.reason:
            deployment.add_line(f"{state}: {deployment.reason}")
        await self._journal.save(deployment)
