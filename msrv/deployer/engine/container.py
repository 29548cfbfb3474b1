# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Containers as the engine describes them, and the deployer's labels on them.

A successor has its predecessor's id and name as labels, so that a deployer
which lost everything else can resume a replacement. The deployer and the gate
agree on the labels' meaning, and may be of different versions.
"""

from typing import Final

from msrv.deployer.config_model import Target
from msrv.deployer.engine.docker import EngineClient, Inspection
from msrv.deployer.errors import NoSuchObject

TARGET: Final = "msrv.deployer.target"
DEPLOYMENT: Final = "msrv.deployer.deployment"
REPLACES: Final = "msrv.deployer.replaces"
"""The id of the predecessor."""
NAME: Final = "msrv.deployer.name"
"""The name that the successor gets once the predecessor is removed."""

COMPOSE_PROJECT: Final = "com.docker.compose.project"
COMPOSE_SERVICE: Final = "com.docker.compose.service"
COMPOSE_IMAGE: Final = "com.docker.compose.image"
"""Compose recreates a container whose label differs from the image of the
service."""
_COMPOSE_ONE_OFF: Final = "com.docker.compose.oneoff"

NETWORKS_WITHOUT_ALIASES: Final = frozenset(
    {"bridge", "default", "host", "none"}
)


def name_of(container: Inspection) -> str:
    """Return a container's name without the engine's leading slash."""
    return str(container["Name"]).removeprefix("/")


def labels_of(container: Inspection) -> dict[str, str]:
    """Return a container's labels."""
    return dict(container["Config"].get("Labels") or {})


def networks_of(container: Inspection) -> dict[str, Inspection]:
    """Return the endpoints of a container, by the names of the networks."""
    return container["NetworkSettings"].get("Networks") or {}


def is_running(container: Inspection) -> bool:
    """Return whether a container runs, or is just being restarted."""
    return bool(container["State"].get("Running"))


def short_id(container: Inspection) -> str:
    """Return a container's default host name, also an alias of it."""
    return str(container["Id"])[:12]


def successor_name(name: str, deployment: str) -> str:
    """Return a successor's name until its predecessor is removed."""
    return f"{name}-{deployment[:8]}"


def is_unrenamed(container: Inspection) -> bool:
    """Return whether a successor has yet to get its predecessor's name.

    One with any third name was renamed by an operator.
    """
    labels = labels_of(container)
    return NAME in labels and name_of(container) == successor_name(
        labels[NAME], labels.get(DEPLOYMENT, "")
    )


def aliases(container: Inspection, endpoint: Inspection) -> list[str]:
    """Return a container's names on a network, without its own short id.

    A successor has at least its service's: it has yet to get that one if its
    predecessor disappeared too early.
    """
    found = [
        each
        for each in endpoint.get("Aliases") or []
        if each != short_id(container)
    ]
    labels = labels_of(container)
    service = labels.get(COMPOSE_SERVICE)
    if REPLACES in labels and service is not None and service not in found:
        found.append(service)
    return found


def networks_without_names(old: Inspection, new: Inspection) -> list[str]:
    """Return the networks on which `new` lacks a name of `old`.

    With a successor as both, those on which it lacks its service's name.
    """
    have = networks_of(new)
    found = []
    for network, endpoint in networks_of(old).items():
        if network in {"host", "none"}:
            continue
        wanted: set[str] = set()
        if network not in NETWORKS_WITHOUT_ALIASES:
            wanted = set(aliases(old, endpoint))
        if network not in have or (
            wanted - set(have[network].get("Aliases") or ())
        ):
            found.append(network)
    return found


def obstacle_to_a_second(container: Inspection) -> str | None:
    """Return why a container can't run beside its successor, or None."""
    host = container["HostConfig"]
    if host.get("NetworkMode") == "host":
        return "it uses the host's network"
    for port, bindings in (host.get("PortBindings") or {}).items():
        if any(
            each.get("HostPort") not in {"", "0"} for each in bindings or ()
        ):
            return f"it publishes {port} on a fixed port of the host"
    for network, endpoint in networks_of(container).items():
        fixed = endpoint.get("IPAMConfig") or {}
        if fixed.get("IPv4Address") or fixed.get("IPv6Address"):
            return f"it has a fixed address on {network}"
    return None


def belongs_to(target: Target, container: Inspection) -> bool:
    """Return whether a container is one of a target's."""
    labels = labels_of(container)
    if target.project is not None:
        return (
            labels.get(COMPOSE_PROJECT) == target.project
            and labels.get(COMPOSE_SERVICE) == target.service
        )
    return (
        name_of(container) in target.containers
        or labels.get(TARGET) == target.name
    )


async def find_containers(
    engine: EngineClient, target: Target
) -> list[Inspection]:
    """Return every container of a target, running or not."""
    if target.project is not None:
        return await engine.find(
            {
                COMPOSE_PROJECT: target.project,
                COMPOSE_SERVICE: target.service or "",
                _COMPOSE_ONE_OFF: "False",
            }
        )
    found = {}
    for name in target.containers:
        try:
            each = await engine.inspect(name)
        except NoSuchObject:
            continue
        found[each["Id"]] = each
    for each in await engine.find({TARGET: target.name}):
        found[each["Id"]] = each
    return list(found.values())
