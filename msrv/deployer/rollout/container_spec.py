"""How a container is made again from another image. Pure.

The engine describes a container with everything that its image says mixed
in. What equals the old image's word is left to the new image; what differs
was said by whoever made the container (Compose, mostly), and is kept: so are
Compose's labels, by which it goes on knowing the container as its own.
"""

from typing import Any, Final

from msrv.deployer.errors import CantReplace

Described = dict[str, Any]

TARGET: Final = "msrv.deployer.target"
DEPLOYMENT: Final = "msrv.deployer.deployment"
REPLACES: Final = "msrv.deployer.replaces"
NAME: Final = "msrv.deployer.name"
COMPOSE_IMAGE: Final = "com.docker.compose.image"
"""Compose compares it with the image of the service, and makes the container
again where they differ."""

_INHERITED: Final = (
    "User",
    "WorkingDir",
    "StopSignal",
    "Healthcheck",
    "Shell",
)
_SETS: Final = ("ExposedPorts", "Volumes")
_OF_THIS_ONE: Final = ("Image", "OnBuild", "MacAddress", "Hostname")
_NO_NAMES: Final = frozenset({"bridge", "default", "host", "none"})
"""Networks on which containers have no names."""


def name_of(container: Described) -> str:
    """Name a container without the engine's slash."""
    return str(container["Name"]).removeprefix("/")


def labels_of(container: Described) -> dict[str, str]:
    """Give its labels."""
    return dict(container["Config"].get("Labels") or {})


def spec(
    old: Described,
    old_image: Described,
    image_id: str,
    ours: dict[str, str],
    *,
    named: bool,
) -> Described:
    """Return the request that creates `old` anew from the image `image_id`.

    By its id, since a tag may mean another image a moment later. `ours` are
    the deployer's labels. Unless `named`, it is on the networks without the
    names that others know `old` by. Raises CantReplace.
    """
    host = dict(old["HostConfig"])
    if str(host.get("NetworkMode", "")).startswith("container:"):
        raise CantReplace(f"{name_of(old)} lives on another's network")
    if host.get("AutoRemove"):
        raise CantReplace(f"{name_of(old)} runs with --rm: no way back")
    host.pop("ContainerIDFile", None)
    host["Mounts"] = _mounts(old)
    host["Binds"] = [
        each for each in host.get("Binds") or () if ":" in str(each)
    ]
    labels = _without(labels_of(old), _config(old_image).get("Labels"))
    if COMPOSE_IMAGE in labels:
        labels[COMPOSE_IMAGE] = image_id
    made = {
        **_own(old, _config(old_image)),
        "Image": image_id,
        "Labels": {**labels, **ours},
        "HostConfig": host,
    }
    networks = endpoints(old, named=named)
    if networks:
        made["NetworkingConfig"] = {"EndpointsConfig": networks}
    return made


def endpoints(old: Described, *, named: bool) -> dict[str, Described]:
    """Say how it is on each network; `named`, with its names."""
    found = {}
    for network, endpoint in _networks(old).items():
        if network in {"host", "none"}:
            continue
        made: Described = {}
        for key in ("IPAMConfig", "Links", "DriverOpts"):
            if endpoint.get(key):
                made[key] = endpoint[key]
        if named and network not in _NO_NAMES:
            made["Aliases"] = aliases(old, endpoint)
        found[network] = made
    return found


def aliases(old: Described, endpoint: Described) -> list[str]:
    """Name what others call it on a network; its short id is only its own."""
    return [
        each
        for each in endpoint.get("Aliases") or []
        if not str(old["Id"]).startswith(each)
    ]


def nameless(old: Described, new: Described) -> dict[str, Described]:
    """Say on which networks `new` still lacks a name of `old`, and how."""
    have = _networks(new)
    wanted = endpoints(old, named=True)
    return {
        network: endpoint
        for network, endpoint in wanted.items()
        if network not in have
        or set(endpoint.get("Aliases", ()))
        - set(have[network].get("Aliases") or ())
    }


def is_on(container: Described, network: str) -> bool:
    """Whether a container is on a network."""
    return network in _networks(container)


def why_not_twice(old: Described) -> str | None:
    """Say why it can't run beside its successor; None if it can."""
    host = old["HostConfig"]
    if host.get("NetworkMode") == "host":
        return "it has the machine's own network"
    for port, bound in (host.get("PortBindings") or {}).items():
        if any(each.get("HostPort") not in {"", "0"} for each in bound or ()):
            return f"it holds a port of the machine for {port}"
    for network, endpoint in _networks(old).items():
        fixed = endpoint.get("IPAMConfig") or {}
        if fixed.get("IPv4Address") or fixed.get("IPv6Address"):
            return f"it has a fixed address on {network}"
    return None


def _networks(container: Described) -> dict[str, Described]:
    return container["NetworkSettings"].get("Networks") or {}


def _config(image: Described) -> Described:
    return image.get("Config") or {}


def _own(old: Described, inherited: Described) -> Described:
    """Keep of the configuration what the image did not say."""
    config = {
        key: value
        for key, value in old["Config"].items()
        if key not in _OF_THIS_ONE
    }
    hostname = old["Config"].get("Hostname", "")
    if hostname and not str(old["Id"]).startswith(hostname):
        config["Hostname"] = hostname
    for key in _INHERITED:
        if config.get(key) == inherited.get(key):
            config.pop(key, None)
    for key in _SETS:
        if key in config:
            config[key] = _without(config[key], inherited.get(key))
    said = inherited.get("Env") or []
    config["Env"] = [
        each for each in config.get("Env") or [] if each not in said
    ]
    # Whoever sets an entry point has said all that is run.
    if config.get("Entrypoint") == inherited.get("Entrypoint"):
        config.pop("Entrypoint", None)
        if config.get("Cmd") == inherited.get("Cmd"):
            config.pop("Cmd", None)
    return config


def _without(
    given: dict[str, Any] | None, said: dict[str, Any] | None
) -> dict[str, Any]:
    said = said or {}
    return {
        key: value
        for key, value in (given or {}).items()
        if key not in said or said[key] != value
    }


def _mounts(old: Described) -> list[Described]:
    """Mount what it mounts; a volume that nobody named is the same again.

    Compose does so too when it makes a container again.
    """
    host = old["HostConfig"]
    given = [each for each in host.get("Mounts") or () if each.get("Source")]
    said = {str(each.get("Target")) for each in given}
    said |= {
        str(bind).split(":")[1]
        for bind in host.get("Binds") or ()
        if ":" in str(bind)
    }
    # A tmpfs mount has no source, and nothing to be kept.
    given += [
        each
        for each in host.get("Mounts") or ()
        if not each.get("Source") and each.get("Type") != "volume"
    ]
    return given + [
        {
            "Type": "volume",
            "Source": mount["Name"],
            "Target": mount["Destination"],
            "ReadOnly": not mount.get("RW", True),
        }
        for mount in old.get("Mounts") or ()
        if mount.get("Type") == "volume" and mount["Destination"] not in said
    ]
