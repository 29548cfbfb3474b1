# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Discovery of a target's containers, and of unfinished deployments.

State is read from the engine: a successor has its predecessor's id as a
label, so a deployer without a journal finds where an update was interrupted.

A deployer that updates itself starts its successor, waits until it is
healthy, and exits. The successor responds to requests from the start, but
runs no deployment until its predecessor has exited; then it finds the two
containers, and finishes the update.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Final, TypeVar

from msrv.deployer.config_model import DeployConfig, Target
from msrv.deployer.engine.container import (
    DEPLOYMENT,
    REPLACES,
    TARGET,
    find_containers,
    is_running,
    is_unrenamed,
    labels_of,
    name_of,
)
from msrv.deployer.engine.docker import EngineClient, Inspection
from msrv.deployer.errors import (
    EngineError,
    EngineUnavailable,
    NoSuchObject,
)
from msrv.deployer.rollout.deployment import Deployment, DeploymentState
from msrv.deployer.rollout.journal import DeploymentJournal

log = logging.getLogger(__name__)

POLL_SECONDS: Final = 0.5
RETRY_SECONDS: Final = 2.0
_NUMBER: Final = "com.docker.compose.container-number"

_Result = TypeVar("_Result")


@dataclass(frozen=True, slots=True)
class Replacement:
    """A container and the successor that was created for it."""

    old: Inspection
    new: Inspection


@dataclass(slots=True)
class TargetContainers:
    """The containers of a target."""

    current: list[Inspection] = field(default_factory=list)
    """Those with no replacement under way, in the order of replicas."""
    replacements: list[Replacement] = field(default_factory=list)
    """Replacements under way: both containers exist."""
    unrenamed: list[Inspection] = field(default_factory=list)
    """Successors whose predecessor is gone and whose name isn't theirs yet."""


async def discover(engine: EngineClient, target: Target) -> TargetContainers:
    """Return the containers of a target, by how far each is replaced."""
    by_id = {
        each["Id"]: each for each in await find_containers(engine, target)
    }
    found = TargetContainers()
    involved: set[str] = set()
    for each in by_id.values():
        labels = labels_of(each)
        old = by_id.get(labels.get(REPLACES, ""))
        if labels.get(TARGET) != target.name:
            continue
        if old is not None:
            found.replacements.append(Replacement(old, each))
            involved |= {old["Id"], each["Id"]}
        elif is_unrenamed(each):
            found.unrenamed.append(each)
            involved.add(each["Id"])
    found.current = [
        each for each in by_id.values() if each["Id"] not in involved
    ]
    found.current.sort(key=_replica_order)
    return found


def _replica_order(container: Inspection) -> tuple[int, str]:
    number = labels_of(container).get(_NUMBER, "")
    return int(number) if number.isdecimal() else 0, name_of(container)


async def find_own_container(
    engine: EngineClient, hostname: str
) -> Inspection | None:
    """Return the container that this process runs in, if it runs in one.

    The host name of a container is the beginning of its id. Waits for an
    engine that is unavailable.
    """
    try:
        found = await _retry(lambda: engine.inspect(hostname))
    except EngineError:
        return None
    is_own = len(hostname) >= 12 and found["Id"].startswith(hostname)
    return found if is_own else None


async def wait_for_predecessor(
    engine: EngineClient, own: Inspection | None
) -> None:
    """Wait until the deployer that started this one has exited."""
    predecessor = labels_of(own).get(REPLACES) if own else None
    if predecessor is None:
        return
    is_logged = False
    while True:
        try:
            found = await _retry(lambda: engine.inspect(predecessor))
        except NoSuchObject:
            return
        if not is_running(found):
            return
        if not is_logged:
            log.info("waiting for %s to exit", predecessor[:12])
            is_logged = True
        await asyncio.sleep(POLL_SECONDS)


async def find_unfinished(
    engine: EngineClient,
    config: DeployConfig,
    journal: DeploymentJournal,
    now: float,
) -> list[Deployment]:
    """Return the deployments to resume, oldest first; `now` is Unix time.

    From the journal and, where that was lost, from the containers' labels. A
    deployment that the journal has a later one of is over, even if its end
    could not be written.
    """
    found = []
    for deployment in list(journal.deployments.values()):
        if deployment.state.is_final:
            continue
        later = _find_later(deployment, journal)
        if later is not None:
            deployment.finish(DeploymentState.SUPERSEDED, now)
            deployment.reason = f"superseded by {later.id}"
        elif deployment.target not in config.targets:
            deployment.finish(DeploymentState.FAILED, now)
            deployment.reason = "the target is no longer in deploy.toml"
        else:
            found.append(deployment)
            continue
        await journal.save(deployment)
    known = {each.target for each in found if each.starts}
    for name in config.targets:
        if name in known:
            continue
        try:
            interrupted = await _find_by_labels(
                engine, config.targets[name], now
            )
        except EngineError as error:
            log.warning(
                "%s: can't look for an interrupted update: %s; if the gate "
                "has another deploy.toml, restart both",
                name,
                error,
            )
            continue
        if interrupted is not None:
            log.warning("%s: resuming an interrupted update", name)
            found.append(interrupted)
    return found


def _find_later(
    deployment: Deployment, journal: DeploymentJournal
) -> Deployment | None:
    """Return a deployment of the same target that has run after this one.

    Deployments of a target run one after the other. One that was rebuilt from
    labels is no evidence: the time of its request is unknown.
    """
    for each in journal.deployments.values():
        if (
            each.target == deployment.target
            and each.requested_at > deployment.requested_at
            and each.state.is_final
            and each.started_at is not None
            and each.cause != "recovery"
        ):
            return each
    return None


async def _find_by_labels(
    engine: EngineClient, target: Target, now: float
) -> Deployment | None:
    containers = await _retry(lambda: discover(engine, target))
    successors = [each.new for each in containers.replacements]
    successors += containers.unrenamed
    if not successors:
        return None
    labels = labels_of(successors[0])
    return Deployment(
        labels.get(DEPLOYMENT, "unknown"),
        target.name,
        "recovery",
        int(now),
        state=DeploymentState.RUNNING,
        reference=str(successors[0]["Config"]["Image"]),
        image_id=str(successors[0]["Image"]),
        before=str(containers.replacements[0].old["Image"])
        if containers.replacements
        else "",
    )


async def _retry(call: Callable[[], Awaitable[_Result]]) -> _Result:
    """Return the result of a call, as soon as the engine is available."""
    while True:
        try:
            return await call()
        except EngineUnavailable as error:
            log.warning("%s; retrying", error)
            await asyncio.sleep(RETRY_SECONDS)
