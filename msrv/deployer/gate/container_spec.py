# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Specification of a successor: the request that creates it. Pure.

The engine's description of a container includes the defaults of its image.
Values that equal the old image's are left to the new image; those that differ
were set by Compose or the operator, and are kept. So are Compose's labels, by
which it recognises the container as its own.
"""

from typing import Any, Final

from msrv.deployer.engine.container import (
    COMPOSE_IMAGE,
    NETWORKS_WITHOUT_ALIASES,
    aliases,
    labels_of,
    name_of,
    networks_of,
    short_id,
)
from msrv.deployer.engine.docker import Inspection
from msrv.deployer.errors import NotReplaceable

_INHERITED: Final = (
    "User",
    "WorkingDir",
    "StopSignal",
    "Healthcheck",
    "Shell",
)
_SETS: Final = ("ExposedPorts", "Volumes")
_NOT_COPIED: Final = ("Image", "OnBuild", "MacAddress", "Hostname")


def successor_spec(
    old: Inspection,
    old_image: Inspection,
    image_id: str,
    labels: dict[str, str],
    *,
    named: bool,
) -> dict[str, Any]:
    """Return the request that recreates `old` from the image `image_id`.

    By the image's id, since a tag may mean another image a moment later.
    `labels` are added. Unless `named`, the successor joins the networks
    without the names by which others find `old`. Raises NotReplaceable.
    """
    host = dict(old["HostConfig"])
    if str(host.get("NetworkMode", "")).startswith("container:"):
        raise NotReplaceable(
            f"{name_of(old)} uses the network of another container"
        )
    if host.get("AutoRemove"):
        raise NotReplaceable(
            f"{name_of(old)} runs with --rm, so it could not be restored"
        )
    host.pop("ContainerIDFile", None)
    host["Mounts"] = _mounts(old)
    host["Binds"] = [
        each for each in host.get("Binds") or () if ":" in str(each)
    ]
    kept = _without_defaults(labels_of(old), _config(old_image).get("Labels"))
    if COMPOSE_IMAGE in kept:
        kept[COMPOSE_IMAGE] = image_id
    spec = {
        **_own_config(old, _config(old_image)),
        "Image": image_id,
        "Labels": {**kept, **labels},
        "HostConfig": host,
    }
    networks = endpoints(old, named=named)
    if networks:
        spec["NetworkingConfig"] = {"EndpointsConfig": networks}
    return spec


def endpoints(old: Inspection, *, named: bool) -> dict[str, Inspection]:
    """Return the successor's endpoints by network; `named`, with aliases."""
    found = {}
    for network, endpoint in networks_of(old).items():
        if network in {"host", "none"}:
            continue
        copied: Inspection = {}
        for key in ("IPAMConfig", "Links", "DriverOpts"):
            if endpoint.get(key):
                copied[key] = endpoint[key]
        if named and network not in NETWORKS_WITHOUT_ALIASES:
            copied["Aliases"] = aliases(old, endpoint)
        found[network] = copied
    return found


def _config(image: Inspection) -> Inspection:
    return image.get("Config") or {}


def _own_config(old: Inspection, inherited: Inspection) -> dict[str, Any]:
    """Return the part of the configuration that the image did not set."""
    config = {
        key: value
        for key, value in old["Config"].items()
        if key not in _NOT_COPIED
    }
    hostname = old["Config"].get("Hostname", "")
    if hostname and hostname != short_id(old):
        config["Hostname"] = hostname
    for key in _INHERITED:
        if config.get(key) == inherited.get(key):
            config.pop(key, None)
    for key in _SETS:
        if key in config:
            config[key] = _without_defaults(config[key], inherited.get(key))
    defaults = inherited.get("Env") or []
    config["Env"] = [
        each for each in config.get("Env") or [] if each not in defaults
    ]
    # A custom entry point replaces the image's command too.
    if config.get("Entrypoint") == inherited.get("Entrypoint"):
        config.pop("Entrypoint", None)
        if config.get("Cmd") == inherited.get("Cmd"):
            config.pop("Cmd", None)
    return config


def _without_defaults(
    values: dict[str, Any] | None, defaults: dict[str, Any] | None
) -> dict[str, Any]:
    defaults = defaults or {}
    return {
        key: value
        for key, value in (values or {}).items()
        if key not in defaults or defaults[key] != value
    }


def _mounts(old: Inspection) -> list[dict[str, Any]]:
    """Return the mounts of `old`, with the anonymous volumes it has now.

    Compose keeps these too when it recreates a container.
    """
    host = old["HostConfig"]
    mounts = [each for each in host.get("Mounts") or () if each.get("Source")]
    targets = {str(each.get("Target")) for each in mounts}
    targets |= {
        str(bind).split(":")[1]
        for bind in host.get("Binds") or ()
        if ":" in str(bind)
    }
    # A tmpfs mount has no source, and nothing to keep.
    mounts += [
        each
        for each in host.get("Mounts") or ()
        if not each.get("Source") and each.get("Type") != "volume"
    ]
    return mounts + [
        {
            "Type": "volume",
            "Source": mount["Name"],
            "Target": mount["Destination"],
            "ReadOnly": not mount.get("RW", True),
        }
        for mount in old.get("Mounts") or ()
        if mount.get("Type") == "volume"
        and mount["Destination"] not in targets
    ]
