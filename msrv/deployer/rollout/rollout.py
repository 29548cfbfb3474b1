"""A deployment from its beginning, or from wherever it was left, to its end.

`Rollout.run` may be called again after anything: a deployer that was killed,
an engine that was away. It surveys what is there and goes on, or undoes.
"""

import asyncio
import logging
from typing import Final

from msrv.deployer.config_model import DOCKER_HUB, Config, Target
from msrv.deployer.docker import Engine
from msrv.deployer.errors import (
    EngineError,
    NoSuchThing,
    PullFailed,
    RolloutFailed,
)
from msrv.deployer.gate.policy import KEPT
from msrv.deployer.rollout.deployment import Deployment, State
from msrv.deployer.rollout.discovery import Found, is_running, survey
from msrv.deployer.rollout.journal import Journal
from msrv.deployer.rollout.replace import Goal, Replacer

log = logging.getLogger(__name__)

MAX_STARTS: Final = 3
"""A deployer that ends that often over one deployment undoes it."""


class Rollout:
    """Carries one deployment out."""

    def __init__(
        self,
        engine: Engine,
        config: Config,
        deployment: Deployment,
        journal: Journal,
        own_id: str = "",
    ) -> None:
        self._engine = engine
        self._config = config
        self._target: Target = config.targets[deployment.target]
        self._journal = journal
        self._own_id = own_id
        self.deployment = deployment

    async def run(self) -> None:
        """Go on until it has ended; `deployment` says how.

        Raises EngineAway where the engine doesn't answer: call it again.
        """
        deployment = self.deployment
        deployment.state = State.RUNNING
        deployment.reason = ""
        if deployment.starts > MAX_STARTS and not deployment.undoing:
            deployment.undoing = True
            deployment.reason = "the deployer ended over it again and again"
        await self._journal.save(deployment)
        try:
            if not deployment.undoing:
                await self._forward()
                return
        except PullFailed as error:
            await self._fail(f"the image can't be pulled: {error}")
            return
        except RolloutFailed as error:
            deployment.undoing = True
            deployment.reason = str(error)
            deployment.note(f"failed: {error}")
            for line in error.lines:
                deployment.note(f"  | {line}")
        except EngineError as error:
            deployment.undoing = True
            deployment.reason = f"the engine refused: {error}"
        await self._back()

    async def _forward(self) -> None:
        deployment = self.deployment
        if not deployment.image_id:
            await self._begin()
        goal = Goal(deployment.image_id)
        if self._is_refused():
            deployment.reason = "this image was rolled back from"
            await self._end(State.UNCHANGED)
            return
        found = await survey(self._engine, self._target)
        if await self._bring_to(goal, found) == 0 and not deployment.before:
            await self._end(State.UNCHANGED)
            return
        await self._finish(goal)

    async def _back(self) -> None:
        """Bring what was replaced so far back to the image before."""
        deployment = self.deployment
        reason = deployment.reason
        try:
            found = await survey(self._engine, self._target)
            if deployment.before:
                goal = Goal(deployment.before)
                await self._bring_to(goal, found)
            else:
                replacer = self._replacer(Goal(""))
                for pair in found.pairs:
                    await replacer.discard(pair)
        except (RolloutFailed, EngineError) as error:
            deployment.reason = f"{reason}; and undoing it failed: {error}"
            await self._end(State.BROKEN)
            return
        await self._fail(reason)

    async def _begin(self) -> None:
        """Wait as told, and find out what to deploy: pull and pin it."""
        target, deployment = self._target, self.deployment
        if deployment.is_rollback:
            image = await self._kept("previous")
            if image is None:
                raise RolloutFailed("there is no image to go back to")
            deployment.reference = deployment.image_id = image
            return
        if target.delay_seconds:
            await self._say(f"waiting {target.delay_seconds} s")
            await asyncio.sleep(target.delay_seconds)
        reference = target.reference
        if target.pull:
            login = self._login()
            await self._say(f"asking for {reference}")
            digest = await self._engine.digest(reference, login)
            reference = f"{target.repository}@{digest}"
            await self._say(f"pulling {reference}")
            await self._engine.pull(reference, login, self._progress)
        image_id = str((await self._engine.image(reference))["Id"])
        # An image of this machine alone has no digest but its own.
        deployment.reference = reference if target.pull else image_id
        deployment.image_id = image_id
        await self._journal.save(deployment)

    async def _bring_to(self, goal: Goal, found: Found) -> int:
        """Have every running replica made of the goal; how many changed."""
        replacer = self._replacer(goal)
        changed = 0
        for heir in found.heirs:
            await replacer.settle_heir(heir)
            found.settled.append(heir)
        for pair in found.pairs:
            if pair.new["Image"] == goal.image_id:
                await replacer.go_on(pair)
                changed += 1
            else:
                await replacer.discard(pair)
                found.settled.append(pair.old)
        todo = [
            each
            for each in found.settled
            if is_running(each) and each["Image"] != goal.image_id
        ]
        if not (found.settled or found.pairs):
            raise RolloutFailed(
                "there is no container to replace: start the service first"
            )
        # Whoever replaces itself does nothing after that.
        todo.sort(key=lambda each: each["Id"] == self._own_id)
        deployment = self.deployment
        deployment.replicas = len(found.settled) + changed
        deployment.done = deployment.replicas - len(todo)
        if todo and not deployment.before:
            deployment.before = str(todo[0]["Image"])
            await self._keep(deployment.before, "before")
        for each in todo:
            await replacer.replace(each)
            deployment.done += 1
        return changed + len(todo)

    async def _finish(self, goal: Goal) -> None:
        """Keep the image that ran, and let Compose see the new one."""
        deployment, target = self.deployment, self._target
        memory = self._journal.memory(target.name)
        if deployment.before and deployment.before != goal.image_id:
            await self._keep(deployment.before, "previous")
        memory.refused = deployment.before if deployment.is_rollback else ""
        try:
            await self._engine.tag(
                goal.image_id, target.repository, target.tag
            )
        except EngineError as error:
            deployment.note(f"{target.reference} was not moved: {error}")
        await self._journal.save_memories()
        await self._end(State.SUCCEEDED)

    async def _keep(self, image_id: str, tag: str) -> None:
        """Name an image, so that no clean-up takes it."""
        try:
            await self._engine.tag(
                image_id, f"{KEPT}/{self._target.name}", tag
            )
        except EngineError as error:
            log.warning("the image before is not kept: %s", error)

    async def _kept(self, tag: str) -> str | None:
        try:
            found = await self._engine.image(
                f"{KEPT}/{self._target.name}:{tag}"
            )
        except NoSuchThing:
            return None
        return str(found["Id"])

    def _is_refused(self) -> bool:
        refused = self._journal.memory(self._target.name).refused
        deployment = self.deployment
        return not deployment.is_rollback and refused == deployment.image_id

    def _replacer(self, goal: Goal) -> Replacer:
        return Replacer(
            self._engine,
            self._target,
            self.deployment.id,
            goal,
            self._say,
            self._own_id,
        )

    def _login(self) -> dict[str, str] | None:
        registry = self._target.place.registry
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

    def _progress(self, have: int, of: int) -> None:
        self.deployment.have_bytes = have
        self.deployment.of_bytes = of

    async def _say(self, step: str) -> None:
        deployment = self.deployment
        deployment.step = step
        deployment.note(step)
        log.info(
            "%s: %s",
            deployment.target,
            step,
            extra={"fields": _fields(deployment)},
        )
        await self._journal.save(deployment)

    async def _fail(self, reason: str) -> None:
        self.deployment.reason = reason
        await self._end(State.FAILED)

    async def _end(self, state: State) -> None:
        deployment = self.deployment
        deployment.state = state
        deployment.step = ""
        if deployment.reason:
            deployment.note(f"{state}: {deployment.reason}")
        await self._journal.save(deployment)


def _fields(deployment: Deployment) -> dict[str, object]:
    return {
        "deployment": deployment.id,
        "target": deployment.target,
        "state": str(deployment.state),
        "step": deployment.step,
    }
