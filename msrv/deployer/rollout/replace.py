"""One container is replaced by another, and never by nothing.

Each phase looks first whether it has been done, so that whoever finds a pair
of old and new goes on from there. Until the new one has proved itself, the
old one serves; what goes wrong before that removes the new one.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from msrv.deployer.config_model import Target
from msrv.deployer.docker import Engine
from msrv.deployer.errors import (
    CantReplace,
    EngineError,
    NoSuchThing,
    NotHealthy,
    RolloutFailed,
)
from msrv.deployer.rollout import container_spec
from msrv.deployer.rollout.container_spec import Described, name_of
from msrv.deployer.rollout.discovery import Pair, is_running

log = logging.getLogger(__name__)

LOOK_SECONDS: Final = 0.3
STEADY_SECONDS: Final = 10
"""How long a container without a health check has to stay up."""


@dataclass(frozen=True, slots=True)
class Goal:
    """Image of the new containers, by its id."""

    image_id: str


Say = Callable[[str], Awaitable[None]]
"""Is told each step, before it is taken."""


@dataclass(frozen=True, slots=True)
class Replacer:
    """Replaces containers of one target, for one deployment."""

    engine: Engine
    target: Target
    deployment: str
    goal: Goal
    say: Say
    own_id: str = ""
    """The container that this program runs in, if it is one of them."""

    async def replace(self, old: Described) -> None:
        """Replace a container that has no successor yet.

        Raises RolloutFailed, with the old one running.
        """
        name = name_of(old)
        if self.target.strategy == "recreate" and old["Id"] == self.own_id:
            raise CantReplace(
                "a deployer that has ended can't start its successor; set "
                'strategy = "rolling"'
            )
        if self.target.strategy == "rolling":
            reason = container_spec.why_not_twice(old)
            if reason is not None:
                raise CantReplace(
                    f"{name} can't run twice: {reason}; set strategy = "
                    '"recreate"'
                )
        await self.say(f"making the successor of {name}")
        try:
            old_image = await self.engine.image(old["Image"])
            made = await self.engine.create(
                f"{name}-{self.deployment[:8]}",
                container_spec.spec(
                    old,
                    old_image,
                    self.goal.image_id,
                    {
                        container_spec.TARGET: self.target.name,
                        container_spec.DEPLOYMENT: self.deployment,
                        container_spec.REPLACES: old["Id"],
                        container_spec.NAME: name,
                    },
                    named=self.target.strategy == "recreate",
                ),
            )
            new = await self.engine.inspect(made)
        except EngineError as error:
            raise RolloutFailed(
                f"the successor of {name} can't be made: {error}"
            ) from error
        await self.go_on(Pair(old, new))

    async def go_on(self, pair: Pair) -> None:
        """Bring a pair to its end, from wherever it is.

        Raises RolloutFailed, with the old one running and the new one gone.
        """
        try:
            if self.target.strategy == "rolling":
                await self._beside(pair)
            else:
                await self._instead(pair)
        except RolloutFailed:
            await self.discard(pair)
            raise
        except EngineError as error:
            await self.discard(pair)
            raise RolloutFailed(str(error)) from error
        await self._take_over(pair)

    async def discard(self, pair: Pair) -> None:
        """Undo: the old one runs, then the new one goes."""
        await self.say(f"undoing: {name_of(pair.old)} goes on")
        old = await self.engine.inspect(pair.old["Id"])
        if not is_running(old):
            await self.engine.start(old["Id"])
        await self.engine.remove(pair.new["Id"], force=True)

    async def settle_heir(self, heir: Described) -> None:
        """Give who has taken the place of another also its name."""
        if not is_running(heir):
            await self.engine.start(heir["Id"])
        name = container_spec.labels_of(heir)[container_spec.NAME]
        await self.engine.rename(heir["Id"], name)

    async def _beside(self, pair: Pair) -> None:
        """Start the new one, prove it, name it, and end the old one."""
        old, new = pair.old["Id"], pair.new["Id"]
        name = name_of(pair.old)
        if not is_running(await self.engine.inspect(new)):
            await self.say(f"starting the successor of {name}")
            await self.engine.start(new)
        await self.say(f"waiting for the successor of {name} to be healthy")
        await self._prove(new)
        if not is_running(await self.engine.inspect(old)):
            return
        missing = container_spec.nameless(
            pair.old, await self.engine.inspect(new)
        )
        if missing:
            await self.say(f"sending visitors to the successor of {name}")
        for network, endpoint in missing.items():
            if container_spec.is_on(await self.engine.inspect(new), network):
                await self.engine.leave(network, new)
            await self.engine.join(network, new, endpoint)
        # Whoever asks by name hears of it, and it has to bear that.
        await asyncio.sleep(self.target.settle_seconds)
        await self._prove(new)
        await self.say(f"draining {name}")
        await self._end(old, new)

    async def _instead(self, pair: Pair) -> None:
        """End the old one, then start the new one and prove it."""
        old, new = pair.old["Id"], pair.new["Id"]
        name = name_of(pair.old)
        if is_running(await self.engine.inspect(old)):
            await self.say(f"draining {name}")
            await self._end(old, new)
        if not is_running(await self.engine.inspect(new)):
            await self.say(f"starting the successor of {name}")
            await self.engine.start(new)
        await self.say(f"waiting for the successor of {name} to be healthy")
        await self._prove(new)

    async def _end(self, old: str, new: str) -> None:
        if old == self.own_id:
            # What follows is done by the successor, which is started and
            # waits for us to end.
            log.info("handing over to %s", new[:12])
        await self.engine.stop(old, self.target.drain_seconds)

    async def _take_over(self, pair: Pair) -> None:
        """Remove the old one and give its name to the new one.

        The new one serves: whatever goes wrong here is no reason to undo.
        """
        name = name_of(pair.old)
        await self.say(f"removing the old {name}")
        try:
            await self.engine.remove(pair.old["Id"])
            await self.engine.rename(pair.new["Id"], name)
        except EngineError as error:
            log.warning("%s serves, but: %s", name, error)

    async def _prove(self, container: str) -> None:
        """Wait until it is healthy. Raises NotHealthy with its last lines."""
        until = time.monotonic() + self.target.health_seconds
        steady_from = time.monotonic() + min(
            STEADY_SECONDS, self.target.health_seconds
        )
        while True:
            try:
                found = await self.engine.inspect(container)
            except NoSuchThing:
                raise NotHealthy("the new container is gone") from None
            wrong = _crashed(found)
            health = (found["State"].get("Health") or {}).get("Status")
            # One that has ended is called unhealthy, too: that it ended says
            # more.
            if wrong is None and health == "unhealthy":
                wrong = "the new container is unhealthy" + _said(found)
            if wrong is None and time.monotonic() >= until:
                wrong = (
                    "the new container was not healthy within "
                    f"{self.target.health_seconds} s"
                ) + _said(found)
            if wrong is not None:
                lines = await self.engine.last_lines(container)
                raise NotHealthy(wrong, lines)
            if health == "healthy":
                return
            if health in {None, "none"} and time.monotonic() >= steady_from:
                return
            await asyncio.sleep(LOOK_SECONDS)


def _crashed(found: Described) -> str | None:
    state = found["State"]
    if state.get("OOMKilled") and not state.get("Running"):
        return "the new container was ended for want of memory"
    if state.get("Restarting") or found.get("RestartCount", 0) > 0:
        return f"the new container crashed (exit {state.get('ExitCode')})"
    if not state.get("Running"):
        reason = state.get("Error") or f"exit {state.get('ExitCode')}"
        return f"the new container ended ({reason})"
    return None


def _said(found: Described) -> str:
    """Quote the last health check."""
    said = (found["State"].get("Health") or {}).get("Log") or []
    last = " ".join(str(said[-1].get("Output", "")).split()) if said else ""
    return f": {last[:200]}" if last else ""
