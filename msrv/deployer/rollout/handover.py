"""From one deployer to the next: the one that was killed, or that updated us.

A deployer that updates itself starts its successor, waits until it is
healthy, and ends. The successor answers from the start and does nothing
until the other has gone; then it finds the pair of them, and finishes.
"""

import asyncio
import logging
import time
from typing import Final

from msrv.deployer.config_model import Config
from msrv.deployer.docker import Engine
from msrv.deployer.errors import EngineAway, EngineError, NoSuchThing
from msrv.deployer.rollout import container_spec
from msrv.deployer.rollout.container_spec import Described, labels_of
from msrv.deployer.rollout.deployment import Deployment, State
from msrv.deployer.rollout.discovery import is_running, survey
from msrv.deployer.rollout.journal import Journal

log = logging.getLogger(__name__)

_LOOK_SECONDS: Final = 0.5
_AWAY_SECONDS: Final = 2.0


async def own_container(engine: Engine, hostname: str) -> Described | None:
    """Find the container that this program runs in, if it does.

    A container's name for itself is the beginning of its id. Waits for an
    engine that is away.
    """
    while True:
        try:
            found = await engine.inspect(hostname)
        except EngineAway as error:
            log.warning("%s; waiting for it", error)
            await asyncio.sleep(_AWAY_SECONDS)
        except EngineError:
            return None
        else:
            is_it = len(hostname) >= 12 and found["Id"].startswith(hostname)
            return found if is_it else None


async def until_alone(engine: Engine, own: Described | None) -> None:
    """Wait until the deployer that started us has ended."""
    before = labels_of(own).get(container_spec.REPLACES) if own else None
    if before is None:
        return
    waits = False
    while True:
        try:
            if not is_running(await engine.inspect(before)):
                return
        except NoSuchThing:
            return
        except EngineAway as error:
            log.warning("%s; waiting for it", error)
        if not waits:
            log.info("waiting for %s to hand over", before[:12])
            waits = True
        await asyncio.sleep(_LOOK_SECONDS)


async def unfinished(
    engine: Engine, config: Config, journal: Journal
) -> list[Deployment]:
    """Find what was begun and not ended, oldest first.

    By the journal; where that was lost, by the containers' labels.
    """
    found = []
    for deployment in list(journal.deployments.values()):
        if deployment.state.is_end:
            continue
        if deployment.target in config.targets:
            found.append(deployment)
            continue
        deployment.state = State.FAILED
        deployment.reason = "deploy.toml has no such target any more"
        await journal.save(deployment)
    known = {each.target for each in found if each.starts}
    for name in config.targets:
        if name in known:
            continue
        lost = await _lost(engine, config, name)
        if lost is not None:
            log.warning("%s: an update was left halfway; going on", name)
            found.append(lost)
    return found


async def _lost(
    engine: Engine, config: Config, name: str
) -> Deployment | None:
    while True:
        try:
            seen = await survey(engine, config.targets[name])
        except EngineAway as error:
            log.warning("%s; waiting for it", error)
            await asyncio.sleep(_AWAY_SECONDS)
            continue
        break
    news = [pair.new for pair in seen.pairs] + seen.heirs
    if not news:
        return None
    labels = labels_of(news[0])
    return Deployment(
        labels.get(container_spec.DEPLOYMENT, "unknown"),
        name,
        "recovery",
        int(time.time()),
        state=State.RUNNING,
        reference=str(news[0]["Config"]["Image"]),
        image_id=str(news[0]["Image"]),
        before=str(seen.pairs[0].old["Image"]) if seen.pairs else "",
    )
