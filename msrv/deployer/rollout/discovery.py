"""What is there of a target: read from the engine, not from memory.

A container in the middle of being replaced shows it: its successor carries
the old one's id as a label. So a deployer that knows nothing else finds its
place.
"""

from dataclasses import dataclass, field

from msrv.deployer.config_model import Target
from msrv.deployer.docker import Engine
from msrv.deployer.errors import NoSuchThing
from msrv.deployer.rollout import container_spec
from msrv.deployer.rollout.container_spec import Described, labels_of, name_of

PROJECT = "com.docker.compose.project"
SERVICE = "com.docker.compose.service"
_ONE_OFF = "com.docker.compose.oneoff"
_NUMBER = "com.docker.compose.container-number"


@dataclass(frozen=True, slots=True)
class Pair:
    """A container and the successor that was made for it."""

    old: Described
    new: Described


@dataclass(slots=True)
class Found:
    """The containers of a target."""

    settled: list[Described] = field(default_factory=list)
    """Those that are nobody's successor, or have taken their place."""
    pairs: list[Pair] = field(default_factory=list)
    heirs: list[Described] = field(default_factory=list)
    """Successors of who is gone already, still without the name."""


async def survey(engine: Engine, target: Target) -> Found:
    """Look at what is there, in the order of replicas."""
    by_id = {each["Id"]: each for each in await containers_of(engine, target)}
    found = Found()
    replaced: set[str] = set()
    for each in by_id.values():
        labels = labels_of(each)
        old = by_id.get(labels.get(container_spec.REPLACES, ""))
        if labels.get(container_spec.TARGET) != target.name:
            continue
        if old is not None:
            found.pairs.append(Pair(old, each))
            replaced |= {old["Id"], each["Id"]}
        elif labels.get(container_spec.NAME, name_of(each)) != name_of(each):
            found.heirs.append(each)
            replaced.add(each["Id"])
    found.settled = [
        each for each in by_id.values() if each["Id"] not in replaced
    ]
    found.settled.sort(key=_order)
    return found


def is_running(container: Described) -> bool:
    """Whether it runs (or is just being started again)."""
    state = container["State"]
    return bool(state.get("Running"))


def is_of(target: Target, container: Described) -> bool:
    """Whether a container is one of a target's."""
    labels = labels_of(container)
    if target.project is not None:
        return (
            labels.get(PROJECT) == target.project
            and labels.get(SERVICE) == target.service
        )
    return (
        name_of(container) in target.containers
        or labels.get(container_spec.TARGET) == target.name
    )


async def containers_of(engine: Engine, target: Target) -> list[Described]:
    """Describe every container of a target, running or not."""
    if target.project is not None:
        return await engine.find(
            {
                PROJECT: target.project,
                SERVICE: target.service or "",
                _ONE_OFF: "False",
            }
        )
    found = {}
    for name in target.containers:
        try:
            each = await engine.inspect(name)
        except NoSuchThing:
            continue
        found[each["Id"]] = each
    for each in await engine.find({container_spec.TARGET: target.name}):
        found[each["Id"]] = each
    return list(found.values())


def _order(container: Described) -> tuple[int, str]:
    number = labels_of(container).get(_NUMBER, "")
    return int(number) if number.isdecimal() else 0, name_of(container)
