# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Replacement of one container by its successor.

With `rolling`, the old one serves until the new one is healthy; with
`recreate` it is stopped first. On failure the old one runs again and the new
one is removed; once the new one serves alone, nothing undoes that. Each phase
checks whether it has been done already, so that a replacement which was
interrupted can be resumed.
"""

import asyncio
import contextlib
import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from msrv.deployer.config_model import Target
from msrv.deployer.engine.container import (
    DEPLOYMENT,
    NAME,
    REPLACES,
    TARGET,
    is_running,
    labels_of,
    name_of,
    networks_of,
    networks_without_names,
    obstacle_to_a_second,
)
from msrv.deployer.engine.docker import EngineClient, Inspection
from msrv.deployer.errors import (
    EngineError,
    NoSuchObject,
    NotHealthy,
    NotReplaceable,
    RolloutFailed,
)
from msrv.deployer.rollout.discovery import Replacement

log = logging.getLogger(__name__)

POLL_SECONDS: Final = 0.3
STEADY_SECONDS: Final = 10
"""Time for which a container without a health check has to run."""

ReportStep = Callable[[str], Awaitable[None]]
"""Called with each step before it is done."""


@dataclass(frozen=True, slots=True)
class Replacer:
    """Replaces containers of one target, for one deployment."""

    engine: EngineClient
    target: Target
    deployment: str
    image_id: str
    """Of the successors."""
    report: ReportStep
    own_id: str = ""
    """The container that this process runs in, if it is one of them."""

    async def replace(self, old: Inspection) -> None:
        """Replace a container that has no successor yet.

        Raises RolloutFailed, with the old one running.
        """
        name = name_of(old)
        if self.target.strategy == "recreate" and old["Id"] == self.own_id:
            raise NotReplaceable(
                "a deployer can't start its successor after it has stopped; "
                'set strategy = "rolling"'
            )
        if self.target.strategy == "rolling":
            obstacle = obstacle_to_a_second(old)
            if obstacle is not None:
                raise NotReplaceable(
                    f"{name} can't run beside its successor: {obstacle}; set "
                    'strategy = "recreate"'
                )
        await self.report(f"creating the successor of {name}")
        try:
            new = await self._create_successor(old)
        except EngineError as error:
            raise RolloutFailed(
                f"the successor of {name} can't be created: {error}"
            ) from error
        await self.resume(Replacement(old, new))

    async def resume(self, replacement: Replacement) -> None:
        """Finish a replacement, whatever phase it is in.

        Raises RolloutFailed, with the old one running and the new one gone,
        unless the engine refused that: then the rollout undoes it once more.
        """
        try:
            if self.target.strategy == "rolling":
                await self._start_then_stop(replacement)
            else:
                await self._stop_then_start(replacement)
        except RolloutFailed:
            await self._try_to_undo(replacement)
            raise
        except EngineError as error:
            await self._try_to_undo(replacement)
            raise RolloutFailed(str(error)) from error
        try:
            await self._remove_old(replacement)
        except (RolloutFailed, EngineError) as error:
            # The new one serves, so this is no reason to undo.
            log.warning(
                "%s was replaced, but: %s", name_of(replacement.old), error
            )

    async def undo(self, replacement: Replacement) -> Inspection:
        """Return the old container, running, after removing the new one."""
        old_id, new_id = replacement.old["Id"], replacement.new["Id"]
        await self.report(f"undoing: {name_of(replacement.old)} stays")
        old = await self.engine.inspect(old_id)
        if not is_running(old):
            if (
                self.target.strategy == "recreate"
                or obstacle_to_a_second(old) is not None
            ):
                # Removed only later, since its labels lead back to the old
                # one if this is interrupted.
                await self._stop_if_running(new_id)
            await self.engine.start(old_id)
        await self.engine.remove(new_id, force=True)
        return await self.engine.inspect(old_id)

    async def is_switched(self, replacement: Replacement) -> bool:
        """Return whether the new container serves and the old one doesn't."""
        old = await self.engine.inspect(replacement.old["Id"])
        new = await self.engine.inspect(replacement.new["Id"])
        return (
            not is_running(old)
            and is_running(new)
            and not new["State"].get("Restarting")
            and _health(new) in {None, "none", "healthy"}
        )

    async def finish(self, replacement: Replacement) -> Inspection:
        """Return the new container, once it is alone and has all its names.

        Raises RolloutFailed if the old one can't be removed.
        """
        await self._take_over_names(replacement)
        await self._remove_old(replacement)
        return await self.engine.inspect(replacement.new["Id"])

    async def _try_to_undo(self, replacement: Replacement) -> None:
        try:
            await self.undo(replacement)
        except EngineError as error:
            log.warning(
                "%s: undoing failed: %s", name_of(replacement.old), error
            )

    async def finish_rename(self, successor: Inspection) -> Inspection:
        """Return a successor, renamed, whose predecessor has been removed."""
        if not is_running(successor):
            await self.engine.start(successor["Id"])
        await self.engine.rename(successor["Id"], labels_of(successor)[NAME])
        return await self.engine.inspect(successor["Id"])

    async def _create_successor(self, old: Inspection) -> Inspection:
        """Create a successor from the image, and return it.

        The request names the image and the predecessor; the gate adds the
        rest of the specification, and a label that says so. An engine that is
        reached directly would create an empty container from that request.
        """
        created = await self.engine.create(
            f"{name_of(old)}-{self.deployment[:8]}",
            {
                "Image": self.image_id,
                "Labels": {
                    DEPLOYMENT: self.deployment,
                    REPLACES: old["Id"],
                },
            },
        )
        new = await self.engine.inspect(created)
        if labels_of(new).get(TARGET) != self.target.name:
            await self.engine.remove(created, force=True)
            raise RolloutFailed(
                "MSRV_DEPLOY_ENGINE is not the address of a gate: see "
                "docs/deployer.md"
            )
        return new

    async def _start_then_stop(self, replacement: Replacement) -> None:
        """Start the new container, check it, name it, and stop the old one."""
        old, new = replacement.old["Id"], replacement.new["Id"]
        name = name_of(replacement.old)
        if not is_running(await self.engine.inspect(new)):
            await self.report(f"starting the successor of {name}")
            await self.engine.start(new)
        await self.report(
            f"waiting for the successor of {name} to become healthy"
        )
        await self._wait_until_healthy(new)
        await self._take_over_names(replacement)
        if not is_running(await self._inspect_old(replacement)):
            return
        # Clients learn of it by name within this time; it has to stay
        # healthy with their requests.
        await asyncio.sleep(self.target.settle_seconds)
        await self._wait_until_healthy(new)
        await self.report(f"draining {name}")
        await self._stop_old(old, new)

    async def _stop_then_start(self, replacement: Replacement) -> None:
        """Stop the old container, then start the new one and check it."""
        old, new = replacement.old["Id"], replacement.new["Id"]
        name = name_of(replacement.old)
        if is_running(await self.engine.inspect(old)):
            await self.report(f"draining {name}")
            await self._stop_old(old, new)
        if not is_running(await self.engine.inspect(new)):
            await self.report(f"starting the successor of {name}")
            await self.engine.start(new)
        await self.report(
            f"waiting for the successor of {name} to become healthy"
        )
        await self._wait_until_healthy(new)

    async def _take_over_names(self, replacement: Replacement) -> None:
        """Connect the new container with the old one's names, if need be."""
        name, new = name_of(replacement.old), replacement.new["Id"]
        networks = networks_without_names(
            await self._inspect_old(replacement),
            await self.engine.inspect(new),
        )
        if networks:
            await self.report(f"directing requests to the successor of {name}")
        for network in networks:
            if network in networks_of(await self.engine.inspect(new)):
                await self.engine.disconnect(network, new)
            await self.engine.connect(network, new)

    async def _inspect_old(self, replacement: Replacement) -> Inspection:
        try:
            return await self.engine.inspect(replacement.old["Id"])
        except NoSuchObject:
            raise RolloutFailed(
                f"{name_of(replacement.old)} was removed during its update"
            ) from None

    async def _stop_if_running(self, container: str) -> None:
        """Stop a container, unless it has exited or is gone."""
        with contextlib.suppress(NoSuchObject):
            if is_running(await self.engine.inspect(container)):
                await self.engine.stop(container, self.target.drain_seconds)

    async def _stop_old(self, old: str, new: str) -> None:
        if old == self.own_id:
            # This process ends here. Its successor has been waiting for
            # that, and finishes the deployment.
            log.info("handing over to %s", new[:12])
        await self.engine.stop(old, self.target.drain_seconds)

    async def _remove_old(self, replacement: Replacement) -> None:
        """Remove the old container and give its name to the new one."""
        name = name_of(replacement.old)
        await self.report(f"removing the old {name}")
        try:
            await self.engine.remove(replacement.old["Id"])
        except EngineError as error:
            raise RolloutFailed(
                f"the old {name} can't be removed: {error}"
            ) from error
        await self.engine.rename(replacement.new["Id"], name)

    async def _wait_until_healthy(self, container: str) -> None:
        """Wait until it is healthy. Raises NotHealthy with its last lines."""
        deadline = time.monotonic() + self.target.health_seconds
        steady_at = time.monotonic() + min(
            STEADY_SECONDS, self.target.health_seconds
        )
        while True:
            try:
                found = await self.engine.inspect(container)
            except NoSuchObject:
                raise NotHealthy("the new container is gone") from None
            health = _health(found)
            # A container that has exited is called unhealthy too; that it
            # exited is the better reason.
            failure = _exit_reason(found)
            if failure is None and health == "unhealthy":
                failure = "the new container is unhealthy" + _last_check(found)
            if failure is None and time.monotonic() >= deadline:
                failure = (
                    "the new container was not healthy within "
                    f"{self.target.health_seconds} s"
                ) + _last_check(found)
            if failure is not None:
                lines = await self.engine.log_lines(container)
                raise NotHealthy(failure, lines)
            if health == "healthy":
                return
            if health in {None, "none"} and time.monotonic() >= steady_at:
                return
            await asyncio.sleep(POLL_SECONDS)


def _health(container: Inspection) -> str | None:
    """Return the result of a container's health check, None without one."""
    return (container["State"].get("Health") or {}).get("Status")


def _exit_reason(container: Inspection) -> str | None:
    """Return why a container doesn't run, or None if it does."""
    state = container["State"]
    if state.get("OOMKilled") and not state.get("Running"):
        return "the new container was killed: out of memory"
    if state.get("Restarting") or container.get("RestartCount", 0) > 0:
        return f"the new container crashed (exit {state.get('ExitCode')})"
    if not state.get("Running"):
        reason = state.get("Error") or f"exit {state.get('ExitCode')}"
        return f"the new container exited ({reason})"
    return None


def _last_check(container: Inspection) -> str:
    """Return the output of the last health check, after a colon."""
    checks = (container["State"].get("Health") or {}).get("Log") or []
    output = str(checks[-1].get("Output", "")) if checks else ""
    text = " ".join(output.split())
    return f": {text[:200]}" if text else ""
